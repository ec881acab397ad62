"""The lab's own figures: what a policy gets right, and whether a verifier verifies.

Arrays hold questions by samples, [Q, n]. A verifier is judged *within* questions: an overall area under the curve (AUC) rises
already when scores tell easy questions from hard ones, which helps to choose between no two solutions. Quintiles are
fifths of the questions by the share of right samples, hardest first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outlay.curves.intervals import interval
from outlay.curves.quality import auc, auc_by_question

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]
Scalar = TypeVar("Scalar", np.float64, np.bool_)
QUINTILES = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over questions with its 95% interval (bootstrap over questions); nan where nothing defines it."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Counted:
    """A `Figure`, and the number of questions that it rests on: of an AUC, those with both right and wrong samples."""

    mean: float
    low: float
    high: float
    questions: int


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """How often a policy is right: with one sample, by quintile, with any of n samples, greedily."""

    pass_at_1: Figure
    quintile_pass_at_1: tuple[float, ...]
    any_of_n: Figure
    greedy: Figure
    questions: int
    samples: int


@dataclass(frozen=True, slots=True)
class VerifierFigures:
    """How well scores tell right from wrong: overall, within questions, and within the questions of each quintile."""

    auc: Figure
    auc_within_question: Figure
    quintile_auc_within_question: tuple[Counted, ...]
    questions: int
    solutions: int


def policy_figures(correct: Bools, greedy: Bools) -> PolicyFigures:
    """Figures of samples [Q, n] and greedy attempts [Q]; every other sample makes the quintiles, the rest measure them."""
    fifths = quintiles(correct[:, ::2].mean(1))
    rates = correct[:, 1::2].mean(1)
    return PolicyFigures(
        pass_at_1=figure(correct.mean(1)),
        quintile_pass_at_1=tuple(round(float(rates[fifths == fifth].mean()), 4) for fifth in range(QUINTILES)),
        any_of_n=figure(correct.any(1)),
        greedy=figure(greedy),
        questions=correct.shape[0],
        samples=correct.shape[1],
    )


def verifier_figures(scores: Floats, correct: Bools, valid: Bools, easiness: Floats | None = None) -> VerifierFigures:
    """Figures of last-step scores [Q, n]; `valid` is false where a sample has no answer, which nothing would choose.

    Quintiles are made by `easiness` [Q], the share right of *other* samples, and measured by all of these; without it
    every other sample makes them, and the rest measure.
    """
    measuring = slice(None)
    if easiness is None:
        easiness = share_right(correct[:, ::2], valid[:, ::2])
        measuring = slice(1, None, 2)
    fifths = quintiles(easiness)
    areas = auc_by_question(correct, scores, valid=valid)
    others = auc_by_question(correct[:, measuring], scores[:, measuring], valid=valid[:, measuring])
    overall = auc(correct, scores, valid=valid)
    return VerifierFigures(
        auc=Figure(*(round(float(value), 4) for value in (overall.value, overall.low, overall.high))),
        auc_within_question=figure(areas),
        quintile_auc_within_question=tuple(counted(others[fifths == fifth]) for fifth in range(QUINTILES)),
        questions=scores.shape[0],
        solutions=int(valid.sum()),
    )


def share_right(correct: Bools, valid: Bools) -> Floats:
    """The share of each question's samples with an answer that is right, 0 where none has one. [Q, n] -> [Q]."""
    return np.asarray((correct & valid).sum(1) / np.maximum(valid.sum(1), 1), dtype=np.float64)


def counted(values: Floats) -> Counted:
    """The figure of values [Q], nan ignored, and how many are left."""
    found = figure(values)
    return Counted(found.mean, found.low, found.high, int((~np.isnan(values)).sum()))


def figure(values: ArrayLike) -> Figure:
    """The mean of one value a question [Q], nan ignored, with its interval, to four digits.

    >>> figure(np.array([1.0, 1.0, np.nan])).mean
    1.0
    """
    defined = np.asarray(values, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    if not len(defined):
        return Figure(float("nan"), float("nan"), float("nan"))
    estimate = interval(defined[:, None])
    return Figure(*(round(float(part[0]), 4) for part in (estimate.mean, estimate.low, estimate.high)))


def json_ready(value: Any) -> Any:
    """The value with every nan replaced by None, which JSON can say.

    >>> json_ready({"auc": [0.5, float("nan")]})
    {'auc': [0.5, None]}
    """
    if isinstance(value, Mapping):
        return {key: json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def quintiles(rates: Floats) -> Integers:
    """Each question's fifth by `rates`, 0 = lowest; sizes differ by at most one. [Q] -> [Q]."""
    fifths = np.empty(len(rates), dtype=np.int64)
    for fifth, members in enumerate(np.array_split(np.argsort(rates, kind="stable"), QUINTILES)):
        fifths[members] = fifth
    return fifths


def by_question(values: NDArray[Scalar], question: Sequence[int]) -> tuple[NDArray[Scalar], Bools]:
    """Flat values [rows] as a rectangle [Q, longest] and the mask of what it holds; `question` numbers each row's question.

    >>> by_question(np.array([1.0, 2.0, 3.0]), [0, 0, 1])[0].tolist()
    [[1.0, 2.0], [3.0, 0.0]]
    """
    _, index = np.unique(np.asarray(question), return_inverse=True)
    counts = np.bincount(index)
    filled: Integers = np.zeros(len(counts), dtype=np.int64)
    rectangle = np.zeros((len(counts), int(counts.max())), dtype=values.dtype)
    for row, group in enumerate(index):
        rectangle[group, filled[group]] = values[row]
        filled[group] += 1
    return rectangle, np.arange(rectangle.shape[1])[None] < counts[:, None]
