"""Scores as a driver accepts them: as many as were asked for, each a probability. A verifier that loses count is not believed."""

from __future__ import annotations

from collections.abc import Sequence

from outlay.cost import Scored
from outlay.errors import OutlayError
from outlay.types import Score, StepScores


def checked(name: str, request: Score, scores: Sequence[StepScores]) -> list[StepScores]:
    """The scores, if each solution has one for each step, or one for the whole, or `()` which says that there is none.

    Raises OutlayError for another number of scores, and for one that is no probability (NaN is none).
    """
    if len(scores) != len(request.solutions):
        raise OutlayError(f"{name} was asked to score {len(request.solutions)} solutions and gave {len(scores)} scores")
    for solution, given in zip(request.solutions, scores, strict=True):
        if len(given) not in (0, 1, len(solution.steps)):
            raise OutlayError(f"{name} gave {len(given)} step scores for a solution of {len(solution.steps)} steps")
        if not all(0.0 <= value <= 1.0 for value in given):
            raise OutlayError(f"{name} gave step scores outside [0, 1]: {tuple(given)[:4]}")
    return scores if isinstance(scores, Scored) else [tuple(given) for given in scores]
