"""Diverse verifier tree search (Beeching, Tunstall and Rush, "Scaling test-time compute with open models", 2024).

The budget N is split into N / M subtrees that know nothing of each other. Each is greedy: of its M candidates the best one is
kept, and M next steps are drawn from it. So no early favourite can take all the places, which is what beam search loses by at
large N. A subtree never waits for another one.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from outlay.strategies.beam_search import Width, check_width, ranked, shares
from outlay.strategies.parallel import WeightedBestOfN
from outlay.strategies.step_search import best_of_n_instead, chosen, finished_or_all, search
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations
from outlay.types import Budget, Question, Sample, Solution, Together


@dataclass(frozen=True)
class DVTS(Spec):
    """N / `width` independent subtrees of `width` candidates, each going on from its best candidate alone.

    `width` is M: a number, or "sqrt" for the square root of N; places left over by the division widen the first subtrees. All
    subtrees' finished candidates are chosen from together. A budget below M pays for no subtree: weighted best-of-N is run
    instead and the choice's `note` says so.

    >>> DVTS(width=2).spec()
    {'name': 'dvts', 'width': 2}
    """

    name: ClassVar[str] = "dvts"
    needs_verifier: ClassVar[bool] = True
    width: Width = 4
    temperature: float = 1.0
    top_p: float = 1.0
    aggregation: str = "last"
    selection: str = "weighted"
    max_rounds: int = 40
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse a width that is no width."""
        super().__post_init__()
        check_width(self.width)

    def solve(self, question: Question, budget: Budget) -> Solving:
        """All subtrees side by side, then the selection rule over what they finished."""
        n = generations(budget)
        width = math.isqrt(n) if self.width == "sqrt" else self.width
        if n < width:
            plain = WeightedBestOfN(self.temperature, self.top_p, self.aggregation, self.prompt)
            why = f"{n} generations cannot pay for a subtree of {width} candidates"
            return (yield from best_of_n_instead(plain, question, budget, why))
        found = yield Together(tuple(self._subtree(question, places) for places in shares(n, n // width)))
        return (yield from chosen(self.selection, finished_or_all([c for subtree in found for c in subtree])))

    def _subtree(self, question: Question, places: int) -> Generator[Any, Any, list[Solution]]:
        step = Sample(self.asked(question), n=places, until="step", temperature=self.temperature, top_p=self.top_p)
        return (yield from search(step, question, best_alone, aggregation=self.aggregation, max_rounds=self.max_rounds))


def best_alone(candidates: Sequence[Solution]) -> list[tuple[Solution, int]]:
    """All places for the best candidate."""
    return [(ranked(candidates)[0], len(candidates))]
