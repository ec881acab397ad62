"""Weighted votes among k samples: each answer class is worth the sum of its samples' scores, and the largest sum wins.

No closed form is known, so the expectation over k-subsets is estimated by random permutations of the pool whose prefixes
serve every k at once; k = 1 and k = n need no sampling and are exact. Every question's samples are first shuffled on their
own, so that Monte-Carlo errors are independent between questions, and the seed alone decides (not the other rows, nor the
scores: a constant score gives majority over the same subsets). The Monte-Carlo error is reported beside the values.
Scores are rounded to multiples of 2^-40, which makes sums exact in any order: a tie is a tie on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.majority import majority_at_k
from outlay.curves.shapes import Bools, Floats, Ints, as_answers, as_correct, as_scores, over_pools
from outlay.curves.votes import simulate_votes
from outlay.errors import UserError

_GRID = float(1 << 40)


@dataclass(frozen=True)
class MonteCarlo:
    """Estimates `[Q, K]` with the standard error that came from sampling subsets (not from having few questions).

    `mean_error` `[K]` is the Monte-Carlo standard error of the mean over questions.
    """

    values: Floats
    error: Floats
    mean_error: Floats


def weighted_at_k(
    correct: ArrayLike,
    answers: ArrayLike,
    scores: ArrayLike,
    k: int | Sequence[int],
    permutations: int = 256,
    seed: int = 0,
    *,
    valid: ArrayLike | None = None,
) -> Floats:
    """The expected correctness of the answer with the largest sum of scores among k samples.

    A class's credit is the mean correctness of its samples; ties are shared; samples with no answer never win unless
    nothing else was drawn. This is "best-of-N weighted" of Li et al. (arXiv 2206.02336), the default of Snell et al.

    Args:
        correct: bool `[Q, n]`.
        answers: int `[Q, n]`, one number for each class of equal answers of a question, -1 for no answer.
        scores: float `[Q, n]` in [0, 1]; not read where there is no answer. Map other scores with `calibrated_scores`.
        k: numbers of samples, each in 1..n.
        permutations: random permutations a question; the error falls with its square root.
        seed: decides the permutations.
        valid: bool `[Q, n]`, false where a question has no such sample; k beyond a question's own pool gives NaN.

    Returns:
        `[Q, len(k)]`.

    Raises:
        UserError: shapes that differ, scores outside [0, 1], or a k outside the pool.

    >>> weighted_at_k([[True, False, False]], [[0, 1, 1]], [[0.9, 0.4, 0.4]], [3]).tolist()
    [[1.0]]
    """
    return weighted_with_error(correct, answers, scores, k, permutations, seed, valid=valid).values


def weighted_with_error(
    correct: ArrayLike,
    answers: ArrayLike,
    scores: ArrayLike,
    k: int | Sequence[int],
    permutations: int = 256,
    seed: int = 0,
    *,
    valid: ArrayLike | None = None,
) -> MonteCarlo:
    """As `weighted_at_k`, with the Monte-Carlo standard error of every value.

    >>> weighted_with_error([[True, False]], [[0, 1]], [[0.9, 0.4]], [1, 2]).error.tolist()
    [[0.0, 0.0]]
    """
    right, classes, weights = _checked(correct, answers, scores, valid)
    voting = _voting(classes, valid)
    if ((weights < 0.0) | (weights > 1.0))[voting].any():
        raise UserError(
            "Weighted votes add scores up, so `scores` must lie in [0, 1]; map others to probabilities first with "
            "outlay.curves.calibrated_scores(scores, correct)."
        )
    if voting.any() and weights[voting].min() == weights[voting].max() > 0.0:
        values = majority_at_k(right, classes, k, valid=valid)  # equal weights are votes, and those are exact
        return MonteCarlo(values, np.zeros_like(values), np.zeros(values.shape[1]))
    grid = np.where(voting, np.rint(np.where(voting, weights, 0.0) * _GRID), 0.0)
    return _estimate(right, classes, grid, k, permutations, seed, valid, 1.0)


def class_times_score_at_k(
    correct: ArrayLike,
    classes: ArrayLike,
    scores: ArrayLike,
    k: int | Sequence[int],
    permutations: int = 256,
    seed: int = 0,
    *,
    size_power: float = 1.0,
    valid: ArrayLike | None = None,
) -> MonteCarlo:
    """Consensus for programs: a behaviour class is worth (its size ** size_power) times the mean score of its samples.

    With `scores` the number (or share) of tests that a program passes this is the dual agreement of CodeT (Chen et al.,
    arXiv 2207.10397); size and mean score are those of the drawn samples. `size_power=1` equals the sum of scores, on
    any non-negative scale; 0.5 damps large classes; 0 takes the class that passes most tests on average.

    Args:
        correct, k, permutations, seed, valid: as in `weighted_at_k`.
        classes: int `[Q, n]`, programs that behave alike share a number; -1 for a program that does not run.
        scores: float `[Q, n]`, not negative.
        size_power: exponent of the class size, not negative.

    Returns:
        MonteCarlo with values and errors `[Q, len(k)]`.

    >>> class_times_score_at_k([[True, False, False]], [[0, 1, 1]], [[5, 2, 2]], [3]).values.tolist()
    [[1.0]]
    """
    right, groups, weights = _checked(correct, classes, scores, valid)
    voting = _voting(groups, valid)
    if (weights[voting] < 0.0).any() or not np.isfinite(weights[voting]).all() or size_power < 0.0:
        raise UserError("Consensus needs finite scores of at least 0 (tests passed) and a `size_power` of at least 0.")
    largest = float(weights[voting].max()) if voting.any() else 1.0
    unit = _GRID / 2.0 ** np.ceil(np.log2(largest)) if largest > 0 else _GRID
    grid = np.where(voting, np.rint(np.where(voting, weights, 0.0) * unit), 0.0)
    return _estimate(right, groups, grid, k, permutations, seed, valid, size_power)


def _checked(
    correct: ArrayLike, answers: ArrayLike, scores: ArrayLike, valid: ArrayLike | None
) -> tuple[Bools, Ints, Floats]:
    right = as_correct(correct)
    classes = as_answers(answers, right.shape)
    return right, classes, as_scores(scores, right.shape, ~_voting(classes, valid))


def _voting(classes: Ints, valid: ArrayLike | None) -> Bools:
    answered: Bools = classes >= 0
    return answered if valid is None else answered & np.asarray(valid, dtype=np.bool_)


def _estimate(
    right: Bools,
    classes: Ints,
    grid: Floats,
    k: Any,
    permutations: int,
    seed: int,
    valid: ArrayLike | None,
    size_power: float,
) -> MonteCarlo:
    if permutations < 2:
        raise UserError(f"`permutations` must be at least 2, to know the Monte-Carlo error; it is {permutations}.")
    rows = np.broadcast_to(np.arange(right.shape[0])[:, None], right.shape)
    kernel = partial(simulate_votes, permutations=permutations, seed=seed, size_power=size_power)
    moments = over_pools(kernel, k, valid, right, classes, grid, rows)
    values, error = moments[..., 0], moments[..., 1]
    counted = np.maximum((~np.isnan(values)).sum(axis=0), 1)
    return MonteCarlo(values, error, np.sqrt(np.nansum(error**2, axis=0)) / counted)
