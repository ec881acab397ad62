"""Spending across questions: the budget holds for the mean, so compute goes where the next unit gains most.

Each bin's candidates make a frontier of accuracy over mean cost. Its upper concave hull is kept, and one multiplier decides all
bins: each takes the steps of its hull whose gain a generation is above it (Lagrange; for concave frontiers this is the best
split). The step at the margin is taken by a share of its bin, so that the mean cost meets the budget. A batch of questions with
one total budget is the same problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Floats, Ints
from outlay.difficulty import Bins
from outlay.errors import UserError
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import Charges, Rule, charge, shrunk
from outlay.policies.crossfit import PolicyCurve, difficulty_of, stratified_halves


@dataclass(frozen=True, eq=False)
class Split:
    """What every bin gets at every mean budget: candidate `low` `[bins, B]`, or `high` for a share `share` `[bins, B]` of the
    bin."""

    low: Ints
    high: Ints
    share: Floats

    def pick(self, bin_of: Ints, lots: Floats) -> Ints:
        """The candidate of each question at each budget `[Q, B]`; `lots` `[Q]` are uniform numbers of the questions."""
        return np.where(lots[:, None] < self.share[bin_of], self.high[bin_of], self.low[bin_of])


def concave(cost: Floats, accuracy: Floats) -> Ints:
    """The candidates on the upper concave hull of accuracy over cost, by rising cost; the cheapest first, the best last.

    >>> concave(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.1, 0.2, 0.5, 0.5])).tolist()
    [0, 2]
    """
    hull: list[int] = []
    for index in np.lexsort((-accuracy, cost)):
        if hull and accuracy[index] <= accuracy[hull[-1]] + 1e-12:
            continue
        while len(hull) > 1 and _slope(cost, accuracy, hull[-2], hull[-1]) <= _slope(cost, accuracy, hull[-1], index):
            hull.pop()
        hull.append(int(index))
    return np.array(hull, dtype=np.int64)


def split(cost: Floats, accuracy: Floats, weights: Floats, budgets: Floats) -> Split:
    """The best split of each mean budget over bins.

    Args:
        cost, accuracy: `[bins, S]`, mean cost and accuracy of each candidate in each bin.
        weights: `[bins]`, the share of the questions in each bin.
        budgets: `[B]`, mean costs.

    Raises:
        UserError: a budget below what the cheapest candidates cost.
    """
    bins = len(weights)
    hulls = [concave(cost[b], accuracy[b]) for b in range(bins)]
    steps = []
    for b, hull in enumerate(hulls):
        for place in range(1, hull.size):
            slope = _slope(cost[b], accuracy[b], hull[place - 1], hull[place])
            steps.append((slope, b, place, float(weights[b] * (cost[b, hull[place]] - cost[b, hull[place - 1]]))))
    steps.sort(key=lambda step: (-step[0], step[1], step[2]))
    shape = (bins, budgets.size)
    low, high, share = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape)
    least = float(sum(weights[b] * cost[b, hull[0]] for b, hull in enumerate(hulls)))
    for column, budget in enumerate(budgets):
        left = float(budget) * (1 + 1e-9) - least
        if left < 0:
            raise UserError(f"A mean budget of {budget:g} is below {least:g}, what the cheapest candidates cost.")
        at = [0] * bins
        margin: tuple[int, float] | None = None
        for _, b, place, price in steps:
            if price > left:
                margin = (b, max(left, 0.0) / price)
                break
            at[b], left = place, left - price
        for b, hull in enumerate(hulls):
            low[b, column] = high[b, column] = hull[at[b]]
        if margin is not None:
            b = margin[0]
            high[b, column], share[b, column] = hulls[b][at[b] + 1], margin[1]
    return Split(low, high, share)


def fit_across(
    candidates: Candidates, values: Floats, bins: int, budgets: Floats, difficulty_cost: float, rule: Rule
) -> tuple[Bins, Split]:
    """Bins and the split of every mean budget, from all the questions given."""
    edges = Bins.fit(values, bins)
    bin_of = edges.assign(values)
    charges: Charges = charge(candidates, difficulty_cost if edges.count > 1 else 0.0)
    members = [bin_of == number for number in range(edges.count)]
    cost = np.stack([charges.cost[inside].mean(axis=0) for inside in members])
    accuracy = np.stack([shrunk(candidates.accuracy, inside, rule) for inside in members])
    weights = np.array([inside.mean() for inside in members])
    return edges, split(cost, accuracy, weights, budgets)


def across(
    candidates: Candidates,
    difficulty_values: ArrayLike,
    bins: int = 5,
    budgets: Sequence[float] | None = None,
    *,
    difficulty_cost: float = 0.0,
    splits: int = 10,
    shrinkage: float = 0.0,
    seed: int = 0,
    name: str = "across questions",
) -> PolicyCurve:
    """The policy across questions at mean budgets, cross-validated within bins.

    Arguments as for `per_bin`, except that budgets are means over questions, the difficulty estimate included.
    """
    values = difficulty_of(difficulty_values, candidates.questions)
    at = candidates.budgets() if budgets is None else np.asarray(budgets, dtype=np.float64)
    rule = Rule(shrinkage)
    charges = charge(candidates, difficulty_cost if bins > 1 else 0.0)
    shape = (candidates.questions, at.size)
    accuracy, cost = np.zeros(shape), np.zeros(shape)
    others = {unit: np.zeros(shape) for unit in candidates.other_costs}
    choices = np.full((splits, 2, bins, at.size), -1, dtype=np.int64)
    for number in range(splits):
        generator = np.random.default_rng([seed, number, 0xAC05])
        fold = stratified_halves(values, generator)
        lots = generator.random(candidates.questions)
        for side in range(2):
            fitting, measured = np.flatnonzero(fold != side), np.flatnonzero(fold == side)
            edges, found = fit_across(candidates.on(fitting), values[fitting], bins, at, difficulty_cost, rule)
            choices[number, side, : edges.count] = found.low
            picked = found.pick(edges.assign(values[measured]), lots[measured])
            rows = measured[:, None]
            accuracy[measured] += candidates.accuracy[rows, picked] / splits
            cost[measured] += charges.cost[rows, picked] / splits
            for unit, total in others.items():
                total[measured] += candidates.other_costs[unit][rows, picked] / splits
    pays = np.full(at.size, difficulty_cost > 0 and bins > 1)
    return PolicyCurve(name, at, accuracy, cost, choices, candidates.names, pays, others)


def _slope(cost: Floats, accuracy: Floats, a: int, b: int) -> float:
    return float((accuracy[b] - accuracy[a]) / max(cost[b] - cost[a], 1e-12))
