"""Parallel sampling: N independent solutions, and three ways to choose one of them (Snell et al., sections 2 and 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from outlay.selection import best_of_n, majority, weighted
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations, score_all
from outlay.types import Budget, Draw, Question, Sample


@dataclass(frozen=True)
class MajorityVote(Spec):
    """The most frequent answer of N samples (self-consistency); no verifier.

    >>> MajorityVote(temperature=0.7).spec()
    {'name': 'majority', 'temperature': 0.7}
    """

    name: ClassVar[str] = "majority"
    draws_the_pool: ClassVar[bool] = True
    temperature: float = 1.0
    top_p: float = 1.0
    prompt: str = QUESTION

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Sample N, vote."""
        asked = self.asked(question)
        solutions = yield Sample(asked, n=generations(budget), temperature=self.temperature, top_p=self.top_p)
        (tie,) = yield Draw()
        return majority(solutions, tie)


@dataclass(frozen=True)
class BestOfN(Spec):
    """The single solution of N that the verifier scores highest. `aggregation` makes one score of its step scores."""

    name: ClassVar[str] = "best_of_n"
    draws_the_pool: ClassVar[bool] = True
    needs_verifier: ClassVar[bool] = True
    temperature: float = 1.0
    top_p: float = 1.0
    aggregation: str = "last"
    prompt: str = QUESTION

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Sample N, score, take the best."""
        asked = self.asked(question)
        solutions = yield Sample(asked, n=generations(budget), temperature=self.temperature, top_p=self.top_p)
        scored = yield from score_all(question, solutions, self.aggregation)
        (tie,) = yield Draw()
        return best_of_n(scored, tie)


@dataclass(frozen=True)
class WeightedBestOfN(Spec):
    """The answer with the highest sum of verifier scores over N samples (the paper's default selection)."""

    name: ClassVar[str] = "weighted_best_of_n"
    draws_the_pool: ClassVar[bool] = True
    needs_verifier: ClassVar[bool] = True
    temperature: float = 1.0
    top_p: float = 1.0
    aggregation: str = "last"
    prompt: str = QUESTION

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Sample N, score, sum the scores of each answer."""
        asked = self.asked(question)
        solutions = yield Sample(asked, n=generations(budget), temperature=self.temperature, top_p=self.top_p)
        scored = yield from score_all(question, solutions, self.aggregation)
        (tie,) = yield Draw()
        return weighted(scored, tie)
