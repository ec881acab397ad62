"""Confidence intervals by bootstrap over questions.

Questions are the unit of sampling: a resample draws Q questions with replacement and takes everything that belongs to
them, so columns (budgets, strategies) of one call share their resamples and differences are paired. Percentile
intervals. Where every question agrees (all 0 or all 1) a bootstrap has nothing to vary and would claim certainty; the
exact Clopper-Pearson interval takes its place. Deterministic for a seed; the promise is about questions drawn from the
same source, and says nothing about another model or data set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outlay.curves.shapes import Floats
from outlay.errors import UserError

_BLOCK = 1 << 21
"""Draws held at once while resampling (16 MB of int64)."""

_EQUAL = 1e-9
"""Accuracies closer than this are equal (averages of ones fall short of 1 by rounding)."""


@dataclass(frozen=True)
class Interval:
    """A mean over questions with its confidence interval, each `[K]` (a column of the input each)."""

    mean: Floats
    low: Floats
    high: Floats

    def __len__(self) -> int:
        """How many columns."""
        return len(self.mean)


def interval(
    per_question: ArrayLike, level: float = 0.95, resamples: int = 2000, seed: int = 0, *, proportions: bool = True
) -> Interval:
    """The mean over questions of each column, with a percentile bootstrap interval over questions.

    Args:
        per_question: `[Q, K]`, or `[Q]` for one column. NaN where a question has no value in a column (its pool is
            smaller than that k): the column is then about the questions that have one, so do not compare it with
            columns over other questions.
        level: coverage of the interval.
        resamples: bootstrap resamples.
        seed: the same seed gives the same resamples for every call with as many questions.
        proportions: the values are accuracies in [0, 1] (or differences of accuracies): a column on which all questions
            agree gets the Clopper-Pearson interval, a single question in between says nothing ([0, 1]). Set it to
            false for costs.

    Returns:
        Interval of arrays `[K]`; NaN for a column without any value.

    Raises:
        UserError: an empty array, or a level outside (0, 1).

    >>> interval([[1.0], [1.0], [1.0]]).low.round(3).tolist()   # 0.025 ** (1 / 3)
    [0.292]
    """
    values = _columns(per_question)
    _check(level, resamples)
    means = resampled_means(values, resamples, seed)
    tail = (1.0 - level) / 2.0
    low, high = _quantiles(means, tail)
    mean = _mean(values)
    if proportions:
        _replace_where_all_agree(values, level, low, high)
    return Interval(mean, np.fmin(low, mean), np.fmax(high, mean))


def paired_difference(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, resamples: int = 2000, seed: int = 0, *, proportions: bool = True
) -> Interval:
    """The mean of a - b with its paired bootstrap interval: both sides come from the same questions in every resample.

    Args:
        a: `[Q, K]` or `[Q]`, the same questions in the same order as `b`.
        b: as `a`; a `[Q]` or `[Q, 1]` side is compared with every column of the other.
        level, resamples, seed, proportions: as in `interval`. Where no question differs, the interval is plus and minus
            the largest share of differing questions that Clopper-Pearson cannot exclude; a single question says nothing
            ([-1, 1]).

    >>> paired_difference([1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]).mean.tolist()
    [0.5]
    """
    left, right = _columns(a), _columns(b)
    if left.shape[0] != right.shape[0] or (
        left.shape[1] != right.shape[1] and 1 not in (left.shape[1], right.shape[1])
    ):
        raise UserError(
            f"A paired difference needs the same questions on both sides; the shapes are {left.shape} and {right.shape}."
        )
    difference = left - right
    result = interval(difference, level, resamples, seed, proportions=False)
    if proportions:
        counts = np.sum(~np.isnan(difference), axis=0)
        still = (counts > 0) & np.all(np.isnan(difference) | (np.abs(difference) < _EQUAL), axis=0)
        reach = _none_of(counts, level)
        reach = np.where(counts == 1, 1.0, reach)  # one question tells nothing of others, also where it differs
        told = still | (counts == 1)
        result = Interval(result.mean, np.where(told, -reach, result.low), np.where(told, reach, result.high))
    return result


def clopper_pearson_all(count: int, level: float = 0.95) -> tuple[float, float]:
    """The Clopper-Pearson interval for `count` successes in `count` trials; mirror it for none.

    >>> round(clopper_pearson_all(10)[0], 4)
    0.6915
    """
    return float(((1.0 - level) / 2.0) ** (1.0 / count)), 1.0


@lru_cache(maxsize=4)
def resample_counts(questions: int, resamples: int, seed: int) -> NDArray[np.uint16]:
    """How often each question is in each resample: `[resamples, questions]`, rows summing to `questions`, read-only."""
    generator = np.random.default_rng([seed, questions, 0xB007])
    counts = np.empty((resamples, questions), dtype=np.uint16)
    rows = max(1, _BLOCK // questions)
    for start in range(0, resamples, rows):
        block = min(rows, resamples - start)
        drawn = generator.integers(0, questions, size=(block, questions))
        drawn += np.arange(block)[:, None] * questions
        counts[start : start + block] = np.bincount(drawn.ravel(), minlength=block * questions).reshape(
            block, questions
        )
    counts.flags.writeable = False
    return counts


def resampled_means(values: Floats, resamples: int, seed: int) -> Floats:
    """The mean of every column in every resample: `[resamples, K]`; NaN entries do not count."""
    present = ~np.isnan(values)
    complete = bool(present.all())
    filled = values if complete else np.where(present, values, 0.0)
    means = np.empty((resamples, values.shape[1]))
    for rows, counts in _float_blocks(values.shape[0], resamples, seed):
        if complete:
            means[rows] = counts @ filled / values.shape[0]
        else:
            with np.errstate(invalid="ignore"):
                means[rows] = (counts @ filled) / (counts @ present.astype(np.float64))
    return means


def _float_blocks(questions: int, resamples: int, seed: int) -> Iterator[tuple[slice, Floats]]:
    counts = resample_counts(questions, resamples, seed)
    rows = max(1, _BLOCK // questions)
    for start in range(0, resamples, rows):
        block = slice(start, min(start + rows, resamples))
        yield block, counts[block].astype(np.float64)


def _replace_where_all_agree(values: Floats, level: float, low: Floats, high: Floats) -> None:
    counts = np.sum(~np.isnan(values), axis=0)
    some = counts > 0
    none_right = some & np.all(np.isnan(values) | (np.abs(values) < _EQUAL), axis=0)
    all_right = some & np.all(np.isnan(values) | (np.abs(values - 1) < _EQUAL), axis=0)
    reach = _none_of(counts, level)
    low[none_right], high[none_right] = 0.0, reach[none_right]
    low[all_right], high[all_right] = 1.0 - reach[all_right], 1.0
    alone = (counts == 1) & ~none_right & ~all_right
    low[alone], high[alone] = 0.0, 1.0


def _none_of(counts: NDArray[np.int64], level: float) -> Floats:
    """Clopper-Pearson's upper end for none of `counts`."""
    reach: Floats = 1.0 - ((1.0 - level) / 2.0) ** (1.0 / np.maximum(counts, 1))
    return reach


def _mean(values: Floats) -> Floats:
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(present, values, 0.0).sum(axis=0) / present.sum(axis=0)
    return mean


def _quantiles(means: Floats, tail: float) -> tuple[Floats, Floats]:
    if np.isnan(means).any():
        low, high = (np.array([_quantile(column, q) for column in means.T]) for q in (tail, 1.0 - tail))
    else:
        low, high = np.quantile(means, [tail, 1.0 - tail], axis=0)
    return low, high


def _quantile(column: Floats, q: float) -> float:
    column = column[~np.isnan(column)]
    return float(np.quantile(column, q)) if column.size else float("nan")


def _columns(per_question: ArrayLike) -> Floats:
    values = np.asarray(per_question, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[0] == 0:
        raise UserError(
            f"An interval needs values [questions, columns] of at least one question; the shape is {values.shape}."
        )
    return values


def _check(level: float, resamples: int) -> None:
    if not 0.0 < level < 1.0:
        raise UserError(f"`level` must lie between 0 and 1 (0.95 is usual); it is {level}.")
    if resamples < 1:
        raise UserError(f"`resamples` must be at least 1; it is {resamples}.")
