"""Verifiers that are limits to compare with: the oracle, which alone may look at the reference, pure noise, and a constant."""

from __future__ import annotations

from hashlib import blake2b

from outlay.errors import UserError
from outlay.tasks import Task
from outlay.types import Question, Solution, StepScores
from outlay.verifiers.immediate import NOTHING, Immediate


class Oracle(Immediate):
    """1 after a step of a finished right solution, 0 of a wrong one, 1/2 where the solution is still open.

    It grades with the reference answer: an upper limit for studies, never something that could be deployed. It looks at every
    text as a verifier does, and the ledger says so, at no parameters.
    """

    def __init__(self, task: Task) -> None:
        def score(question: Question, solution: Solution) -> StepScores:
            if not solution.finished:
                return (0.5,) * len(solution.steps)
            answer = task.extract(solution.text)
            return (float(answer is not None and task.grade(question, answer)),) * len(solution.steps)

        super().__init__(f"oracle:{task.name}", score)


class RandomScores(Immediate):
    """Uniform noise, the same for the same seed, question and text: what a worthless verifier would give, for the same reading."""

    def __init__(self, seed: int = 0) -> None:
        def score(question: Question, solution: Solution) -> StepScores:
            texts = [str(seed), question.id]
            values = []
            for step in solution.steps:
                texts.append(step.text)
                values.append(uniform(*texts))
            return tuple(values)

        super().__init__(f"random:{seed}", score)


class Constant(Immediate):
    """The same score for everything: a weighted vote by it is majority, exactly, and best-of-N a random sample.

    Raises UserError for a score outside (0, 1]: votes of weight 0 would all be ties.
    """

    def __init__(self, value: float = 1.0) -> None:
        if not 0.0 < value <= 1.0:
            raise UserError(
                f"a constant score is above 0 and at most 1, not {value:g}: write constant:P, for example 0.5"
            )
        name = "constant" if value == 1.0 else f"constant:{value:g}"
        super().__init__(name, lambda _, solution: (value,) * len(solution.steps), reads=NOTHING)


def uniform(*texts: str) -> float:
    """A number in [0, 1) that depends on these texts alone."""
    return int.from_bytes(blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "little") / 2.0**64
