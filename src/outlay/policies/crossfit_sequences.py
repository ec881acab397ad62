"""What policies that look before they decide achieve, on questions that played no part in fitting them.

Questions are dealt into folds; each fold is replayed, over random orders of every question's samples, by policies that the other
folds fitted. Costs are what was really drawn. Beside the accuracy stand the Monte-Carlo error of the orders and the mean number of
rounds (how often one waits for samples before one looks).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Protocol

import numpy as np

from outlay.curves.shapes import Floats, Ints
from outlay.errors import UserError
from outlay.policies.basis import LOOKED_AT
from outlay.policies.crossfit import PolicyCurve
from outlay.policies.prefixes import Ended, Prefixes, prefixes, stages_up_to
from outlay.policies.rules import available, tuned
from outlay.policies.samples import Samples
from outlay.policies.walking import Fitting, Walk, ends

ORDERS = 64
"""Random orders of each question's samples over which a policy is replayed."""

FITTING_ROWS = 24_000
"""Rows that fit: fewer orders are taken where there are more questions, so that fitting takes the same time and memory."""

FITTING_ORDERS = 16
FOLDS = 5
ROWS_AT_ONCE = 1 << 15
"""Rows that are replayed at a time, whatever the orders and questions: about 60 MB."""


class Ends(Protocol):
    """Whatever says where to end each row."""

    def end(self, rows: Prefixes) -> Ended:
        """Stage and alternative of each row."""
        ...


Fitter = Callable[[Prefixes, Sequence[float]], Sequence[Ends]]
"""From replays of the fitting questions and mean budgets `[B]` to one policy a budget."""


@dataclass(frozen=True, eq=False)
class Followed:
    """A policy measured by replay: its curve, the largest Monte-Carlo error of a mean accuracy, mean rounds `[B]`."""

    curve: PolicyCurve
    error: float
    rounds: Floats


def sequential_fitter(names: Sequence[str]) -> Fitter:
    """Optimal stopping and switching on these signals."""

    def fit(rows: Prefixes, budgets: Sequence[float]) -> Sequence[Ends]:
        fitting = Fitting(rows, [name for name in names if name in rows.signals])
        path = fitting.path()
        return [fitting.within(budget, path) for budget in budgets]

    return fit


def rule_fitter(rule: str) -> Fitter:
    """A published rule, tuned."""

    def fit(rows: Prefixes, budgets: Sequence[float]) -> Sequence[Ends]:
        ways = range(rows.alternative_credit.shape[1]) if rule == "cascade" else ()
        return tuned(rule, rows, budgets, tuple(ways))

    return fit


def stages_of(samples: Samples, most: int | None = None) -> tuple[int, ...]:
    """When one looks; before the first sample too, where there is something to switch to."""
    start = (0,) if samples.alternatives else ()
    return (*start, *stages_up_to(min(most or samples.size, samples.size)))


def looked_at(samples: Samples) -> tuple[str, ...]:
    """The signals that a sequential policy looks at here."""
    names = LOOKED_AT[samples.select]
    return (*names, "difficulty") if samples.difficulty is not None else names


def fitters(samples: Samples, rows: Prefixes) -> dict[str, Fitter]:
    """The sequential policy, and every published rule that the samples allow."""
    found: dict[str, Fitter] = {"sequential": sequential_fitter(looked_at(samples))}
    for rule in available(rows.signals, len(samples.alternatives)):
        found[rule] = rule_fitter(rule)
    return found


def cross_fitted(
    samples: Samples,
    budgets: Sequence[float],
    only: Sequence[str] | None = None,
    *,
    orders: int = ORDERS,
    folds: int = FOLDS,
    most: int | None = None,
    fitting_orders: int = FITTING_ORDERS,
    seed: int = 0,
) -> dict[str, Followed]:
    """Every policy that looks before it decides, at mean budgets, cross-fitted by question.

    Args:
        samples: what was recorded.
        budgets: `[B]` mean costs a question, in the unit of the samples' costs.
        only: the policies wanted, all where None.
        orders, folds: random orders a question, and folds of questions.
        most: the most samples a question, the whole pool where None: a hard cap.
        fitting_orders: orders a question that fit, at most; fewer where there are many questions.
        seed: of folds and orders.

    Raises:
        UserError: fewer questions than folds.
    """
    if samples.questions < folds:
        raise UserError(f"{samples.questions} questions are too few for {folds} folds of them.")
    fold = folds_of(samples.questions, folds, seed)
    sizes = np.bincount(fold, minlength=folds)
    few = max(_few(samples.questions - size, fitting_orders) for size in sizes)
    parts = replayed(samples, orders, seed, stages_of(samples, most), first=few)
    first = next(parts)  # these orders fit, and are then measured like the others
    order, rows = first
    wanted = {name: fit for name, fit in fitters(samples, rows).items() if only is None or name in only}
    fitted = []
    for number in range(folds):
        inside = fold != number
        fitting = rows.only(fitting_rows(rows, inside, int(inside.sum()), order, fitting_orders))
        fitted.append({name: fit(fitting, budgets) for name, fit in wanted.items()})
    totals = {name: Total(samples.questions, orders, budgets, list(samples.other)) for name in wanted}
    for numbers, seen in chain([first], parts):
        for number, policies in enumerate(fitted):
            own = np.flatnonzero(fold[seen.question] == number)
            measured = seen.only(own)
            for name, total in totals.items():
                total.enter(policies[name], measured, numbers[own])
    return {name: total.followed(name) for name, total in totals.items()}


def measured_on(
    fitted: Mapping[str, Sequence[Ends]],
    samples: Samples,
    budgets: Sequence[float],
    *,
    orders: int = ORDERS,
    seed: int = 0,
    stages: Sequence[int] | None = None,
) -> dict[str, Followed]:
    """Policies by name, each with one for each budget, that were fitted on other questions, replayed on these."""
    totals = {name: Total(samples.questions, orders, budgets, list(samples.other)) for name in fitted}
    for order, rows in replayed(samples, orders, seed, stages):
        for name, total in totals.items():
            total.enter(fitted[name], rows, order)
    return {name: total.followed(name) for name, total in totals.items()}


def replayed(
    samples: Samples, orders: int, seed: int, stages: Sequence[int] | None = None, first: int = 0
) -> Iterator[tuple[Ints, Prefixes]]:
    """Replays of the samples in random orders, some orders at a time: the number of each row's order, and the rows.

    `first` orders come by themselves, before all others.
    """
    drawn = samples.orders(orders, seed)
    at_once = max(1, ROWS_AT_ONCE // samples.questions)
    first = min(first, orders)
    cuts = [*([0] if first else []), *range(first, orders, at_once), orders]
    for start, end in pairwise(cuts):
        yield np.repeat(np.arange(start, end), samples.questions), prefixes(samples, drawn[start:end], stages)


def folds_of(questions: int, folds: int, seed: int) -> Ints:
    """The fold of each question, by lot, folds as equal as can be."""
    return np.random.default_rng([seed, 0xF01D5]).permutation(questions) % folds


def fitting_rows(rows: Prefixes, inside: np.ndarray, questions: int, order: Ints, most: int = FITTING_ORDERS) -> Ints:
    """The rows that fit: some orders of the questions that are inside."""
    return np.flatnonzero(inside[rows.question] & (order < _few(questions, most)))


def _few(questions: int, most: int) -> int:
    """How many orders of so many questions fit."""
    return max(1, min(most, FITTING_ROWS // max(questions, 1)))


class Total:
    """Running sums over orders of what the policies of one kind do, one policy for each mean budget."""

    def __init__(self, questions: int, orders: int, budgets: Sequence[float], units: Sequence[str]) -> None:
        shape = (questions, len(budgets))
        self.orders, self.budgets = orders, np.array(budgets, dtype=np.float64)
        self.accuracy, self.cost, self.rounds = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.other = {unit: np.zeros(shape) for unit in units}
        self.means = np.zeros((orders, len(budgets)))

    def enter(self, policies: Sequence[Ends], rows: Prefixes, order: Ints) -> None:
        """Enter what each budget's policy does on these rows; `order` says of which order each is."""
        walks = [policy for policy in policies if isinstance(policy, Walk)]
        together = len(walks) == len(policies) and all(walk.basis == walks[0].basis for walk in walks)
        for place, ended in enumerate(ends(walks, rows) if together else [policy.end(rows) for policy in policies]):
            self._add(place, rows, order, ended)

    def _add(self, place: int, rows: Prefixes, order: Ints, ended: Ended) -> None:
        credit = ended.credit(rows)
        questions = len(self.accuracy)
        for table, values in (
            (self.accuracy, credit),
            (self.cost, ended.cost(rows)),
            (self.rounds, ended.stage + 1.0 + (ended.switched >= 0)),
            *((self.other[unit], ended.other(rows, unit)) for unit in self.other),
        ):
            table[:, place] += np.bincount(rows.question, values, minlength=questions) / self.orders
        self.means[:, place] += np.bincount(order, credit, minlength=self.orders) / questions

    def followed(self, name: str) -> Followed:
        """The mean over orders, as a curve."""
        error = self.means.std(axis=0, ddof=1).max() / np.sqrt(self.orders) if self.orders > 1 else float("nan")
        curve = PolicyCurve(
            name,
            self.budgets,
            self.accuracy,
            self.cost,
            np.zeros((1, 1, 1, self.budgets.size), dtype=np.int64),
            (name,),
            np.zeros(self.budgets.size, dtype=np.bool_),
            self.other,
        )
        return Followed(curve, float(error), self.rounds.mean(axis=0))
