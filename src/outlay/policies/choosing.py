"""Choosing a candidate for every bin and budget, from the questions of one fold.

The best of many noisy cells looks better than it is (the winner's curse). Two remedies make the *choice* steadier, besides
measuring it elsewhere: shrinking a bin's contrasts between candidates towards those of all bins together, and preferring
the cheaper of two candidates that one standard error cannot tell apart. Equal candidates: the cheaper, then the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outlay.curves.shapes import Bools, Floats, Ints
from outlay.errors import UserError
from outlay.policies.candidates import Candidates

_EQUAL = 1e-12


@dataclass(frozen=True)
class Rule:
    """How a candidate is chosen.

    `shrinkage` is how many questions' worth of weight the contrasts of all bins together have in each bin (0: none).
    `one_standard_error` takes the cheapest candidate whose paired difference from the best is within one standard error.
    """

    shrinkage: float = 0.0
    one_standard_error: bool = False

    def __post_init__(self) -> None:
        if self.shrinkage < 0:
            raise UserError(f"`shrinkage` is a number of questions, at least 0; it is {self.shrinkage}.")


@dataclass(frozen=True, eq=False)
class Charges:
    """What candidates cost once difficulty has been estimated: `cost` `[Q, S]` and hard caps `cap` `[S]`."""

    cost: Floats
    cap: Floats


def charge(candidates: Candidates, difficulty_cost: float) -> Charges:
    """Add the cost of the difficulty estimate, except where a candidate goes on from the pilot's samples.

    A candidate that reuses the pilot costs the larger of the two, since the pilot has been paid for in any case.
    """
    if difficulty_cost < 0:
        raise UserError(f"The cost of estimating difficulty must be at least 0 generations; it is {difficulty_cost}.")
    reuses = np.array(candidates.reuses_pilot)
    cost = np.where(reuses, np.maximum(candidates.cost, difficulty_cost), candidates.cost + difficulty_cost)
    cap = np.where(reuses, np.maximum(candidates.budget, difficulty_cost), candidates.budget + difficulty_cost)
    return Charges(cost, cap)


def choose(accuracy: Floats, charges: Charges, bin_of: Ints, bins: int, budgets: Floats, rule: Rule) -> Ints:
    """The chosen candidate for every bin and budget: int `[bins, B]`, -1 where no candidate's cap fits the budget.

    `accuracy` `[Q, S]`, `charges.cost` `[Q, S]` and `bin_of` `[Q]` are the fitting questions'; every bin must have some.
    """
    chosen = np.full((bins, budgets.size), -1, dtype=np.int64)
    for number in range(bins):
        members = bin_of == number
        value = shrunk(accuracy, members, rule)
        mean_cost = charges.cost[members].mean(axis=0)
        for column, budget in enumerate(budgets):
            fits = charges.cap <= budget * (1 + 1e-9)
            if fits.any():
                chosen[number, column] = _best(value, mean_cost, fits, accuracy[members], rule)
    return chosen


def shrunk(accuracy: Floats, members: Bools, rule: Rule) -> Floats:
    """What each candidate is worth in a bin `[S]`, up to a constant: its members' contrasts, drawn towards all questions'."""
    own, pooled, count = _contrasts(accuracy[members]), _contrasts(accuracy), int(members.sum())
    value: Floats = (count * own + rule.shrinkage * pooled) / (count + rule.shrinkage)
    return value


def _contrasts(accuracy: Floats) -> Floats:
    """Mean accuracy of each candidate less that of all candidates: what a choice depends on."""
    means = accuracy.mean(axis=0)
    contrasts: Floats = means - means.mean()
    return contrasts


def _best(value: Floats, mean_cost: Floats, fits: Bools, accuracy: Floats, rule: Rule) -> int:
    top = int(np.argmax(np.where(fits, value, -np.inf)))
    allowance = np.full(value.size, _EQUAL)
    if rule.one_standard_error and accuracy.shape[0] > 1:
        differences = accuracy[:, top, None] - accuracy
        allowance += differences.std(axis=0, ddof=1) / np.sqrt(accuracy.shape[0])
    good = fits & (value[top] - value <= allowance)
    order = np.lexsort((-value, mean_cost))
    return int(order[good[order]][0])
