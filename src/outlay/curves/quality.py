"""How good a verifier is: discrimination (AUC), calibration (Brier score, reliability), and where it matters.

Selection works within a question, so the *within-question* AUC is the one to read; the overall AUC can be high because a
verifier knows hard questions from easy ones. Every figure comes with an interval by bootstrap over questions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.intervals import clopper_pearson_all, interval, resample_counts
from outlay.curves.shapes import Bools, Floats, Ints, as_correct, as_scores
from outlay.errors import UserError

_LEVELS = 512
"""Distinct scores that the interval of the overall AUC tells apart (the AUC itself tells all)."""


@dataclass(frozen=True)
class Estimate:
    """One figure with its interval, and the number of questions that it rests on. NaN where it is not defined."""

    value: float
    low: float
    high: float
    questions: int


@dataclass(frozen=True)
class Reliability:
    """A calibration curve: solutions sorted into bins of predicted probability, arrays `[bins]` (empty bins left out).

    `observed` is the share of right solutions, `low` and `high` its interval over questions; `expected_calibration_error`
    is the mean of |predicted - observed| over solutions.
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    count: Ints
    expected_calibration_error: float


def auc(
    correct: ArrayLike,
    scores: ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    *,
    valid: ArrayLike | None = None,
) -> Estimate:
    """P(a right solution scores higher than a wrong one) over all solutions of all questions; ties count half.

    Args:
        correct: bool `[Q, n]`.
        scores: float `[Q, n]`, any scale, minus infinity allowed.
        level, resamples, seed: as in `interval`; the interval tells 512 score levels apart.
        valid: bool `[Q, n]`, false where there is no sample.

    Returns:
        Estimate; NaN where all solutions are right or all are wrong.

    >>> auc([[True, False], [True, False]], [[0.9, 0.1], [0.4, 0.4]]).value
    0.875
    """
    right, raw, present = _inputs(correct, scores, valid)
    value = _pooled_auc(right[present], raw[present])
    if np.isnan(value):
        return Estimate(value, value, value, right.shape[0])
    level_of = _score_levels(raw, present)
    wins = np.zeros((right.shape[0], int(level_of.max()) + 1))
    losses = np.zeros_like(wins)
    question = np.broadcast_to(np.arange(right.shape[0])[:, None], right.shape)
    for target, chosen in ((wins, right & present), (losses, ~right & present)):
        np.add.at(target, (question[chosen], level_of[chosen]), 1.0)
    counts = resample_counts(right.shape[0], resamples, seed).astype(np.float64)
    won, lost = counts @ wins, counts @ losses
    below = np.cumsum(lost, axis=1) - lost / 2.0
    with np.errstate(invalid="ignore"):
        draws = (won * below).sum(axis=1) / (won.sum(axis=1) * lost.sum(axis=1))
    known = draws[~np.isnan(draws)]
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if known.size else (0.0, 1.0)
    return Estimate(value, min(float(low), value), max(float(high), value), right.shape[0])


def auc_by_question(correct: ArrayLike, scores: ArrayLike, *, valid: ArrayLike | None = None) -> Floats:
    """The AUC of each question on its own: `[Q]`, NaN where its solutions are all right or all wrong.

    >>> auc_by_question([[True, False], [True, True]], [[0.9, 0.1], [0.4, 0.4]]).tolist()
    [1.0, nan]
    """
    right, raw, present = _inputs(correct, scores, valid)
    values = np.full(right.shape[0], np.nan)
    for q in np.flatnonzero((right & present).any(axis=1) & (~right & present).any(axis=1)):
        values[q] = _pooled_auc(right[q, present[q]], raw[q, present[q]])
    return values


def auc_within_question(
    correct: ArrayLike,
    scores: ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    *,
    valid: ArrayLike | None = None,
) -> Estimate:
    """The mean of the questions' own AUCs, over the questions that have both right and wrong solutions.

    This is what selection among a question's solutions depends on. Arguments as for `auc`; `questions` counts those with
    both classes.

    >>> auc_within_question([[True, False], [True, True]], [[0.9, 0.1], [0.4, 0.4]]).value
    1.0
    """
    values = auc_by_question(correct, scores, valid=valid)
    values = values[~np.isnan(values)]
    return _estimate(values, level, resamples, seed)


def brier(
    correct: ArrayLike,
    scores: ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    *,
    valid: ArrayLike | None = None,
) -> Estimate:
    """The mean squared difference between P(right) and the outcome; every question counts alike. Lower is better.

    Scores must be probabilities; a solution without one (minus infinity) counts as 0. Other arguments as for `auc`.

    Raises:
        UserError: scores outside [0, 1].

    >>> brier([[True, False]], [[0.8, 0.4]]).value
    0.1
    """
    right, raw, present = _inputs(correct, scores, valid)
    squared = (_probabilities(raw, present) - right) ** 2
    return _estimate(_question_means(squared, present), level, resamples, seed)


def accuracy(
    correct: ArrayLike,
    scores: ArrayLike,
    threshold: float = 0.5,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    *,
    valid: ArrayLike | None = None,
) -> Estimate:
    """The share of solutions that a verifier judges rightly, calling right what scores above the threshold.

    Every question counts alike. Other arguments as for `auc`.

    >>> accuracy([[True, False]], [[0.8, 0.6]]).value
    0.5
    """
    right, raw, present = _inputs(correct, scores, valid)
    agree = ((raw > threshold) == right).astype(np.float64)
    return _estimate(_question_means(agree, present), level, resamples, seed)


def reliability(
    correct: ArrayLike,
    scores: ArrayLike,
    bins: int = 10,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    *,
    valid: ArrayLike | None = None,
) -> Reliability:
    """How often solutions with a given predicted probability are right, in bins of equal width.

    Scores must be probabilities; a solution without one (minus infinity) counts as 0. Other arguments as for `auc`. A bin whose
    solutions are all right, or all wrong, gets the Clopper-Pearson interval over its questions.

    Raises:
        UserError: scores outside [0, 1].

    >>> reliability([[True, False]], [[0.95, 0.15]]).observed.tolist()
    [0.0, 1.0]
    """
    right, raw, present = _inputs(correct, scores, valid)
    predicted = _probabilities(raw, present)
    bin_of = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    rows = []
    counts = resample_counts(right.shape[0], resamples, seed).astype(np.float64)
    for number in range(bins):
        inside = (bin_of == number) & present
        if inside.any():
            size, hits = inside.sum(axis=1), (inside & right).sum(axis=1)
            drawn = counts @ np.stack([hits, size], axis=1)
            shares = drawn[drawn[:, 1] > 0]
            low, high = np.quantile(shares[:, 0] / shares[:, 1], [(1 - level) / 2, (1 + level) / 2])
            if hits.sum() in (0, size.sum()):  # nothing for a bootstrap to vary
                least = clopper_pearson_all(int((size > 0).sum()), level)[0]
                low, high = (least, 1.0) if hits.any() else (0.0, 1.0 - least)
            rows.append((predicted[inside].mean(), right[inside].mean(), low, high, inside.sum()))
    table = np.array(rows, dtype=np.float64).T
    sizes = table[4].astype(np.int64)
    error = float((np.abs(table[0] - table[1]) * sizes).sum() / sizes.sum())
    return Reliability(table[0], table[1], table[2], table[3], sizes, error)


def _inputs(correct: ArrayLike, scores: ArrayLike, valid: ArrayLike | None) -> tuple[Bools, Floats, Bools]:
    right = as_correct(correct)
    present: Bools = np.ones(right.shape, dtype=np.bool_) if valid is None else np.asarray(valid, dtype=np.bool_)
    if not present.any():
        raise UserError("A verifier's quality needs at least one solution; `valid` leaves none.")
    return right, as_scores(scores, right.shape, ~present), present


def _probabilities(raw: Floats, present: Bools) -> Floats:
    filled = np.where(present & ~np.isneginf(raw), raw, 0.0)
    if (filled < 0.0).any() or (filled > 1.0).any():
        raise UserError(
            "Calibration is about probabilities, so `scores` must lie in [0, 1]; map others first with "
            "outlay.curves.calibrated_scores(scores, correct)."
        )
    return filled


def _question_means(values: Floats, present: Bools) -> Floats:
    sizes = present.sum(axis=1)
    means: Floats = (np.where(present, values, 0.0).sum(axis=1) / np.maximum(sizes, 1))[sizes > 0]
    return means


def _estimate(values: Floats, level: float, resamples: int, seed: int) -> Estimate:
    if values.size == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    result = interval(values, level, resamples, seed)
    return Estimate(float(result.mean[0]), float(result.low[0]), float(result.high[0]), int(values.size))


def _pooled_auc(right: Bools, scores: Floats) -> float:
    positives = int(right.sum())
    negatives = right.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, position, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(sizes) - (sizes - 1) / 2.0
    rank_sum = float(mean_rank[position[right]].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)


def _score_levels(scores: Floats, present: Bools) -> Ints:
    """Scores replaced by their place among at most 512 levels of equal share (exact where there are no more)."""
    distinct = np.unique(scores[present])
    if distinct.size > _LEVELS:
        ordered = np.sort(scores[present])
        distinct = np.unique(ordered[np.linspace(0, ordered.size - 1, _LEVELS).astype(np.int64)])
    return np.minimum(np.searchsorted(distinct, np.where(present, scores, distinct[0])), distinct.size - 1)
