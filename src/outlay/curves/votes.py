"""Votes over random subsets: the Monte-Carlo kernel behind weighted voting and consensus.

For one permutation of a pool, the first k samples are a k-subset, for every k at once: samples are added to their class's
sum one prefix after the other. Weights are whole numbers (a grid), hence the sums are exact in whatever order they are
added. Blocks of questions are small enough for their sums to stay in the processor's cache.
"""

from __future__ import annotations

import numpy as np

from outlay.curves.shapes import Bools, Floats, Ints

_BLOCK_ELEMENTS = 1 << 18
"""Class sums held at once (2 MB): one for each class, question and permutation."""

_DRAWN_TOGETHER = 32
"""Samples of every order that are added at once."""


def simulate_votes(
    right: Bools,
    classes: Ints,
    weights: Floats,
    rows: Ints,
    ks: Ints,
    *,
    permutations: int,
    seed: int,
    size_power: float,
) -> Floats:
    """The mean credit of the winning class and its Monte-Carlo standard error: `[Q, K, 2]`.

    `weights` are whole numbers (0 where there is no answer), `rows[:, 0]` the number that seeds a question's own shuffle.
    A class is worth its summed weight times its drawn size to the power `size_power` - 1.
    """
    questions, pool = right.shape
    moments = np.zeros((questions, ks.size, 2))
    moments[..., 0] = right.mean(axis=1)[:, None]
    undecided = np.flatnonzero(right.any(axis=1) & ~right.all(axis=1))
    if undecided.size == 0 or ks.max() == 1:
        return moments
    orders = _orders(permutations, pool, seed)
    numbered = _renumber(classes)
    counts_needed = ((weights == 0) & (numbered >= 0)).any(axis=1) | (size_power != 1.0)
    class_counts = numbered.max(axis=1) + 1
    undecided = undecided[np.lexsort((class_counts[undecided], counts_needed[undecided]))]
    start = 0
    while start < undecided.size:
        block = _next_block(undecided[start:], class_counts, counts_needed, permutations)
        start += block.size
        shuffled = np.stack([np.random.default_rng([seed, int(row)]).permutation(pool) for row in rows[block, 0]])
        numbers = np.take_along_axis(numbered[block], shuffled, axis=1)
        worths = np.take_along_axis(weights[block], shuffled, axis=1)
        hits = np.take_along_axis(right[block], shuffled, axis=1)
        election = _Election(numbers, worths, hits, orders, bool(counts_needed[block[0]]), size_power)
        for column in np.argsort(ks, kind="stable"):
            k = int(ks[column])
            if k == pool:
                moments[block, column, 0] = election.of_all()
            elif k > 1:
                moments[block, column] = _mean_and_error(election.of_first(k))
    return moments


class _Election:
    """A block of B questions that vote on the same R orders of a pool; sums are `[classes, R * B]`, a column a vote.

    `of_first` must be asked for rising k: it adds what has not been drawn yet. Class 0 gathers what has no answer.
    """

    def __init__(
        self, numbers: Ints, weights: Floats, right: Bools, orders: Ints, count: bool, size_power: float
    ) -> None:
        self.questions, self.orders = numbers.shape[0], orders
        self.numbers, self.weights = np.ascontiguousarray(numbers.T + 1), np.ascontiguousarray(weights.T)
        self.classes = int(self.numbers.max()) + 1
        self.count, self.size_power = count, size_power
        place = self.numbers * self.questions + np.arange(self.questions)
        hits = self._summed(place, np.ascontiguousarray(right.T), self.questions)
        self.credits: Floats = hits / np.maximum(self._summed(place, None, self.questions), 1.0)
        self.votes = orders.shape[0] * self.questions
        self.place = self.numbers * self.votes + np.arange(self.questions)
        self.first_vote = (np.arange(orders.shape[0]) * self.questions)[None, :, None]
        self.sums = np.zeros((self.classes, self.votes))
        self.sizes = np.zeros_like(self.sums)
        self.drawn = 0

    def of_first(self, k: int) -> Floats:
        """The credit of the winner among the first k samples of every order: `[R, B]`."""
        orders = self.orders[:, self.drawn : k].T
        for start in range(0, len(orders), _DRAWN_TOGETHER):
            chosen = orders[start : start + _DRAWN_TOGETHER]
            place = self.place[chosen] + self.first_vote
            self.sums += self._summed(place, self.weights[chosen], self.votes)
            if self.count:
                self.sizes += self._summed(place, None, self.votes)
        self.drawn = k
        return self._credit(self.sums, self.sizes)

    def of_all(self) -> Floats:
        """The credit of the winner among all samples, which no order changes: `[B]`."""
        place = self.numbers * self.questions + np.arange(self.questions)
        sizes = self._summed(place, None, self.questions)
        credit: Floats = self._credit(self._summed(place, self.weights, self.questions), sizes)[0]
        return credit

    def _summed(self, place: Ints, weights: Floats | Bools | None, votes: int) -> Floats:
        """Weights (or ones) added up by class and vote: `[classes, votes]`; place = class * votes + vote."""
        flat = None if weights is None else weights.ravel()
        added = np.bincount(place.ravel(), flat, self.classes * votes)
        return added.reshape(self.classes, votes).astype(np.float64, copy=False)

    def _credit(self, sums: Floats, sizes: Floats) -> Floats:
        """The credit of the winner of each vote, ties shared: `[votes / B, B]`."""
        silent, credits = self.credits[0], self.credits[1:]
        worth, none = sums[1:], 0.0
        if self.count:
            if self.size_power != 1.0:
                worth = worth / np.maximum(sizes[1:], 1.0) ** (1.0 - self.size_power)
            worth, none = np.where(sizes[1:] > 0.0, worth, -1.0), -1.0
        worth = worth.reshape(len(worth), sums.shape[1] // self.questions, self.questions)
        best = worth.max(axis=0, initial=none)
        winning = worth == best
        winners = np.maximum(winning.sum(axis=0, dtype=np.int32), 1)
        credit = np.einsum("crq,cq->rq", winning, credits) / winners
        shared: Floats = np.where(best <= none, silent, credit)
        return shared


def _mean_and_error(credit: Floats) -> Floats:
    """Mean and standard error over R subsets: `[R, B]` to `[B, 2]`."""
    error = credit.std(axis=0, ddof=1) / np.sqrt(credit.shape[0])
    return np.stack([credit.mean(axis=0), error], axis=1)


def _orders(permutations: int, pool: int, seed: int) -> Ints:
    """Random orders of a pool: `[permutations, pool]`."""
    return np.argsort(np.random.default_rng([seed, pool, 0x5E7]).random((permutations, pool)), axis=1)


def _renumber(classes: Ints) -> Ints:
    """Class numbers of each question replaced by 0, 1, ... in rising order; -1 stays."""
    order = np.argsort(classes, axis=1, kind="stable")
    ordered = np.take_along_axis(classes, order, axis=1)
    starts = np.zeros(classes.shape, dtype=np.int64)
    starts[:, 0] = ordered[:, 0] >= 0
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    numbered = np.empty_like(classes)
    np.put_along_axis(numbered, order, np.cumsum(starts, axis=1) - 1, axis=1)
    return numbered


def _next_block(candidates: Ints, class_counts: Ints, counts_needed: Bools, permutations: int) -> Ints:
    """The questions (sorted by need and by class count) that are voted on together."""
    same_need = candidates[counts_needed[candidates] == counts_needed[candidates[0]]]
    sums = (class_counts[same_need] + 1) * (np.arange(same_need.size) + 1) * permutations
    block: Ints = same_need[: max(1, int(np.searchsorted(sums, _BLOCK_ELEMENTS, side="right")))]
    return block
