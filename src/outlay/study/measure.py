"""What each way of choosing an answer is worth on a pool: expectations over k-subsets, and replays of one order.

`expected` gives every method's accuracy at every k, over all k-subsets of the pool (see `outlay.curves`). `replayed`
gives the same for the first k samples of one order of the pool: what looks at samples before it decides is measured so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from outlay.curves import (
    best_of_k,
    calibrated_scores,
    class_times_score_at_k,
    majority_at_k,
    pass_at_k,
    weighted_with_error,
)
from outlay.study.pools import Floats, Ints, Pool

COVERAGE = "pass"
"""The curve that is no method: any of the k right."""

METHODS = (COVERAGE, "majority", "best_of_n", "weighted", "consensus")
"""The ways of choosing among samples, and coverage."""

CODET_SIZE_POWER = 0.5
"""CodeT (Chen et al., arXiv 2207.10397) damps the size of a behaviour class by its square root."""


def budgets_up_to(n: int) -> tuple[int, ...]:
    """Powers of two up to n, and n itself.

    >>> budgets_up_to(100)
    (1, 2, 4, 8, 16, 32, 64, 100)
    """
    powers = [1 << i for i in range(n.bit_length()) if 1 << i <= n]
    return tuple(powers) if powers[-1] == n else (*powers, n)


def with_probabilities(pool: Pool, seed: int = 0) -> Pool:
    """The pool with `probabilities`: its scores where they are in [0, 1], else mapped there, each by other questions.

    The map is isotonic, cross-fitted by question; a warning says so.
    """
    if pool.scores is None:
        return pool
    finite = pool.scores[np.isfinite(pool.scores)]
    if finite.min() >= 0 and finite.max() <= 1:
        return replace(pool, probabilities=np.where(np.isfinite(pool.scores), pool.scores, 0.0))
    if len(pool.questions) < 2:
        return pool
    warning = (
        f"Scores run from {finite.min():.3g} to {finite.max():.3g} and are no probabilities: weighted votes, Brier "
        "score and calibration use them mapped to P(right) by isotonic regression, cross-fitted by question."
    )
    mapped = calibrated_scores(pool.scores, pool.correct, seed=seed)
    return replace(pool, probabilities=mapped, warnings=(*pool.warnings, warning))


def expected(
    pool: Pool, ks: Sequence[int], seed: int = 0, only: Collection[str] | None = None
) -> tuple[dict[str, Floats], dict[str, float]]:
    """Accuracy of every method that the pool supports (of these only, where they are named), and the Monte-Carlo error of
    those that are simulated.

    Returns:
        `{method: [Q, len(ks)]}` in the order pass, majority, best_of_n, weighted, consensus; and for the simulated
        methods the largest Monte-Carlo standard error of a mean over questions.
    """
    k, wanted = list(ks), set(METHODS if only is None else only)
    values: dict[str, Floats] = {}
    errors: dict[str, float] = {}
    votes = pool.answers if pool.can_vote else None
    if COVERAGE in wanted:
        values[COVERAGE] = pass_at_k(pool.correct, k)
    if "majority" in wanted and votes is not None:
        values["majority"] = majority_at_k(pool.correct, votes, k)
    if "best_of_n" in wanted and pool.scores is not None:
        values["best_of_n"] = best_of_k(pool.correct, pool.scores, k)
    if "weighted" in wanted and votes is not None and pool.probabilities is not None:
        found = weighted_with_error(pool.correct, votes, pool.probabilities, k, seed=seed)
        values["weighted"], errors["weighted"] = found.values, float(found.mean_error.max())
    if "consensus" in wanted and votes is not None and pool.counts_tests and pool.scores is not None:
        scores = np.where(np.isfinite(pool.scores), pool.scores, 0.0)
        found = class_times_score_at_k(pool.correct, votes, scores, k, seed=seed, size_power=CODET_SIZE_POWER)
        values["consensus"], errors["consensus"] = found.values, float(found.mean_error.max())
    return values, errors


def replayed(pool: Pool, ks: Sequence[int]) -> dict[str, Floats]:
    """What every method gives on exactly the first k samples of the pool, ties shared: `{method: [Q, len(ks)]}`."""
    values: dict[str, Floats] = {}
    if pool.can_vote and pool.answers is not None:
        values["majority"] = _first_k_vote(pool, pool.answers, np.ones(pool.correct.shape), ks)
    if pool.scores is not None:
        values["best_of_n"] = _first_k_best(pool, pool.scores, ks)
    if pool.can_vote and pool.answers is not None and pool.probabilities is not None:
        values["weighted"] = _first_k_vote(pool, pool.answers, pool.probabilities, ks)
    if pool.counts_tests and pool.answers is not None and pool.scores is not None:
        scores = np.where(np.isfinite(pool.scores), pool.scores, 0.0)
        values["consensus"] = _first_k_vote(pool, pool.answers, scores, ks, CODET_SIZE_POWER)
    return values


def in_order(pool: Pool, orders: Ints) -> Pool:
    """The pool with each question's samples in another order: `orders` is `[Q, n]`, a permutation a row."""

    def taken(array: np.ndarray) -> np.ndarray:
        return np.take_along_axis(array, orders, axis=1)

    return replace(
        pool,
        correct=taken(pool.correct),
        answers=None if pool.answers is None else taken(pool.answers),
        scores=None if pool.scores is None else taken(pool.scores),
        tokens=None if pool.tokens is None else taken(pool.tokens),
        probabilities=None if pool.probabilities is None else taken(pool.probabilities),
    )


def _first_k_best(pool: Pool, scores: Floats, ks: Sequence[int]) -> Floats:
    best = np.maximum.accumulate(scores, axis=1)
    columns = []
    for k in ks:
        tied = scores[:, :k] == best[:, k - 1 : k]
        columns.append((tied & pool.correct[:, :k]).sum(axis=1) / tied.sum(axis=1))
    return np.stack(columns, axis=1)


def _first_k_vote(pool: Pool, answers: Ints, weights: Floats, ks: Sequence[int], size_power: float = 1.0) -> Floats:
    """The class with the largest (mean weight x size ** size_power) wins, its credit its members' mean correctness."""
    rows = np.broadcast_to(np.arange(len(answers))[:, None], answers.shape)
    worth, members, right = (np.zeros((len(answers), int(answers.max(initial=0)) + 1)) for _ in range(3))
    grid = np.rint(weights * float(1 << 20))
    columns, start = [], 0
    for k in ks:
        answered = answers[:, start:k] >= 0
        place = (rows[:, start:k][answered], answers[:, start:k][answered])
        np.add.at(worth, place, grid[:, start:k][answered])
        np.add.at(members, place, 1.0)
        np.add.at(right, place, pool.correct[:, start:k][answered])
        start = k
        damped = worth if size_power == 1.0 else worth / np.maximum(members, 1.0) ** (1.0 - size_power)
        standing = np.where(members > 0, damped, -1.0)
        winners = (standing == standing.max(axis=1, keepdims=True)) & (members > 0)
        credit = np.where(winners, right / np.maximum(members, 1.0), 0.0).sum(axis=1) / np.maximum(
            winners.sum(axis=1), 1
        )
        columns.append(np.where(winners.any(axis=1), credit, pool.correct[:, :k].mean(axis=1)))
    return np.stack(columns, axis=1)
