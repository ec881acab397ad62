"""Search against a process reward model, step by step (Snell et al., section 5.2 and figure 2).

Beam search draws N first steps, scores them, keeps the best N / M and draws M next steps from each, until all have ended or
40 rounds have passed; the finished candidates are then chosen from. A finished candidate keeps its place: it is not extended,
and what it holds is not handed to others, so never more than N steps are drawn at one depth. Lookahead search differs in one
thing: a candidate's value is the verifier's at the end of a k-step greedy rollout from it. With k = 0 it *is* beam search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from outlay.errors import UserError
from outlay.strategies.parallel import WeightedBestOfN
from outlay.strategies.step_search import best_of_n_instead, chosen, search
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations
from outlay.types import Budget, Question, Sample, Solution

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
        return (yield from _beams(self, question, beams=generations(budget), lookahead=0))


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
            why = f"{generations(budget)} generations cannot pay for a lookahead ({self.steps + 1} a beam)"
            return (yield from best_of_n_instead(plain, question, budget, why))
        return (yield from _beams(self, question, beams=beams, lookahead=self.steps))


def _beams(options: BeamSearch | Lookahead, question: Question, *, beams: int, lookahead: int) -> Solving:
    """The search that both strategies share: `beams` candidates, each valued `lookahead` steps ahead."""
    width = math.isqrt(beams) if options.width == "sqrt" else min(options.width, beams)
    step = Sample(options.asked(question), n=beams, until="step", temperature=options.temperature, top_p=options.top_p)

    def keep_best(candidates: Sequence[Solution]) -> list[tuple[Solution, int]]:
        best = ranked(candidates)
        kept = (first_of_each_text(best) if options.distinct else best)[: max(len(candidates) // width, 1)]
        return list(zip(kept, shares(len(candidates), len(kept)), strict=True))

    candidates = yield from search(
        step,
        question,
        keep_best,
        aggregation=options.aggregation,
        max_rounds=options.max_rounds,
        lookahead=lookahead,
    )
    return (yield from chosen(options.selection, candidates))


def ranked(candidates: Sequence[Solution]) -> list[Solution]:
    """Best score first; what has no score last, ties in the order of asking."""
    return sorted(candidates, key=lambda c: math.inf if c.score is None else -c.score)


def first_of_each_text(candidates: Sequence[Solution]) -> list[Solution]:
    """Of candidates with the same text the first."""
    first: dict[str, Solution] = {}
    for candidate in candidates:
        first.setdefault(candidate.text, candidate)
    return list(first.values())


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
