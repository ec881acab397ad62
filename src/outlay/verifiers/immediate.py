"""Verifiers whose scores are a function of the request, computed at once: no model, no waiting, no tokens.

They serve both drivers: in this process a request is answered by the next `advance`, elsewhere by the awaited `score`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from outlay.cost import Reads
from outlay.types import Question, Score, Solution, StepScores

NOTHING, EVERYTHING = Reads(times=0), Reads()


class AtOnce:
    """A verifier made of a function from a request to its scores; it is charged `reads`.

    `looks_around` says that a solution's score depends on the others of its request.

    >>> AtOnce("even", lambda request: [(0.5,) for _ in request.solutions]).name
    'even'
    """

    parameters = 0
    capacity = 1

    def __init__(
        self,
        name: str,
        scores: Callable[[Score], list[StepScores]],
        *,
        looks_around: bool = False,
        reads: Reads = NOTHING,
    ) -> None:
        self.name, self.looks_around, self.reads = name, looks_around, reads
        self._scores = scores
        self._ready: list[tuple[Any, list[StepScores]]] = []

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """The scores, for the asynchronous driver."""
        return self._scores(Score(question, tuple(solutions)))

    def begin(self, request: Score, tag: Any) -> None:
        """Score at once; the result is handed out by the next `advance`."""
        self._ready.append((tag, self._scores(request)))

    def advance(self) -> list[tuple[Any, list[StepScores]]]:
        """Everything that was begun."""
        ready, self._ready = self._ready, []
        return ready

    @property
    def idle(self) -> bool:
        """Whether all results have been handed out."""
        return not self._ready

    @property
    def backlog(self) -> int:
        """Results not handed out yet."""
        return len(self._ready)


class Immediate(AtOnce):
    """A verifier made of a function of question and solution: it looks at every text, and is charged for it unless `reads` is less.

    >>> Immediate("half", lambda question, solution: (0.5,) * len(solution.steps)).reads.times
    1
    """

    def __init__(
        self, name: str, score: Callable[[Question, Solution], StepScores], *, reads: Reads = EVERYTHING
    ) -> None:
        super().__init__(
            name, lambda request: [score(request.question, solution) for solution in request.solutions], reads=reads
        )
