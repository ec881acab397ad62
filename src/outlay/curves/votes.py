"""Votes over random subsets: the Monte-Carlo kernel behind weighted voting and consensus.

For one permutation of a pool, the first k samples are a k-subset; all permutations' subsets at one k are a 0/1 matrix, so
the class sums of many questions are one matrix product. Weights are whole numbers (a grid), hence the sums are exact and
independent of the order in which a BLAS adds them.
"""

from __future__ import annotations

import numpy as np

from outlay.curves.shapes import Bools, Floats, Ints

_BLOCK_ELEMENTS = 1 << 21
"""Class sums held at once (16 MB)."""


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
    ranks = _ranks(permutations, pool, seed)
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
        election = _Election(numbers, worths, hits, bool(counts_needed[block[0]]), size_power)
        for column, k in enumerate(ks):
            if k > 1:
                drawn = ranks < k if k < pool else np.ones((1, pool), dtype=np.bool_)
                moments[block, column] = _mean_and_error(election.credit(drawn.astype(np.float64)))
    return moments


class _Election:
    """A block of B questions laid out for voting: columns of `tally` are (class, question)."""

    def __init__(self, numbers: Ints, weights: Floats, right: Bools, count: bool, size_power: float) -> None:
        self.questions, self.pool = numbers.shape
        self.classes = int(numbers.max()) + 1
        self.size_power = size_power
        question, sample = np.nonzero(numbers >= 0)
        number = numbers[question, sample]
        self.tally = np.zeros((self.pool, self.classes, self.questions))
        self.tally[sample, number, question] = weights[question, sample]
        self.members: Floats | None = None
        members = np.zeros_like(self.tally)
        members[sample, number, question] = 1.0
        hits = np.zeros((self.classes, self.questions))
        np.add.at(hits, (number, question), right[question, sample])
        self.credits = hits / np.maximum(members.sum(axis=0), 1.0)
        silent = numbers < 0
        self.credit_unanswered = (right & silent).sum(axis=1) / np.maximum(silent.sum(axis=1), 1)
        if count:
            self.members = members

    def credit(self, drawn: Floats) -> Floats:
        """The credit of the winner in every subset: `[subsets, B]`, ties shared."""
        values = self._sum(drawn, self.tally)
        if self.members is not None:
            counts = self._sum(drawn, self.members)
            if self.size_power != 1.0:
                values /= np.maximum(counts, 1.0) ** (1.0 - self.size_power)
            values[counts == 0.0] = -1.0
        else:
            values[values == 0.0] = -1.0
        best = values.max(axis=1)
        winners, credit = np.zeros_like(best), np.zeros_like(best)
        for number in range(self.classes):
            wins = values[:, number] == best
            winners += wins
            credit += wins * self.credits[number]
        credit /= winners
        shared: Floats = np.where(best < 0.0, self.credit_unanswered, credit)
        return shared

    def _sum(self, drawn: Floats, tally: Floats) -> Floats:
        product = drawn @ tally.reshape(self.pool, -1)
        return product.reshape(drawn.shape[0], self.classes, self.questions)


def _mean_and_error(credit: Floats) -> Floats:
    """Mean and standard error over subsets: `[B, 2]`; a single subset (the whole pool) has no error."""
    subsets = credit.shape[0]
    error = credit.std(axis=0, ddof=1) / np.sqrt(subsets) if subsets > 1 else np.zeros(credit.shape[1])
    return np.stack([credit.mean(axis=0), error], axis=1)


def _ranks(permutations: int, pool: int, seed: int) -> Ints:
    """The place of every sample in every permutation: `[permutations, pool]`."""
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
    widths = np.maximum(class_counts[same_need], 1) * (np.arange(same_need.size) + 1) * permutations
    block: Ints = same_need[: max(1, int(np.searchsorted(widths, _BLOCK_ELEMENTS, side="right")))]
    return block
