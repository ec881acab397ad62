"""Scores as probabilities: isotonic regression, cross-fitted by question.

A verifier's score of any scale becomes P(right) by the non-decreasing step function that fits the outcomes best
(Zadrozny & Elkan, 2002), found by pooling adjacent violators. Cross-fitting keeps it honest: the map applied to a question
was fitted on other questions only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Bools, Floats, as_correct, as_scores
from outlay.errors import UserError


@dataclass(frozen=True)
class IsotonicMap:
    """A non-decreasing map from scores to probabilities: linear between the fitted blocks, constant beyond them.

    Block i covers the scores from `lower[i]` to `upper[i]` and has the value `value[i]`.
    """

    lower: Floats
    upper: Floats
    value: Floats

    @classmethod
    def fit(cls, scores: ArrayLike, outcomes: ArrayLike) -> IsotonicMap:
        """The least-squares non-decreasing fit of outcomes (0 or 1, or values in [0, 1]) to finite scores.

        Raises:
            UserError: no scores, unequal lengths, or scores that are not finite.

        >>> IsotonicMap.fit([0.1, 0.2, 0.3], [0, 1, 1])([0.05, 0.25]).tolist()
        [0.0, 1.0]
        """
        x, y = np.ravel(np.asarray(scores, dtype=np.float64)), np.ravel(np.asarray(outcomes, dtype=np.float64))
        if x.size == 0 or x.size != y.size or not np.isfinite(x).all():
            raise UserError("An isotonic map needs at least one finite score, and one outcome for each score.")
        levels, position = np.unique(x, return_inverse=True)
        weight = np.bincount(position).astype(np.float64)
        start, value = _pool_adjacent_violators(np.bincount(position, weights=y).astype(np.float64), weight)
        return cls(levels[start], levels[np.append(start[1:], levels.size) - 1], value)

    def __call__(self, scores: ArrayLike) -> Floats:
        """Probabilities for scores of any shape; minus infinity gives 0."""
        x = np.asarray(scores, dtype=np.float64)
        knots, values = np.column_stack([self.lower, self.upper]).ravel(), np.repeat(self.value, 2)
        mapped: Floats = np.where(np.isneginf(x), 0.0, np.interp(x, knots, values))
        return mapped


def calibrated_scores(
    scores: ArrayLike, correct: ArrayLike, folds: int = 5, seed: int = 0, *, valid: ArrayLike | None = None
) -> Floats:
    """Scores mapped to P(right) by isotonic regression, each question by a map fitted on the other folds' questions.

    Args:
        scores: float `[Q, n]`, any scale; minus infinity becomes 0.
        correct: bool `[Q, n]`.
        folds: groups of questions (fewer where there are fewer questions).
        seed: decides the folds.
        valid: bool `[Q, n]`; absent samples take no part in the fit.

    Returns:
        float `[Q, n]` in [0, 1].

    Raises:
        UserError: fewer than two questions, or shapes that differ.

    >>> calibrated_scores([[-3.0, 2.0], [-3.0, 2.0]], [[False, True], [False, True]]).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    right = as_correct(correct)
    present: Bools = np.ones(right.shape, dtype=np.bool_) if valid is None else np.asarray(valid, dtype=np.bool_)
    raw = as_scores(scores, right.shape, ~present)
    questions = right.shape[0]
    if questions < 2 or folds < 2:
        raise UserError("Scores are calibrated on other questions: at least two questions and two folds are needed.")
    fold = np.random.default_rng([seed, 0xCA1]).permutation(questions) % min(folds, questions)
    usable = present & np.isfinite(raw)
    mapped = np.zeros_like(raw)
    for number in range(int(fold.max()) + 1):
        held_out = fold == number
        fitting = usable & ~held_out[:, None]
        if fitting.any():
            mapped[held_out] = IsotonicMap.fit(raw[fitting], right[fitting])(np.where(present, raw, -np.inf)[held_out])
    return mapped


def _pool_adjacent_violators(
    total: Floats, weight: Floats
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Floats]:
    """First index and value of every block of the isotonic fit; each round pools all maximal non-increasing runs."""
    start = np.arange(total.size)
    while True:
        rises = np.concatenate(([True], total[1:] * weight[:-1] > total[:-1] * weight[1:]))
        if rises.all():
            return start, total / weight
        first = np.flatnonzero(rises)
        total, weight, start = np.add.reduceat(total, first), np.add.reduceat(weight, first), start[first]
