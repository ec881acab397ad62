"""What a policy file carries beside its decisions: confidence, a reference for drift, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import outlay
from outlay.errors import UserError
from outlay.models.identity import tokenizer_of, weights_of
from outlay.policies import Policy
from outlay.policies.carried import Origin
from outlay.promises import Promise
from outlay.study.pools import Ints, Pool
from outlay.study.promising import Kept, Ready, part
from outlay.study.replays import orders_of, probabilities_from, replay_plans
from outlay.study.runs import Recorded
from outlay.study.settings import Settings
from outlay.study.sureness import FITTING_ORDERS, confidence_of, reference_of


def kept_whole(kept: Kept, candidates: Ready, found: Recorded) -> Policy:
    """The promised policy with all that it carries."""
    return _carrying(
        kept.policy, candidates.pool, candidates.orders, found, candidates.parted.learn, candidates.parted.test
    )


def capped_whole(policy: Policy, budget: float, found: Recorded, settings: Settings) -> Policy:
    """A policy that never spends more than the budget on a question, with all that it carries; plans above it are left out.

    Raises UserError where no plan fits.
    """
    plans = tuple(plan for plan in policy.plans if plan.budget <= budget)
    if not plans:
        raise UserError(f"The least plan takes {policy.plans[0].budget:g} generations, above the budget of {budget:g}.")
    measured = plans[-1].measured
    promise = Promise(
        kind="hard_cap",
        target=budget,
        level=1.0,
        estimate=plans[-1].budget if measured is None else measured.cost.mean,
        bound=plans[-1].budget,
        candidate=f"up to {plans[-1].budget:g}",
    )
    parted = part(len(found.pool.questions), settings.seed)
    pool = probabilities_from(found.pool, parted.learn)
    orders = orders_of(pool, FITTING_ORDERS, settings.seed)
    capped = policy.model_copy(update={"plans": plans, "promise": promise})
    return _carrying(capped, pool, orders, found, parted.learn, parted.test)


def origin_of(found: Recorded) -> Origin:
    """Hashes of the traces, and of the weights and tokenizers that lie on this machine."""
    addresses = [name for name in (found.pool.model, found.verifier) if name]
    weights = {name: digest for name in addresses if (digest := weights_of(name)) is not None}
    tokenizers = {name: digest for name in addresses if (digest := tokenizer_of(name)) is not None}
    return Origin(traces=traces_digest(found.pool), weights=weights, tokenizers=tokenizers, outlay=outlay.__version__)


def traces_digest(pool: Pool) -> str:
    """SHA-256 of what calibrating reads of the samples: identifiers, correctness, classes of answers, scores; however they are
    stored.
    """
    digest = sha256(repr((pool.task, pool.model, pool.questions)).encode())
    for array in (pool.correct, pool.answers, pool.scores):
        digest.update(b"none" if array is None else repr((array.shape, array.dtype.str)).encode() + array.tobytes())
    return digest.hexdigest()


def _carrying(policy: Policy, pool: Pool, orders: Sequence[Ints], found: Recorded, learn: Ints, test: Ints) -> Policy:
    plan, first = policy.plans[-1], orders[0]
    spent = replay_plans(pool, policy, [plan], [first], found.runs).cost[:, 0]
    return policy.model_copy(
        update={
            "answer_confidence": confidence_of(pool, orders, policy, plan, learn, policy.calibrated.seed),
            "drift": reference_of(pool, first, policy, plan, spent, learn, test),
            "origin": origin_of(found),
        }
    )
