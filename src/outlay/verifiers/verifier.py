"""What a verifier is to Outlay: something that gives P(the final answer will be right) after each step.

As for models there are two seams: asynchronous `Verifier`s, and `InProcessVerifier`s that score many requests a block.
Nothing called a verifier sees the reference answer, the one named `oracle` apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from outlay.types import Question, Score, Solution, StepScores


@runtime_checkable
class Verifier(Protocol):
    """The asynchronous seam: one probability a step for each solution."""

    name: str

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """Step scores of whole or partial solutions, in order.

        Earlier attempts (`Score.attempts`) reach in-process verifiers alone.
        """
        ...


@runtime_checkable
class InProcessVerifier(Protocol):
    """The engine seam, as `outlay.models.model.InProcessModel`.

    One with an attribute `attempts` reads that many of the attempts that a solution revises, and is charged for them.
    """

    name: str
    parameters: int

    def begin(self, request: Score, tag: Any) -> None:
        """Queue a request."""
        ...

    def advance(self) -> list[tuple[Any, list[StepScores]]]:
        """Do a block of work; the requests that this completed."""
        ...

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or under way."""
        ...

    @property
    def backlog(self) -> int:
        """Work queued or under way, in the backend's own units."""
        ...

    @property
    def capacity(self) -> int:
        """The backlog below which a block would be partly empty."""
        ...
