"""Majority of k samples, exactly: the expected correctness of the most frequent answer over all k-subsets of the pool.

A k-subset is won by an answer class drawn m times when no other class is drawn more than m times; classes drawn equally
often share the win. With c_i samples in class i, the k-subsets in which class j wins at *level* m are counted by the
coefficient of z^k in

    C(c_j, m) z^m * product over i != j of [ sum_{x < m} C(c_i, x) z^x + t C(c_i, m) z^m ] * (1 + z)^(unanswered),

where t marks the classes tied with j; sharing a win among T tied classes is the integral of t^(T - 1) over t in [0, 1],
which Gauss-Legendre quadrature of enough nodes gives exactly. All terms are positive, so nothing cancels.
Three facts keep it cheap: classes with fewer than m samples cannot tie at level m and join the unrestricted factor; a
level that only one class can reach is one hypergeometric term; classes of equal size share a factor, raised to a power.

Pools of more than 900 samples have more subsets than floating-point numbers can count: there each k is done on its own,
with binomial probabilities at k / n in place of binomial coefficients.

Promises: exact to rounding (about 1e-12). Cost: milliseconds a question at 256 samples, seconds at 2,048.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Bools, Floats, Ints, as_answers, as_correct, over_pools

_COUNTABLE = 900
"""The largest pool whose subsets are counted rather than weighed."""


def majority_at_k(
    correct: ArrayLike, answers: ArrayLike, k: int | Sequence[int], *, valid: ArrayLike | None = None
) -> Floats:
    """The expected correctness of the most frequent answer among k samples, over all k-subsets; ties are shared.

    A class's credit is the mean correctness of its samples (behaviour classes of programs can be mixed). Samples with no
    answer never win unless nothing else was drawn; the credit is then their own mean correctness, normally 0.

    Args:
        correct: bool `[Q, n]`.
        answers: int `[Q, n]`, one number for each class of equal answers of a question, -1 for no answer.
        k: numbers of samples, each in 1..n.
        valid: bool `[Q, n]`, false where a question has no such sample; k beyond a question's own pool gives NaN.

    Returns:
        `[Q, len(k)]`.

    Raises:
        UserError: shapes that differ, answers below -1, or a k outside the pool.

    >>> majority_at_k([[True, True, False]], [[0, 0, 1]], [1, 2, 3]).round(4).tolist()
    [[0.6667, 0.6667, 1.0]]
    """
    right = as_correct(correct)
    return over_pools(_majority_at_k, k, valid, right, as_answers(answers, right.shape))


def majority_of_classes(counts: Ints, credits: Floats, unanswered: int, credit_unanswered: float, ks: Ints) -> Floats:
    """As `majority_at_k` for one question given as classes: sizes `[C]`, credits `[C]`, and those without an answer."""
    pool = int(counts.sum()) + unanswered
    values = np.zeros(ks.size)
    inner = ks < pool
    if (~inner).any():
        values[~inner] = _whole_pool(counts, credits, credit_unanswered)
    if inner.any() and pool <= _COUNTABLE:
        values[inner] = _inner(counts, credits, unanswered, credit_unanswered, ks[inner], None)
    elif inner.any():
        for i in np.flatnonzero(inner):
            values[i] = _inner(counts, credits, unanswered, credit_unanswered, ks[i : i + 1], int(ks[i]) / pool)[0]
    return np.clip(values, 0.0, 1.0)


def _majority_at_k(correct: Bools, answers: Ints, ks: Ints) -> Floats:
    values = np.empty((correct.shape[0], ks.size))
    for q in range(correct.shape[0]):
        _, position = np.unique(answers[q], return_inverse=True)
        sizes = np.bincount(position)
        credits = np.bincount(position, weights=correct[q]) / sizes
        empty = bool((answers[q] == -1).any())
        values[q] = majority_of_classes(
            sizes[int(empty) :],
            credits[int(empty) :],
            int(sizes[0]) if empty else 0,
            float(credits[0]) if empty else 0.0,
            ks,
        )
    return values


def _whole_pool(counts: Ints, credits: Floats, credit_unanswered: float) -> float:
    if counts.size == 0:
        return credit_unanswered
    return float(credits[counts == counts.max()].mean())


def _inner(
    counts: Ints, credits: Floats, unanswered: int, credit_unanswered: float, ks: Ints, chance: float | None
) -> Floats:
    """All k below the pool's size."""
    pool = int(counts.sum()) + unanswered
    subsets = _binomials(pool, chance)[ks]
    nothing = _at(_binomials(unanswered, chance), ks) / subsets
    if counts.size == 0 or np.ptp(credits) == 0.0:
        credit = float(credits[0]) if counts.size else 0.0
        return credit * (1.0 - nothing) + credit_unanswered * nothing
    order = np.argsort(-counts, kind="stable")
    sizes, worth = counts[order], credits[order]
    degree = int(ks.max())
    wins = _alone(sizes, worth, pool, degree, ks, chance)
    wins += _at_level_one(sizes, worth, unanswered, degree, ks, chance)
    for level in range(2, min(int(sizes[1]), degree) + 1):
        wins += _at_level(level, sizes, worth, pool, degree, ks, chance)
    return wins / subsets + credit_unanswered * nothing


def _alone(sizes: Ints, worth: Floats, pool: int, degree: int, ks: Ints, chance: float | None) -> Floats:
    """Levels that the largest class alone can reach."""
    first, second = int(sizes[0]), int(sizes[1])
    levels = np.arange(second + 1, min(first, degree) + 1)
    own = _binomials(first, chance)[levels]
    others = _at(_binomials(pool - first, chance), ks[:, None] - levels)
    wins: Floats = worth[0] * (others @ own)
    return wins


def _at_level_one(sizes: Ints, worth: Floats, unanswered: int, degree: int, ks: Ints, chance: float | None) -> Floats:
    """Every class drawn at most once: all that were drawn are tied, so j drawn classes share the win j ways."""
    ways, wins = np.ones(1), np.zeros(1)
    for size, worths in _groups(sizes, worth, 1):
        coefficients = _binomials(size, chance)
        ways, wins = _extend(ways, wins, coefficients[:1], coefficients[1], 1, worths, degree)
    shared = wins / np.maximum(np.arange(wins.size), 1)
    return _with_rest(shared, unanswered, ks, chance)


def _at_level(level: int, sizes: Ints, worth: Floats, pool: int, degree: int, ks: Ints, chance: float | None) -> Floats:
    """The winner is drawn `level` times, at least two classes being large enough for it."""
    able = int(np.searchsorted(-sizes, -level, side="right"))
    nodes, weights = _nodes((min(able, degree // level) + 1) // 2)
    ways, wins = np.ones((nodes.size, 1)), np.zeros((nodes.size, 1))
    for size, worths in _groups(sizes[:able], worth[:able], level):
        coefficients = _binomials(size, chance)
        ways, wins = _extend(ways, wins, coefficients[:level], coefficients[level], level, worths, degree, nodes)
    return _with_rest(weights @ wins, pool - int(sizes[:able].sum()), ks, chance)


def _extend(
    ways: Floats,
    wins: Floats,
    below: Floats,
    at: float,
    level: int,
    worths: Floats,
    degree: int,
    nodes: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Multiply a group of equal classes into `ways` (the product so far) and `wins` (its part with a winner marked).

    With F = below + t at z^level and H = at z^level, the group takes (ways, wins) to
    (ways F^s, wins F^s + ways H F^(s-1) sum(worths)).
    """
    mark = np.ones(1) if nodes is None else nodes[:, None]
    factor = np.concatenate(
        [np.broadcast_to(below, (*mark.shape[:-1], below.size)), np.broadcast_to(mark * at, (*mark.shape[:-1], 1))],
        axis=-1,
    )
    but_one = _power(factor, worths.size - 1, degree)
    base = _times(ways, but_one, degree)
    marked = _times(_times(wins, but_one, degree), factor, degree)
    ways = _times(base, factor, degree)
    total = float(worths.sum()) * at
    width = max(marked.shape[-1], min(base.shape[-1] + level, degree + 1))
    wins = np.zeros((*ways.shape[:-1], width))
    wins[..., : marked.shape[-1]] = marked
    wins[..., level:width] += total * base[..., : width - level]
    return ways, wins


def _power(factor: Floats, exponent: int, degree: int) -> Floats:
    result = np.ones((*factor.shape[:-1], 1))
    while exponent:
        if exponent & 1:
            result = _times(result, factor, degree)
        exponent >>= 1
        if exponent:
            factor = _times(factor, factor, degree)
    return result


def _times(a: Floats, b: Floats, degree: int) -> Floats:
    """Product of polynomials (last axis: coefficients), truncated beyond `degree`, one for each leading index."""
    short, long = (a, b) if a.shape[-1] <= b.shape[-1] else (b, a)
    width = min(short.shape[-1] + long.shape[-1] - 1, degree + 1)
    if short.ndim == 1:
        return np.convolve(long, short)[:width]
    if short.shape[0] < short.shape[1]:
        return np.stack([np.convolve(p, q)[:width] for p, q in zip(long, short, strict=True)])
    product = np.zeros((short.shape[0], width))
    for power in range(min(short.shape[1], width)):
        reach = min(long.shape[1], width - power)
        product[:, power : power + reach] += short[:, power, None] * long[:, :reach]
    return product


def _with_rest(wins: Floats, rest: int, ks: Ints, chance: float | None) -> Floats:
    """The coefficients of z^k in wins * (1 + z)^rest."""
    coefficients: Floats = _at(_binomials(rest, chance), ks[:, None] - np.arange(wins.size)) @ wins
    return coefficients


def _groups(sizes: Ints, worth: Floats, smallest: int) -> list[tuple[int, Floats]]:
    """Classes of equal size, as (size, credits); sizes are sorted downwards."""
    starts = np.flatnonzero(np.concatenate(([True], sizes[1:] != sizes[:-1])))
    ends = np.append(starts[1:], sizes.size)
    return [(int(sizes[a]), worth[a:b]) for a, b in zip(starts, ends, strict=True) if sizes[a] >= smallest]


def _at(coefficients: Floats, index: Ints) -> Floats:
    """Coefficients by index, 0 outside."""
    inside = (index >= 0) & (index < coefficients.size)
    values: Floats = np.where(inside, coefficients[np.where(inside, index, 0)], 0.0)
    return values


@lru_cache(maxsize=8192)
def _binomials(size: int, chance: float | None) -> Floats:
    """C(size, x) for x = 0..size, or the probability of x successes at the given chance; read-only."""
    x = np.arange(size)
    if chance is None:
        row = np.concatenate(([1.0], np.cumprod((size - x) / (x + 1.0))))
    else:
        ratios = np.log((size - x) / (x + 1.0)) + np.log(chance) - np.log1p(-chance)
        row = np.exp(size * np.log1p(-chance) + np.concatenate(([0.0], np.cumsum(ratios))))
    row.flags.writeable = False
    return row


@lru_cache(maxsize=512)
def _nodes(count: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1], exact for polynomials of degree 2 count - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1.0) / 2.0, weights / 2.0
