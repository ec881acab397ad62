"""The ways in which a small model can spend a budget of FLOPs: its pool by a method fixed beforehand, and searches that were run.

A budget is a mean over questions; it buys whole samples, or the largest size of a search that was run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from outlay.exchange import Pair, Spending, matched
from outlay.strategies.names import method_name
from outlay.study.deciding import Realised
from outlay.study.drawn import Drawn, bought
from outlay.study.evidence import Evidence
from outlay.study.measure import with_probabilities
from outlay.study.pairs import sizes_of
from outlay.study.pools import Floats, Ints
from outlay.study.runs import Larger


@dataclass(frozen=True)
class Spent:
    """What a budget gave: accuracy `[q]` on the questions at `rows`, with `n` generations; `beyond` what was drawn, or not."""

    n: int
    rows: Ints
    accuracy: Floats
    beyond: bool = False

    @property
    def note(self) -> str:
        """What has to be said beside it."""
        return "the FLOPs would buy more samples than were drawn" if self.beyond else ""


Way = Callable[[float], Spent | None]
"""From FLOPs a question to what they give; None where they buy nothing."""


def ways(evidence: Evidence) -> dict[str, Way]:
    """Every way by its name, the pool's own first; empty where the runs tell no FLOPs."""
    drawn, deeper = drawn_of(evidence)
    method = evidence.baseline
    if drawn is None or method is None:
        return {}
    found: dict[str, Way] = {method_name(method): lambda budget: _of_pool(evidence, method, budget, drawn, deeper)}
    for key, run in evidence.runs.items():
        if run.flops is not None and run.spec["name"] != "greedy":
            found[evidence.names[key]] = _of_run(evidence.names[key], run)
    return found


def _of_pool(evidence: Evidence, method: str, budget: float, drawn: Drawn, deeper: Drawn | None) -> Spent | None:
    got = bought(method, budget, drawn, deeper, evidence.settings.seed)
    return None if got is None else Spent(got.n, got.drawn.rows, got.accuracy, got.wanted > got.n)


def _of_run(name: str, run: Realised) -> Way:
    assert run.flops is not None
    spending = Spending(name, np.array(run.budgets), run.correct, run.flops, any_size=False)

    def way(budget: float) -> Spent | None:
        reach = matched(spending, budget)
        if reach.place is None:
            return None
        accuracy = spending.accuracy[:, reach.place]
        return Spent(run.budgets[reach.place], np.arange(len(accuracy)), accuracy, reach.beyond)

    return way


def drawn_of(evidence: Evidence) -> tuple[Drawn | None, Drawn | None]:
    """The pool with its price, and the deeper one where there is one; None where the runs tell no FLOPs."""
    found = evidence.found
    if found.flops is None:
        return None, None
    deep, deeper = found.deeper, None
    if deep is not None and deep.flops is not None:
        deeper = Drawn(with_probabilities(deep.pool, evidence.settings.seed), deep.flops, deep.rows)
    return Drawn(evidence.pool, found.flops, np.arange(len(evidence.pool.questions))), deeper


def pair_of(evidence: Evidence, larger: Larger, verifier_tuning: float = 0.0) -> Pair | None:
    """The two models of an exchange; None where their sizes or FLOPs are not known, or the second is the smaller."""
    sizes = sizes_of(evidence.found, larger, {})
    if evidence.found.flops is None or larger.greedy.flops is None or sizes is None or sizes.large < sizes.small:
        return None
    answer = float(larger.greedy.flops[:, 0].mean())
    return Pair(sizes.small, sizes.large, sizes.verifier, answer, verifier_tuning)


def greedy_of(larger: Larger) -> Floats:
    """Whether the larger model's greedy answer is right: `[Q]`."""
    right: Floats = larger.greedy.correct[:, 0].astype(np.float64)
    return right


def larger_pool(evidence: Evidence, larger: Larger) -> Drawn | None:
    """The larger model's own pool with its price, where it drew one."""
    if larger.pool is None or larger.flops is None:
        return None
    pool = with_probabilities(larger.pool, evidence.settings.seed)
    return Drawn(pool, larger.flops, np.arange(len(pool.questions)))


def solution_tokens(evidence: Evidence) -> float:
    """Tokens of a mean sample, its question included where the FLOPs tell how long that is; 0 where lengths are not known."""
    pool, flops = evidence.pool, evidence.found.flops
    if pool.tokens is None:
        return 0.0
    own = float(pool.tokens.mean())
    if flops is None or not flops.sample.mean():
        return own
    return own * (1.0 + float(flops.prompt.mean() / flops.sample.mean()))
