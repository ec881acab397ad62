"""What searches against a process reward model share: rounds of steps, each candidate valued, places dealt out anew.

A search draws N first steps, has them valued, and then deals out its places among the open candidates: a candidate with n
places gets n next steps. Beam search, DVTS and REBASE differ in how they deal. A finished candidate keeps its place: it is
not extended, and what it holds is not handed to others, so never more than N steps are drawn at one depth.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any

from outlay.selection import choose
from outlay.strategies.parallel import WeightedBestOfN
from outlay.strategies.strategy import Solving, score_all
from outlay.types import Budget, Draw, Question, Sample, Solution

Deal = Callable[[Sequence[Solution]], Iterable[tuple[Solution, int]]]
"""Open candidates with their values in, candidates and their number of next steps out; the numbers sum to what came in."""


def search(
    step: Sample, question: Question, deal: Deal, *, aggregation: str, max_rounds: int, lookahead: int = 0
) -> Generator[Any, Any, list[Solution]]:
    """The finished candidates of a search that begins with `step` (its `n` are the places), or what there is if none is.

    `step.question` is what the model reads, `question` what the verifier reads; candidates are valued `lookahead` steps ahead.
    """
    drawn: list[Solution] = yield step
    candidates = yield from valued(step, question, drawn, aggregation, lookahead)
    for _ in range(max_rounds - 1):
        ended = [c for c in candidates if c.ended]
        open_candidates = [c for c in candidates if not c.ended]
        if not open_candidates:
            break
        children = yield [replace(step, prefix=c, n=n) for c, n in deal(open_candidates) if n]
        extended = [child for drawn in children for child in drawn]
        candidates = ended + (yield from valued(step, question, extended, aggregation, lookahead))
    candidates = finished_or_all(candidates)
    if lookahead:
        candidates = yield from score_all(question, candidates, aggregation)
    return candidates


def valued(
    step: Sample, question: Question, candidates: Sequence[Solution], aggregation: str, lookahead: int = 0
) -> Generator[Any, Any, list[Solution]]:
    """The candidates, each with the verifier's value at the end of its greedy rollout (its own where it has ended)."""
    seen = list(candidates)
    unfinished = [index for index, c in enumerate(seen) if not c.ended]
    if lookahead and unfinished:
        rollouts = yield [
            Sample(step.question, prefix=seen[i], until="step", steps=lookahead, temperature=0.0) for i in unfinished
        ]
        for index, rollout in zip(unfinished, rollouts, strict=True):
            seen[index] = rollout[0] if rollout else seen[index]
    scored = yield from score_all(question, seen, aggregation)
    return [c.scored(s.step_scores[: len(c.steps)], s.score) for c, s in zip(candidates, scored, strict=True)]


def chosen(selection: str, candidates: Sequence[Solution]) -> Solving:
    """The choice among a search's candidates, ties broken from the run's seed."""
    (tie,) = yield Draw()
    return choose(selection, candidates, tie)


def finished_or_all(candidates: Sequence[Solution]) -> list[Solution]:
    """Those that finished; all of them where none did."""
    return [c for c in candidates if c.finished] or list(candidates)


def best_of_n_instead(plain: WeightedBestOfN, question: Question, budget: Budget, why: str) -> Solving:
    """Weighted best-of-N where the budget cannot pay for a search's form; the choice's note says so."""
    choice = yield from plain.solve(question, budget)
    return replace(choice, note=f"{why}: best-of-N instead")
