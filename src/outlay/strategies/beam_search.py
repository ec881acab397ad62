"""Search against a process reward model, step by step (Snell et al., section 5.2 and figure 2).

Beam search draws N first steps, scores them, keeps the best N / M and draws M next steps from each, until all have ended or
40 rounds have passed; the finished candidates are then chosen from. A finished candidate keeps its place: it is not extended,
and what it holds is not handed to others, so never more than N steps are drawn at one depth. Lookahead search differs in one
thing: a candidate's value is the verifier's at the end of a k-step greedy rollout from it. With k = 0 it *is* beam search.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from outlay.errors import UserError
from outlay.selection import choose
from outlay.strategies.parallel import WeightedBestOfN
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations, score_all
from outlay.types import Budget, Draw, Question, Sample, Solution

Width = int | Literal["sqrt"]


@dataclass(frozen=True)
class BeamSearch(Spec):
    """Keep the best N / `width` beams after each step and draw `width` next steps from each.

    `width` is M: a number, or "sqrt" for the square root of N. `selection` chooses among the finished candidates
    ("weighted", "best_of_n" or "majority"), `aggregation` turns step scores into the score that ranks. With `distinct` beams
    of the same text count as one when the best are kept: where steps are short, copies of one step would crowd out the rest.

    >>> BeamSearch(width=4).spec()
    {'name': 'beam_search'}
    """

    name: ClassVar[str] = "beam_search"
    needs_verifier: ClassVar[bool] = True
    width: Width = 4
    temperature: float = 1.0
    top_p: float = 1.0
    aggregation: str = "last"
    selection: str = "weighted"
    distinct: bool = False
    max_rounds: int = 40
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse a width that is no width."""
        super().__post_init__()
        check_width(self.width)

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Beams of steps until all have ended, then the selection rule."""
        return (yield from search(self, question, beams=generations(budget), lookahead=0))


@dataclass(frozen=True)
class Lookahead(Spec):
    """Beam search whose candidates are valued at the end of a greedy rollout of `steps` further steps.

    A budget of N generations pays for N / (steps + 1) beams, rollouts included. Where it cannot pay for one, weighted
    best-of-N is run instead and the choice's `note` says so.
    """

    name: ClassVar[str] = "lookahead"
    needs_verifier: ClassVar[bool] = True
    width: Width = 4
    steps: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    aggregation: str = "last"
    selection: str = "weighted"
    distinct: bool = False
    max_rounds: int = 40
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse a width that is no width, and negative rollouts."""
        super().__post_init__()
        check_width(self.width)
        if self.steps < 0:
            raise UserError(f"lookahead looks {self.steps} steps ahead: give 0 or more")

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Beam search over rollout values, or best-of-N where the budget is too small for it."""
        beams = generations(budget) // (self.steps + 1)
        if beams == 0:
            plain = WeightedBestOfN(self.temperature, self.top_p, self.aggregation, self.prompt)
            choice = yield from plain.solve(question, budget)
            cost = self.steps + 1
            return replace(
                choice,
                note=f"{generations(budget)} generations cannot pay for a lookahead ({cost} a beam): best-of-N instead",
            )
        return (yield from search(self, question, beams=beams, lookahead=self.steps))


def search(options: BeamSearch | Lookahead, question: Question, *, beams: int, lookahead: int) -> Solving:
    """The search that both strategies share: `beams` candidates, each valued `lookahead` steps ahead."""
    width = math.isqrt(beams) if options.width == "sqrt" else min(options.width, beams)
    asked = options.asked(question)
    step = Sample(asked, n=beams, until="step", temperature=options.temperature, top_p=options.top_p)
    candidates: list[Solution] = yield step
    candidates = yield from valued(options, question, candidates, lookahead)
    for _ in range(options.max_rounds - 1):
        ended = [c for c in candidates if c.ended]
        open_beams = sorted((c for c in candidates if not c.ended), key=_rank)
        if not open_beams:
            break
        places = len(open_beams)
        if options.distinct:
            best: dict[str, Solution] = {}
            for beam in open_beams:
                best.setdefault(beam.text, beam)
            open_beams = list(best.values())
        kept = open_beams[: max(places // width, 1)]
        requests = [
            replace(step, prefix=beam, n=n) for beam, n in zip(kept, shares(places, len(kept)), strict=True) if n
        ]
        drawn = yield requests
        extended = yield from valued(options, question, [child for children in drawn for child in children], lookahead)
        candidates = ended + extended
    candidates = [c for c in candidates if c.finished] or candidates
    if lookahead:
        candidates = yield from score_all(question, candidates, options.aggregation)
    (tie,) = yield Draw()
    return choose(options.selection, candidates, tie)


def _rank(candidate: Solution) -> float:
    """Sorts the best score first, and what has no score last."""
    return math.inf if candidate.score is None else -candidate.score


def valued(
    options: BeamSearch | Lookahead, question: Question, candidates: Sequence[Solution], lookahead: int
) -> Generator[Any, Any, list[Solution]]:
    """The candidates, each with the verifier's value at the end of its greedy rollout (its own where it has ended)."""
    seen = list(candidates)
    unfinished = [index for index, c in enumerate(seen) if not c.ended]
    if lookahead and unfinished:
        asked = options.asked(question)
        rollouts = yield [
            Sample(asked, prefix=seen[i], until="step", steps=lookahead, temperature=0.0) for i in unfinished
        ]
        for index, rollout in zip(unfinished, rollouts, strict=True):
            seen[index] = rollout[0] if rollout else seen[index]
    scored = yield from score_all(question, seen, options.aggregation)
    return [c.scored(s.step_scores[: len(c.steps)], s.score) for c, s in zip(candidates, scored, strict=True)]


def shares(places: int, among: int) -> list[int]:
    """`places` dealt out as evenly as can be, the first ones getting one more.

    >>> shares(10, 4)
    [3, 3, 2, 2]
    """
    each, left = divmod(places, among)
    return [each + (index < left) for index in range(among)]


def check_width(width: Width) -> None:
    """A `UserError` unless `width` is a positive whole number or "sqrt"."""
    if width != "sqrt" and (not isinstance(width, int) or width < 1):
        raise UserError(f'a beam width is a whole number of at least 1, or "sqrt"; got {width!r}')
