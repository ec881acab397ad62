"""What a strategy is: hyper-parameters, and one generator that spends compute on one question.

The generator yields requests (`Sample`, `Score`, `Draw`, a list of them, or `Together`) and is sent their results; it ends
with a `Choice`. It knows no model, event loop, clock or store, so it reads as pseudo-code and one text serves live
engines, recorded pools and price estimates (`outlay.drive`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from outlay.errors import UserError
from outlay.registry import spec_of
from outlay.selection import aggregate
from outlay.types import Budget, Choice, Question, Score, Solution

Solving = Generator[Any, Any, Choice]


class Strategy(Protocol):
    """The seam: a frozen dataclass of hyper-parameters with a name and a `solve` generator.

    Strategies that `draws_the_pool` (plain independent samples) share their samples with each other under one seed, so that a
    pool serves them all; every other strategy draws its own.
    """

    name: ClassVar[str]
    needs_verifier: ClassVar[bool]
    draws_the_pool: ClassVar[bool]

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Spend at most `budget` on `question`; never ask for more generations than it allows."""
        ...

    def spec(self) -> dict[str, Any]:
        """Plain data from which `outlay.strategies.from_spec` re-makes this strategy."""
        ...


QUESTION = "{question}"
"""The prompt that is the question alone; in a longer prompt it stands where the question is put."""


class Spec:
    """Gives a dataclass strategy its `spec()`, and refuses what is no temperature, top-p or prompt."""

    name: ClassVar[str]
    needs_verifier: ClassVar[bool] = False
    draws_the_pool: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Look at the options that strategies share, where this one has them."""
        temperature, top_p = getattr(self, "temperature", 1.0), getattr(self, "top_p", 1.0)
        if not temperature >= 0:
            raise UserError(f"{self.name}: a temperature is at least 0, not {temperature:g}")
        if not 0 < top_p <= 1:
            raise UserError(f"{self.name}: top_p is above 0 and at most 1, not {top_p:g}")
        if QUESTION not in self._prompt:
            raise UserError(
                f'{self.name}: a prompt says with {QUESTION} where the question stands; "{self._prompt}" does not'
            )

    @property
    def _prompt(self) -> str:
        return str(getattr(self, "prompt", QUESTION))

    def asked(self, question: Question) -> Question:
        """The question as the model reads it: in the strategy's `prompt`. A verifier reads the bare one."""
        if self._prompt == QUESTION:
            return question
        return replace(question, text=self._prompt.replace(QUESTION, question.text))

    def spec(self) -> dict[str, Any]:
        """The strategy as plain data; defaults are left out."""
        return spec_of(self.name, self)


def generations(budget: Budget, default: int = 1) -> int:
    """N, the number of generations that the budget allows."""
    allowed = default if budget.generations is None else budget.generations
    if allowed < 1:
        raise UserError(f"a budget of {allowed} generations buys nothing: give at least 1")
    return allowed


def score_all(
    question: Question,
    solutions: Sequence[Solution],
    aggregation: str = "last",
    attempts: tuple[tuple[Solution, ...], ...] = (),
) -> Generator[Any, Any, list[Solution]]:
    """Have every solution scored (in one request), each score the aggregate of its step scores.

    `attempts` are the earlier attempts that each solution revises.
    """
    if not solutions:
        return []
    step_scores = yield Score(question, tuple(solutions), attempts)
    return [s.scored(steps, aggregate(steps, aggregation)) for s, steps in zip(solutions, step_scores, strict=True)]
