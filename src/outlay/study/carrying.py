"""What a policy file carries beside its decisions: confidence, a reference for drift, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import outlay
from outlay.errors import UserError
from outlay.models.identity import tokenizer_of, weights_of
from outlay.policies import AcrossPolicy, PerBinPolicy, Plan, RulePolicy, SequentialPolicy
from outlay.policies.carried import Origin
from outlay.promises import Promise
from outlay.study.options import Option, named
from outlay.study.pools import Ints, Pool
from outlay.study.promising import Kept, Parted, Ready, part
from outlay.study.replays import orders_of, probabilities_from
from outlay.study.runs import Recorded
from outlay.study.settings import Settings
from outlay.study.sureness import FITTING_ORDERS, Sureness, confidences_of, reference_of


def kept_whole(kept: Kept, candidates: Ready, found: Recorded) -> PerBinPolicy | SequentialPolicy | RulePolicy:
    """The promised policy with all that it carries."""
    parted = candidates.parted
    carried = _carried(candidates.pool, candidates.orders, kept.option, found, parted, kept.policy.calibrated.seed)
    return kept.policy.model_copy(update=carried)


def whole(
    policy: PerBinPolicy | AcrossPolicy | SequentialPolicy | RulePolicy,
    budget: float,
    found: Recorded,
    settings: Settings,
) -> PerBinPolicy | AcrossPolicy | SequentialPolicy | RulePolicy:
    """A policy for this budget with all that it carries; of a policy per bin the plans above it are left out, so that it is a
    hard cap.

    A policy across questions parts bins by lot, and its answers are not followed: it carries its origin alone.

    Raises UserError where no plan fits.
    """
    update: dict[str, Any] = {}
    plan: Plan | None = None
    if isinstance(policy, AcrossPolicy):
        plan = policy.followed_plan()
    elif isinstance(policy, PerBinPolicy):
        plans = tuple(plan for plan in policy.plans if plan.budget <= budget)
        if not plans:
            raise UserError(
                f"The least plan takes {policy.plans[0].budget:g} generations, above the budget of {budget:g}."
            )
        plan = plans[-1]
        update |= {"plans": plans, "promise": _hard_cap(plan, budget)}
    parted = part(len(found.pool.questions), settings.seed)
    pool = probabilities_from(found.pool, parted.learn)
    orders = orders_of(pool, FITTING_ORDERS, settings.seed)
    update |= _carried(
        pool, orders, Option(f"budget {budget:g}", policy.kind, policy, plan), found, parted, settings.seed
    )
    return policy.model_copy(update=update)


def confiding(policy: PerBinPolicy, found: Recorded, settings: Settings) -> PerBinPolicy:
    """A policy for any budget with confidences and its origin, and a reference for drift at the budget of its usual plan."""
    parted = part(len(found.pool.questions), settings.seed)
    pool = probabilities_from(found.pool, parted.learn)
    orders = orders_of(pool, FITTING_ORDERS, settings.seed)
    option = Option("any budget", policy.kind, policy, policy.plans[-1])
    sure = confidences_of(pool, orders, option, found, parted.learn, settings.seed)
    plan = policy.usual_plan()
    usual = Option(named(plan), policy.kind, policy, plan)
    return policy.model_copy(
        update=_sure(sure)
        | {
            "drift": reference_of(pool, orders[0], usual, found, parted.learn, parted.test),
            "origin": origin_of(found, policy.models()),
        }
    )


def _hard_cap(plan: Plan, budget: float) -> Promise:
    return Promise(
        kind="hard_cap",
        target=budget,
        level=1.0,
        estimate=plan.budget if plan.measured is None else plan.measured.cost.mean,
        bound=plan.budget,
        candidate=named(plan),
    )


def origin_of(found: Recorded, models: Sequence[str] = ()) -> Origin:
    """Hashes of the traces, and of the weights and tokenizers of models, verifier and probe that lie on this machine."""
    probe = None if found.pool.probed is None else found.pool.probed.address
    addresses = [name for name in dict.fromkeys((found.pool.model, *models, found.verifier, probe)) if name]
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


def _carried(
    pool: Pool, orders: Sequence[Ints], option: Option, found: Recorded, parted: Parted, seed: int
) -> dict[str, Any]:
    sure = confidences_of(pool, orders, option, found, parted.learn, seed)
    return _sure(sure) | {
        "drift": reference_of(pool, orders[0], option, found, parted.learn, parted.test),
        "origin": origin_of(found, option.policy.models()),
    }


def _sure(sure: Sureness) -> dict[str, Any]:
    return {
        "answer_confidence": sure.sampled,
        "search_confidence": sure.searched,
        "handed_confidence": dict(sure.handed),
    }
