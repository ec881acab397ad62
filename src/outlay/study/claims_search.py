"""Claims about what searches and scores are made of: lookahead, process against outcome verifiers, and step aggregation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from outlay.strategies.names import method_name
from outlay.study.claim import Claim, Finding
from outlay.study.claims_within import SEARCH
from outlay.study.evidence import Evidence
from outlay.study.measure import expected, with_probabilities
from outlay.study.pools import Floats, Pool
from outlay.study.rescoring import Rescored
from outlay.study.training import training_of

LOOKAHEAD_BEHIND = Finding(
    11,
    "beam_over_lookahead",
    "beam search is ahead of lookahead search at the same budget, rollouts counted",
    SEARCH,
    "Lookahead search generally does worse than the other methods at the same budget.",
)
PRM_OVER_ORM = Finding(
    13,
    "process_over_outcome",
    "a process reward model chooses better than an outcome reward model among the same samples",
    "Snell et al., appendix F",
    "The PRM is ahead of the ORM, and by more the more samples there are.",
)
ORM_GAP_GROWS = Finding(
    14,
    "process_lead_grows",
    "a process reward model's lead over an outcome reward model is larger at large N than at small N",
    "Snell et al., appendix F",
    "The PRM is ahead of the ORM, and by more the more samples there are.",
)
LAST_IS_BEST = Finding(
    15,
    "last_step_ahead",
    "scoring a solution by the value after its last step is ahead of the minimum, product or mean over steps",
    "Snell et al., appendix E",
    "The last step's value does better than the product or the minimum of all.",
)

SMALLEST_GROUP = 4
"""The small N at which two verifiers are compared: with fewer samples there is hardly a choice."""


def searching(evidence: Evidence) -> list[Claim]:
    """Everything that is claimed here of one model and verifier."""
    return [*_lookahead(evidence), *_outcome(evidence), *_aggregation(evidence)]


def _lookahead(evidence: Evidence) -> Iterator[Claim]:
    """Every lookahead against every beam search of the same width, at the smallest and largest budget that both have."""
    looking = {key: run for key, run in evidence.runs.items() if run.spec["name"] == "lookahead"}
    for key, ahead in looking.items():
        for beam, run in evidence.beams().items():
            shared = [n for n in ahead.budgets if n in run.budgets]
            if not shared or ahead.spec.get("width") != run.spec.get("width"):
                continue
            for n in sorted({min(shared), max(shared)}):
                values = (one.correct[:, one.budgets.index(n)].astype(np.float64) for one in (run, ahead))
                first, second = values
                sides = beam, evidence.names[key]
                yield evidence.asked.paired(
                    LOOKAHEAD_BEHIND, sides, (first, second), evidence.names[key], f"all, N = {n}"
                )


def _outcome(evidence: Evidence) -> Iterator[Claim]:
    """The entry's process verifier against every outcome verifier that scored the same samples."""
    own = training_of(evidence.found.verifier)
    if own is None or own.role != "prm":
        return
    for other in evidence.found.rescored:
        record = training_of(other.verifier)
        if record is None or record.role != "orm":
            continue
        names = own.name, record.name
        for method in ("best_of_n", "weighted"):
            if method not in evidence.tables or len(evidence.ks) < 2:
                continue
            theirs = rescored_table(evidence, other, method)
            small, large = min(SMALLEST_GROUP, evidence.ks[-1]), evidence.ks[-1]
            lead = {}
            for n in dict.fromkeys((small, large)):
                mine = evidence.at(method, n), theirs[:, evidence.ks.index(n)]
                lead[n] = mine[0] - mine[1]
                yield evidence.asked.paired(PRM_OVER_ORM, names, mine, method_name(method), f"all, N = {n}")
            if len(lead) > 1:
                sides = f"lead of {own.name} at N = {large}", f"at N = {small}"
                values = lead[large], lead[small]
                yield evidence.asked.paired(
                    ORM_GAP_GROWS, sides, values, method_name(method), f"all, N = {small} and {large}"
                )


def rescored_table(evidence: Evidence, other: Rescored, method: str) -> Floats:
    """Accuracy `[Q, len(ks)]` of a method by another verifier's scores of the pool's own samples."""
    return pool_table(evidence, other.pool, method)


def pool_table(evidence: Evidence, pool: Pool, method: str) -> Floats:
    """Accuracy `[Q, len(ks)]` of a method on a pool of the same size as the evidence's own."""
    seed = evidence.settings.seed
    return expected(with_probabilities(pool, seed), list(evidence.ks), seed, (method,))[0][method]


def _aggregation(evidence: Evidence) -> Iterator[Claim]:
    details, method, record = evidence.found.details, evidence.baseline, training_of(evidence.found.verifier)
    if details is None or method is None or not {"last", "min"} <= set(details.aggregated):
        return
    if record is not None and record.role != "prm":
        return
    last = pool_table(evidence, details.aggregated["last"], method)
    n = evidence.ks[-1]
    for how in ("min", "prod", "mean"):
        values = last[:, -1], pool_table(evidence, details.aggregated[how], method)[:, -1]
        yield evidence.asked.paired(
            LAST_IS_BEST, ("last", how), values, f"{method_name(method)}, {how}", f"all, N = {n}"
        )
