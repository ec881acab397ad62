"""A verifier whose scores are mapped: a + b p, kept in [0, 1], or along a calibration curve.

A calibration curve is a list of points [score, probability], non-decreasing in both, with straight lines between them and level
beyond them; `outlay verifier-report --out DIR` writes one for each verifier, fitted by isotonic regression.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.types import Question, Solution, StepScores
from outlay.verifiers.wrapping import wrapped


def affine(offset: float, slope: float) -> Callable[[float], float]:
    """p to offset + slope p, kept in [0, 1].

    >>> affine(0.5, 0.5)(0.5), affine(-1.0, 1.0)(0.5)
    (0.75, 0.0)
    """
    return lambda score: min(max(offset + slope * score, 0.0), 1.0)


def along(points: Sequence[tuple[float, float]]) -> Callable[[float], float]:
    """The straight lines through these points, which ascend; level beyond them. Of points with one score the last counts.

    >>> along([(0.25, 0.0), (0.75, 1.0)])(0.5)
    0.5
    """
    scores, values = [float(x) for x, _ in points], [float(y) for _, y in points]

    def mapped(score: float) -> float:
        place = bisect_right(scores, score)
        if place == 0 or place == len(scores):
            return values[max(place - 1, 0)]
        (left, right), (low, high) = scores[place - 1 : place + 1], values[place - 1 : place + 1]
        return low + (high - low) * (score - left) / (right - left)

    return mapped


def read_points(path: Path) -> list[tuple[float, float]]:
    """The points in a file: a JSON list of [score, probability], or an object that has it as `points`.

    Raises UserError where there is no such file, or where it holds anything else.
    """
    if not path.is_file():
        raise UserError(
            f"There is no file {path} with a calibration curve; outlay verifier-report --out DIR writes one."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        listed = content["points"] if isinstance(content, dict) else content
        points = [(float(score), float(value)) for score, value in listed]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} holds no calibration curve; expected a JSON list of [score, probability].") from error
    ascending = all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(points))
    if not points or not ascending or not all(0.0 <= value <= 1.0 for _, value in points):
        raise UserError(
            f"{path}: a calibration curve has points of ascending score and probability, the latter in [0, 1]; write it again."
        )
    return points


def rescaled(verifier: Any, change: Callable[[float], float], said: str) -> Any:
    """`verifier` with every score changed; `said` names the change in its address."""

    def changed(question: Question, solution: Solution, given: Sequence[StepScores]) -> StepScores:
        (scores,) = given
        return tuple(change(score) for score in scores)

    return wrapped(f"rescaled:{said}:{verifier.name}", [verifier], changed)
