"""Best-of-k: the expected accuracy of taking the highest score among k samples, exactly.

By order statistics: with rank 1 the best of n, the sample of rank i is the best of a random k-subset with probability
C(n - i, k - 1) / C(n, k). Samples with equal scores share their ranks, so each counts with the mean correctness of its
tie. A score of minus infinity (a solution without a parsable answer) wins only where nothing else was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Bools, Floats, Ints, as_correct, as_scores, over_pools


def best_of_k(
    correct: ArrayLike, scores: ArrayLike, k: int | Sequence[int], *, valid: ArrayLike | None = None
) -> Floats:
    """The expected correctness of the highest-scoring of k samples, over all k-subsets and all ties.

    Args:
        correct: bool `[Q, n]`.
        scores: float `[Q, n]`, any scale; minus infinity for a solution that has no parsable answer.
        k: numbers of samples, each in 1..n.
        valid: bool `[Q, n]`, false where a question has no such sample; k beyond a question's own pool gives NaN.

    Returns:
        `[Q, len(k)]`.

    Raises:
        UserError: shapes that differ, NaN scores, or a k outside the pool.

    >>> best_of_k([[True, False, False]], [[0.9, 0.5, 0.5]], [1, 2, 3]).round(3).tolist()
    [[0.333, 0.667, 1.0]]
    """
    right = as_correct(correct)
    ignored = None if valid is None else ~np.asarray(valid, dtype=np.bool_)
    return over_pools(_best_of_k, k, valid, right, as_scores(scores, right.shape, ignored))


def wins_at_rank(pool: int, k: int) -> Floats:
    """C(pool - i, k - 1) / C(pool, k) for ranks i = 1..pool: the chance that rank i is the best of a k-subset."""
    i = np.arange(1, pool)
    ratios = np.maximum(pool - i - k + 1, 0) / (pool - i)
    return k / pool * np.concatenate(([1.0], np.cumprod(ratios)))


def _best_of_k(correct: Bools, scores: Floats, ks: Ints) -> Floats:
    pool = correct.shape[1]
    order = np.argsort(-scores, axis=1)
    ranked = np.take_along_axis(correct, order, axis=1)
    shared = _shared_over_ties(ranked, np.take_along_axis(scores, order, axis=1))
    chances = np.stack([wins_at_rank(pool, int(k)) for k in ks], axis=1)
    return np.clip(shared @ chances, 0.0, 1.0)


def _shared_over_ties(ranked: Bools, ranked_scores: Floats) -> Floats:
    """Each sample's correctness replaced by the mean over the samples of its question that have the same score."""
    starts = np.ones(ranked.shape, dtype=np.bool_)
    starts[:, 1:] = ranked_scores[:, 1:] != ranked_scores[:, :-1]
    tie = np.cumsum(starts.ravel()) - 1
    means = np.bincount(tie, weights=ranked.ravel()) / np.bincount(tie)
    shared: Floats = means[tie].reshape(ranked.shape)
    return shared
