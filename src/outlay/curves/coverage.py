"""Coverage: the chance that at least one of k samples is right (pass@k), without bias.

The estimate is exact over all k-subsets of the pool, drawn without replacement (Chen et al., arXiv 2107.03374, section
2.1). It says what a perfect selector could reach; it is no selector.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Bools, Floats, Ints, as_correct, over_pools


def pass_at_k(correct: ArrayLike, k: int | Sequence[int], *, valid: ArrayLike | None = None) -> Floats:
    """The share of k-subsets of each question's pool that hold a right solution.

    Args:
        correct: bool `[Q, n]`.
        k: numbers of samples, each in 1..n.
        valid: bool `[Q, n]`, false where a question has no such sample; k beyond a question's own pool gives NaN.

    Returns:
        `[Q, len(k)]`: 1 - C(n - c, k) / C(n, k) with c right solutions among n.

    Raises:
        UserError: shapes that differ, or a k outside the pool.

    >>> pass_at_k([[True, False, False, False]], [1, 2]).tolist()
    [[0.25, 0.5]]
    """
    return over_pools(_pass_at_k, k, valid, as_correct(correct))


def none_right(pool: int, k: int) -> Floats:
    """C(pool - c, k) / C(pool, k) for c = 0..pool, as the product of (pool - k - j) / (pool - j) over j < c."""
    j = np.arange(pool)
    factors = np.maximum(pool - k - j, 0) / (pool - j)
    return np.concatenate(([1.0], np.cumprod(factors)))


def _pass_at_k(correct: Bools, ks: Ints) -> Floats:
    right = correct.sum(axis=1)
    return np.stack([1.0 - none_right(correct.shape[1], int(k))[right] for k in ks], axis=1)
