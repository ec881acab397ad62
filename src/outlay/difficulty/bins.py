"""Difficulty bins: quantiles that are fitted once and then applied, and how well two binnings agree.

Values are such that higher means easier (pass@1, a verifier's mean score); bin 0 is the easiest. Questions with equal
values are always in the same bin, so bins are as equal in size as ties allow, and there are fewer of them where ties leave
fewer. Edges are kept: a question that comes later is placed without looking at the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Floats, Ints
from outlay.errors import UserError


@dataclass(frozen=True)
class Bins:
    """Fitted difficulty bins: `edges` fall from easy to hard; bin b holds the values between edge b and edge b - 1.

    >>> bins = Bins.fit([0.9, 0.8, 0.2, 0.1], count=2)
    >>> bins.assign([0.95, 0.5, 0.0]).tolist()   # the edge is at 0.5; a value on an edge belongs to the easier side
    [0, 0, 1]
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if any(hard >= easy for easy, hard in zip(self.edges, self.edges[1:], strict=False)):
            raise UserError(f"Bin edges must fall from the easiest to the hardest bin; they are {list(self.edges)}.")

    @property
    def count(self) -> int:
        """How many bins there are."""
        return len(self.edges) + 1

    @classmethod
    def fit(cls, values: ArrayLike, count: int = 5) -> Bins:
        """Cut the values into `count` bins of equal size, as far as ties allow.

        Each cut goes between two distinct values, midway, where the share of questions above it is nearest to its quantile.

        Args:
            values: `[Q]`, higher = easier.
            count: bins wanted; fewer come back where equal values leave fewer places to cut.

        Raises:
            UserError: no values, NaN, or a count below 1.
        """
        x = _values(values)
        if count < 1:
            raise UserError(f"The number of bins must be at least 1; it is {count}.")
        if x.size == 0:
            raise UserError("Bins cannot be fitted to no questions; give at least one difficulty value.")
        levels, sizes = np.unique(x, return_counts=True)
        if levels.size == 1 or count == 1:
            return cls(())
        levels, sizes = levels[::-1], sizes[::-1]
        above = np.cumsum(sizes)[:-1] / x.size
        cuts = {int(np.argmin(np.abs(above - share))) for share in np.arange(1, count) / count}
        return cls(tuple(_midway(float(levels[cut]), float(levels[cut + 1])) for cut in sorted(cuts)))

    def assign(self, values: ArrayLike) -> Ints:
        """The bin of each value: int `[Q]`, 0 = easiest."""
        x = _values(values)
        rising = np.array(self.edges[::-1], dtype=np.float64)
        return len(self.edges) - np.searchsorted(rising, x, side="right").astype(np.int64)


@dataclass(frozen=True)
class Agreement:
    """How predicted bins agree with oracle bins.

    `confusion[i, j]` counts the questions of oracle bin i that were predicted to be in bin j. `precision[j]` is the share
    of the questions predicted in bin j that belong there (NaN where there are none). `accuracy` is the share placed in
    their own bin, `chance` what independent placements with the same bin sizes would reach.
    """

    confusion: Ints
    accuracy: float
    precision: Floats
    chance: float


def agreement(predicted_bins: ArrayLike, oracle_bins: ArrayLike, count: int | None = None) -> Agreement:
    """Compare two binnings of the same questions.

    Args:
        predicted_bins: int `[Q]`.
        oracle_bins: int `[Q]`.
        count: number of bins B; the largest bin seen, plus one, where it is not given.

    Returns:
        Agreement with confusion `[B, B]` and precision `[B]`.

    Raises:
        UserError: unequal lengths, no questions, or a bin outside 0..B-1.

    >>> agreement([0, 0, 1, 1], [0, 1, 1, 1]).precision.tolist()
    [0.5, 1.0]
    """
    predicted, oracle = np.asarray(predicted_bins), np.asarray(oracle_bins)
    if predicted.shape != oracle.shape or predicted.ndim != 1 or predicted.size == 0:
        raise UserError(
            f"Agreement compares two binnings of the same questions; the shapes are {predicted.shape} and {oracle.shape}."
        )
    total = int(max(predicted.max(), oracle.max())) + 1 if count is None else count
    if min(predicted.min(), oracle.min()) < 0 or max(predicted.max(), oracle.max()) >= total:
        raise UserError(f"Bins must lie in 0..{total - 1}.")
    confusion = np.zeros((total, total), dtype=np.int64)
    np.add.at(confusion, (oracle, predicted), 1)
    right, in_bin = np.diag(confusion), confusion.sum(axis=0)
    precision = np.where(in_bin > 0, right / np.maximum(in_bin, 1), np.nan)
    chance = float((in_bin * confusion.sum(axis=1)).sum() / predicted.size**2)
    return Agreement(confusion, float(right.sum() / predicted.size), precision, chance)


def _values(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or np.isnan(x).any():
        raise UserError("Difficulty values must be one number a question, without NaN.")
    return x


def _midway(easy: float, hard: float) -> float:
    """A number above `hard` and at most `easy`."""
    middle = hard / 2.0 + easy / 2.0
    return middle if hard < middle <= easy else easy
