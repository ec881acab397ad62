"""Optimal stopping and switching on replays: fitted backward, stage by stage.

At a stage one may stop and answer, draw on to the next stage, or switch to an alternative. What each is worth is accuracy less
`price` times cost. Beginning at the last stage, the gain of going on over stopping is regressed on what is seen (Longstaff and
Schwartz 2001, on the realised value of what the later stages do), and one goes on where it is positive. Where the columns tell
every state apart this is exact dynamic programming on the recorded prefixes. One price gives one policy; a higher one spends less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

from outlay.curves.shapes import Floats
from outlay.policies.basis import Basis
from outlay.policies.prefixes import Ended, Prefixes

RIDGE_QUESTIONS = 1.0
"""The weight of the pull towards "no gain", in questions."""

PRICES = tuple(float(p) for p in np.geomspace(0.5, 2e-5, 22))
"""Prices of a generation, in accuracy, from the dearest: what a path of policies tries."""

_REFINED = 5


@dataclass(frozen=True, eq=False)
class Walk:
    """A fitted policy at one price: coefficients `[T, P]` of the gain of going on, `[T, J, P]` of switching, `[T, P]` of being
    right.

    It never looks past its last stage. At a stage of 0 samples one cannot stop.
    """

    basis: Basis
    stages: tuple[int, ...]
    price: float
    go_on: Floats
    switch: Floats
    right: Floats

    def end(self, rows: Prefixes) -> Ended:
        """Where it ends each row; the rows' stages begin with its own."""
        return ends([self], rows)[0]

    def choice(self, t: int, design: Floats) -> tuple[np.ndarray, np.ndarray, Floats]:
        """For each row: whether to go on, else which alternative is best, and its gain over stopping (0 or less: stop)."""
        on = design @ self.go_on[t] if t + 1 < len(self.stages) else np.full(len(design), -np.inf)
        if self.stages[t] == 0:
            on = np.full(len(design), np.inf) if self.switch.shape[1] == 0 else on  # there is nothing yet to stop with
        if self.switch.shape[1] == 0:
            return on > 0, np.zeros(len(design), dtype=np.int64), np.zeros(len(design))
        gains = design @ self.switch[t].T
        way = gains.argmax(axis=1)
        best = gains[np.arange(len(design)), way]
        if self.stages[t] == 0:
            return on >= best, way, np.ones(len(design))
        return (on > 0) & (on >= best), way, best


def ends(walks: Sequence[Walk], rows: Prefixes) -> list[Ended]:
    """Where each of these walks ends each row. They look at the same columns, which are worked out once for all of them."""
    shape = (len(walks), rows.rows)
    stage, switched = np.zeros(shape, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    open_ = np.ones(shape, dtype=np.bool_)
    for t in range(max(len(walk.stages) for walk in walks)):
        looked = np.flatnonzero(open_.any(axis=0))
        if looked.size == 0:
            break
        design = walks[0].basis.design({name: values[looked, t] for name, values in rows.signals.items()})
        for number, walk in enumerate(walks):
            inside = np.flatnonzero(open_[number, looked])
            if inside.size == 0:
                continue
            on, way, gain = walk.choice(t, design[inside])
            stage[number, looked[inside]] = t
            leaves = looked[inside[~on]]
            open_[number, leaves] = False
            switched[number, leaves] = np.where(gain[~on] > 0, way[~on], -1)
    return [Ended(*pair) for pair in zip(stage, switched, strict=True)]


class Fitting:
    """Replays of the questions that fit, prepared once for every price.

    Args:
        rows: the replays.
        names: the signals that are looked at.
        questions: how many questions the rows are of (each question's rows are alike, and count together).
    """

    def __init__(self, rows: Prefixes, names: Sequence[str], ridge: float = RIDGE_QUESTIONS) -> None:
        self.rows = rows
        self.basis = Basis.fit(rows.signals, names)
        self.designs = [self.basis.design(rows.at(t)) for t in range(len(rows.stages))]
        orders = rows.rows / max(np.unique(rows.question).size, 1)
        pull = np.full(self.designs[0].shape[1], ridge * orders)
        pull[0] = 1e-6
        self.solvers = [_solver(design, pull) for design in self.designs]
        self.right = np.stack([self._fit(t, rows.credit[:, t]) for t in range(len(rows.stages))])

    def _fit(self, t: int, target: Floats) -> Floats:
        found: Floats = self.solvers[t] @ (self.designs[t].T @ target)
        return found

    def at(self, price: float) -> tuple[Walk, float]:
        """The policy at this price of a unit of cost, and what it costs on average on the rows that fit it."""
        rows, stages = self.rows, self.rows.stages
        ways = rows.alternative_credit.shape[1]
        every, size = np.arange(rows.rows), self.designs[0].shape[1]
        go_on, switch = np.zeros((len(stages), size)), np.zeros((len(stages), ways, size))
        gives, paid = rows.credit[:, -1], rows.cost[:, -1]  # what the later stages give, and have paid in the end
        for t in reversed(range(len(stages))):
            stop, now = rows.credit[:, t], rows.cost[:, t]
            gain: Floats = np.zeros(rows.rows)
            best, spent = stop, now
            if t + 1 < len(stages):
                go_on[t] = self._fit(t, (gives - stop) - price * (paid - now))
                gain = self.designs[t] @ go_on[t]
                on = gain > 0 if stages[t] else np.ones(rows.rows, dtype=np.bool_)  # one may not stop with nothing
                best, spent = np.where(on, gives, stop), np.where(on, paid, now)
                gain = np.maximum(gain, 0.0) if stages[t] else gain
            if ways:
                there, costs = rows.alternative_credit, rows.alternative_cost
                switch[t] = self._fit(t, (there - stop[:, None]) - price * costs).T
                told = self.designs[t] @ switch[t].T
                way = told.argmax(axis=1)
                better = told[every, way] > gain
                best = np.where(better, there[every, way], best)
                spent = np.where(better, now + costs[every, way], spent)
            gives, paid = best, spent
        return Walk(self.basis, stages, price, go_on, switch, self.right), float(paid.mean())

    def path(self, prices: Sequence[float] = PRICES) -> list[tuple[Walk, float]]:
        """Policies from the dearest price on, each with its mean cost on the rows that fitted it."""
        return [self.at(price) for price in prices]

    def within(self, budget: float, path: Sequence[tuple[Walk, float]]) -> Walk:
        """The policy that spends the most of a mean budget, between those of a path (by halving, on log prices)."""
        fitting = [place for place, (_, cost) in enumerate(path) if cost <= budget * (1 + 1e-9)]
        if not fitting:
            return replace(path[0][0], go_on=np.zeros_like(path[0][0].go_on), switch=np.zeros_like(path[0][0].switch))
        place = fitting[-1]
        best = path[place][0]
        if place + 1 == len(path):
            return best
        dear, cheap = log(best.price), log(path[place + 1][0].price)
        for _ in range(_REFINED):
            middle = (dear + cheap) / 2
            walk, cost = self.at(exp(middle))
            if cost <= budget * (1 + 1e-9):
                best, dear = walk, middle
            else:
                cheap = middle
        return best


def _solver(design: Floats, pull: Floats) -> Floats:
    """(X'X + D)^-1, by an eigendecomposition that columns which never differ do not trouble."""
    gram = design.T @ design + np.diag(pull)
    return np.asarray(np.linalg.pinv(gram, hermitian=True), dtype=np.float64)
