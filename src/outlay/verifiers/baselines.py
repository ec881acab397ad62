"""Verifiers that need no model: the oracle, which alone may look at the reference, and pure noise."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from outlay.tasks import Task
from outlay.types import Question, Score, Solution, StepScores


class Immediate:
    """An in-process verifier whose scores are computed at once by a function of question and solution."""

    parameters = 0
    capacity = 1

    def __init__(self, name: str, score: Callable[[Question, Solution], StepScores]) -> None:
        self.name = name
        self._score = score
        self._ready: list[tuple[Any, list[StepScores]]] = []

    def begin(self, request: Score, tag: Any) -> None:
        """Score at once; the result is handed out by the next `advance`."""
        self._ready.append((tag, [self._score(request.question, solution) for solution in request.solutions]))

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


class Oracle(Immediate):
    """1 after a step of a finished right solution, 0 of a wrong one, 1/2 where the solution is still open.

    It grades with the reference answer: an upper limit for studies, never something that could be deployed.
    """

    def __init__(self, task: Task) -> None:
        def score(question: Question, solution: Solution) -> StepScores:
            if not solution.finished:
                return (0.5,) * len(solution.steps)
            answer = task.extract(solution.text)
            return (float(answer is not None and task.grade(question, answer)),) * len(solution.steps)

        super().__init__(f"oracle:{task.name}", score)


class RandomScores(Immediate):
    """Uniform noise, the same for the same seed, question and text: what a worthless verifier would give."""

    def __init__(self, seed: int = 0) -> None:
        def score(question: Question, solution: Solution) -> StepScores:
            texts = [str(seed), question.id]
            values = []
            for step in solution.steps:
                texts.append(step.text)
                digest = blake2b("\x1f".join(texts).encode(), digest_size=8).digest()
                values.append(int.from_bytes(digest, "little") / 2.0**64)
            return tuple(values)

        super().__init__(f"random:{seed}", score)
