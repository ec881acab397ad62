"""Estimates of a question's difficulty, each one value a question, higher = easier.

*Oracle* difficulty needs reference answers (the paper's; a yardstick, not something a server has); *predicted* difficulty is
a verifier's mean final score; *consensus* is the share of the most frequent answer, for pools without a verifier. A *pilot*
is either of the last two on the first m samples in the order they were asked for, which can then be reused as part of the
budget.

A value must come from samples other than those it is judged on: `halves` splits a pool in two. `shuffled` is the control:
bins of the same sizes that know nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Bools, Floats, Ints, as_answers, as_correct, as_scores
from outlay.errors import UserError


def oracle(correct: ArrayLike, *, valid: ArrayLike | None = None) -> Floats:
    """pass@1 of each question over its samples: `[Q]`.

    Args:
        correct: bool `[Q, m]`, samples that are not used to measure anything else.
        valid: bool `[Q, m]`, false where there is no sample; a question without any gives NaN.

    >>> oracle([[True, False], [False, False]]).tolist()
    [0.5, 0.0]
    """
    right = as_correct(correct)
    return _mean(right.astype(np.float64), _present(right.shape, valid))


def predicted(scores: ArrayLike, *, valid: ArrayLike | None = None) -> Floats:
    """The mean of a verifier's final scores over a question's samples: `[Q]`; no reference answer is needed.

    Args:
        scores: float `[Q, m]`; minus infinity (no parsable answer) counts as the lowest finite score, or 0 if that is lower.
        valid: bool `[Q, m]`, false where there is no sample.

    >>> predicted([[0.9, 0.7], [0.2, float("-inf")]]).round(2).tolist()
    [0.8, 0.1]
    """
    raw = np.asarray(scores, dtype=np.float64)
    present = _present(raw.shape, valid)
    raw = as_scores(raw, raw.shape, ~present)
    finite = raw[present & np.isfinite(raw)]
    floor = min(0.0, float(finite.min())) if finite.size else 0.0
    return _mean(np.where(np.isneginf(raw), floor, raw), present)


def consensus(answers: ArrayLike, *, valid: ArrayLike | None = None) -> Floats:
    """The share of a question's samples that give its most frequent answer: `[Q]`; samples with no answer agree with none.

    >>> consensus([[0, 0, 1, -1]]).tolist()
    [0.5]
    """
    raw = np.asarray(answers)
    classes = as_answers(raw, raw.shape)
    present = _present(raw.shape, valid)
    share = np.zeros(raw.shape[0])
    for q in range(raw.shape[0]):
        voting = classes[q, present[q] & (classes[q] >= 0)]
        largest = np.unique(voting, return_counts=True)[1].max() if voting.size else 0
        share[q] = largest / max(int(present[q].sum()), 1)
    return share


def halves(n: int) -> tuple[Ints, Ints]:
    """Two disjoint halves of a pool's columns, even and odd: one estimates difficulty, the other measures; then swap.

    >>> [half.tolist() for half in halves(5)]
    [[0, 2, 4], [1, 3]]
    """
    if n < 2:
        raise UserError(f"A pool of {n} sample(s) cannot be split into a half for difficulty and a half to measure.")
    columns = np.arange(n)
    return columns[0::2], columns[1::2]


def shuffled(values: ArrayLike, seed: int = 0) -> Floats:
    """The same values handed to other questions: the control that shows what bins are worth when they know nothing.

    >>> sorted(shuffled([0.1, 0.2, 0.3]).tolist())
    [0.1, 0.2, 0.3]
    """
    return np.random.default_rng([seed, 0x5F1]).permutation(np.asarray(values, dtype=np.float64))


def _present(shape: tuple[int, ...], valid: ArrayLike | None) -> Bools:
    return np.ones(shape, dtype=np.bool_) if valid is None else np.asarray(valid, dtype=np.bool_)


def _mean(values: Floats, present: Bools) -> Floats:
    sizes = present.sum(axis=1)
    means: Floats = np.where(sizes > 0, np.where(present, values, 0.0).sum(axis=1) / np.maximum(sizes, 1), np.nan)
    return means
