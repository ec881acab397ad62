"""Greedy: one sample at temperature 0. The baseline that belongs in every table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from outlay.strategies.strategy import QUESTION, Solving, Spec
from outlay.types import Budget, Choice, Question, Sample


@dataclass(frozen=True)
class Greedy(Spec):
    """The model's most likely continuation, token by token; costs one generation whatever the budget.

    >>> Greedy().spec()
    {'name': 'greedy'}
    """

    name: ClassVar[str] = "greedy"
    prompt: str = QUESTION

    def solve(self, question: Question, budget: Budget) -> Solving:
        """One sample at temperature 0."""
        solutions = yield Sample(self.asked(question), temperature=0.0)
        return Choice(solutions[0].answer if solutions else None, solutions[0] if solutions else None, tuple(solutions))
