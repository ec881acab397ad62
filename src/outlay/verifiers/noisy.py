"""A worse verifier made of a good one: its score p is turned into 1 - p for a share of the solutions.

Drawn once a solution, from the seed, the question and the solution's text, so that the same solution always meets the same fate,
whatever it is scored with and by which driver. In a search a solution that has grown is another text and is drawn anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outlay.errors import UserError
from outlay.types import Question, Solution, StepScores
from outlay.verifiers.baselines import uniform
from outlay.verifiers.wrapping import wrapped


def noisy(verifier: Any, error: float, seed: int = 0) -> Any:
    """`verifier` with its scores flipped for a share `error` of the solutions; all scores of a solution together.

    Raises UserError for a share outside [0, 1].
    """
    if not 0.0 <= error <= 1.0:
        raise UserError(f"noisy flips a share of the solutions, from 0 to 1, not {error:g}: write noisy:0.2:ADDRESS")

    def flipped(question: Question, solution: Solution, given: Sequence[StepScores]) -> StepScores:
        (scores,) = given
        drawn = uniform("noisy", str(seed), question.id, *(step.text for step in solution.steps))
        return tuple(1.0 - score for score in scores) if drawn < error else scores

    return wrapped(f"noisy:{error:g}{f'@{seed}' if seed else ''}:{verifier.name}", [verifier], flipped)
