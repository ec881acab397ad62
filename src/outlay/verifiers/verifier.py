"""What a verifier is to Outlay: something that gives P(the final answer will be right) after each step, or for the whole.

As for models there are two seams: asynchronous `Verifier`s, and `InProcessVerifier`s that score many requests a block.
Nothing called a verifier sees the reference answer, the one named `oracle` apart. `()` for a solution says that it has no score
(a rating that could not be read, a text that is not finished): it is missing, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from outlay.cost import Reads
from outlay.types import Question, Score, Solution, StepScores


@runtime_checkable
class Verifier(Protocol):
    """The asynchronous seam: one probability a step for each solution, or one for the whole, or `()` where there is none."""

    name: str

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """Step scores of whole or partial solutions, in order.

        Earlier attempts (`Score.attempts`) reach in-process verifiers alone. What it cost can be told with the scores
        (`outlay.cost.Scored`).
        """
        ...


@runtime_checkable
class InProcessVerifier(Protocol):
    """The engine seam, as `outlay.models.model.InProcessModel`.

    One with an attribute `attempts` reads that many of the attempts that a solution revises, and is charged for them; one
    with an attribute `reads` (`outlay.cost.Reads`) says in full what it is charged for.
    """

    name: str

    @property
    def parameters(self) -> float:
        """Parameters of what reads; for one that reads several times, the mean over its readings."""
        ...

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


def reads_of(verifier: Any) -> Reads:
    """What a verifier is charged for: what its `reads` says, else every text once, with its `attempts` earlier attempts."""
    found = getattr(verifier, "reads", None)
    return found if isinstance(found, Reads) else Reads(attempts=getattr(verifier, "attempts", 0))


def looks_around(verifier: Any) -> bool:
    """Whether its score of a solution depends on the others that are scored with it (agreement does)."""
    return bool(getattr(verifier, "looks_around", False))
