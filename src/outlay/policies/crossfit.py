"""What policies achieve, measured on questions that played no part in choosing them.

`per_bin` is the compute-optimal policy of Snell et al. (arXiv 2408.03314, section 3.2): in each difficulty bin, at each
budget, the candidate with the best accuracy among those that fit. Two-fold cross-validation within bins: edges and choices
come from one fold of questions, accuracy and cost from the other, then the folds swap; several random splits are averaged to
cut the noise of splitting. `uniform` and `best_fixed` are the baselines. Budgets are hard caps on every question's cost, the
difficulty estimate included.

Difficulty values are the caller's: they must come from samples other than those behind `candidates.accuracy`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves import Interval, Ratio, compute_ratio, interval, paired_difference
from outlay.curves.shapes import Bools, Floats, Ints
from outlay.difficulty import Bins
from outlay.errors import UserError
from outlay.policies.candidates import Candidates, Where
from outlay.policies.choosing import Charges, Rule, charge, choose


@dataclass(frozen=True, eq=False)
class PolicyCurve:
    """A policy at budgets `[B]`: each question's expected accuracy and cost `[Q, B]`, and what was chosen.

    `choices` int `[splits, folds, bins, B]` are indices into `names` (-1 where a fold had no such bin).
    `pays_for_difficulty` `[B]` says at which budgets the difficulty estimate is made and charged.
    `other_costs` are those of the chosen candidates alone: the difficulty estimate is charged in generations only.
    """

    name: str
    budgets: Floats
    accuracy: Floats
    cost: Floats
    choices: Ints
    names: tuple[str, ...]
    pays_for_difficulty: Bools
    other_costs: Mapping[str, Floats] = field(default_factory=dict)

    def accuracy_interval(self, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
        """Mean accuracy at each budget, with its interval over questions."""
        return interval(self.accuracy, level, resamples, seed)

    def cost_interval(self, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
        """Mean cost in generations at each budget, with its interval over questions."""
        return interval(self.cost, level, resamples, seed, proportions=False)

    def gain(self, baseline: PolicyCurve, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
        """Accuracy less the baseline's at the same budgets, paired by question."""
        if not np.array_equal(self.budgets, baseline.budgets):
            raise UserError(
                f"{self.name!r} and {baseline.name!r} were measured at different budgets; measure both at the same."
            )
        return paired_difference(self.accuracy, baseline.accuracy, level, resamples, seed)

    def savings(self, baseline: PolicyCurve, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Ratio:
        """How many times less compute than the baseline at equal accuracy, for each budget: arrays `[B]`.

        The baseline's budgets that cost no more on average than a smaller one are left out: its curve is over cost.
        """
        means = baseline.cost.mean(axis=0)
        rising = means > np.concatenate(([-np.inf], np.maximum.accumulate(means)[:-1]))
        costs, accuracies = baseline.cost[:, rising], baseline.accuracy[:, rising]
        return compute_ratio(costs, accuracies, self.cost, self.accuracy, level, resamples, seed)

    def most_chosen(self) -> list[list[str]]:
        """For each budget, for each bin, the candidate chosen most often over splits and folds."""
        chosen = []
        for column in range(self.budgets.size):
            row = []
            for number in range(self.choices.shape[2]):
                picks = self.choices[:, :, number, column]
                picks = picks[picks >= 0]
                row.append(self.names[int(np.bincount(picks).argmax())] if picks.size else "")
            chosen.append(row)
        return chosen


def uniform(candidates: Candidates, family: Where, budgets: Sequence[float] | None = None) -> PolicyCurve:
    """One strategy for every question: at each budget the candidate of the family with the largest budget that fits.

    Args:
        candidates: the table.
        family: a strategy's name (`"best_of_n"`), or spec entries (`{"name": "best_of_n", "temperature": 0.8}`).
        budgets: `[B]`; the family's own where not given.

    Raises:
        UserError: no such candidate, two at the same budget (say which by more spec entries), or a budget below the least.
    """
    index = candidates.matching(family)
    if not index:
        raise UserError(f"No candidate matches {family!r}; there are {_listed(candidates.names)}.")
    own = candidates.budget[index]
    if np.unique(own).size < own.size:
        raise UserError(
            f"{family!r} matches several candidates at one budget; narrow it with more entries of their specs."
        )
    at = own[np.argsort(own)] if budgets is None else np.asarray(budgets, dtype=np.float64)
    chosen = []
    for budget in at:
        fits = np.flatnonzero(own <= budget * (1 + 1e-9))
        if fits.size == 0:
            raise UserError(
                f"The least budget of {family!r} is {own.min():g} generations, above the {budget:g} asked for."
            )
        chosen.append(index[int(fits[np.argmax(own[fits])])])
    return PolicyCurve(
        name=f"uniform {family if isinstance(family, str) else family.get('name', family)}",
        budgets=at,
        accuracy=candidates.accuracy[:, chosen],
        cost=candidates.cost[:, chosen],
        choices=np.array(chosen).reshape(1, 1, 1, -1),
        names=candidates.names,
        pays_for_difficulty=np.zeros(at.size, dtype=np.bool_),
        other_costs={unit: costs[:, chosen] for unit, costs in candidates.other_costs.items()},
    )


def best_fixed(
    candidates: Candidates,
    budgets: Sequence[float] | None = None,
    *,
    splits: int = 10,
    one_standard_error: bool = False,
    seed: int = 0,
) -> PolicyCurve:
    """One candidate for every question, the best at each budget: chosen on one fold, measured on the other.

    Arguments as for `per_bin`, which this is with a single bin and no difficulty to estimate.
    """
    return per_bin(
        candidates,
        np.zeros(candidates.questions),
        bins=1,
        budgets=budgets,
        splits=splits,
        one_standard_error=one_standard_error,
        seed=seed,
        name="best fixed",
    )


def per_bin(
    candidates: Candidates,
    difficulty_values: ArrayLike,
    bins: int = 5,
    budgets: Sequence[float] | None = None,
    *,
    difficulty_cost: float = 0.0,
    splits: int = 10,
    shrinkage: float = 0.0,
    one_standard_error: bool = False,
    seed: int = 0,
    name: str = "compute-optimal",
) -> PolicyCurve:
    """The best candidate for each difficulty bin at each budget, cross-validated within bins.

    Args:
        candidates: the table.
        difficulty_values: `[Q]`, higher = easier, from samples other than those that measured the candidates.
        bins: difficulty bins (fewer where ties leave fewer).
        budgets: `[B]` generations a question, hard caps that the difficulty estimate counts towards; the candidates' own
            where not given. Where the estimate leaves room for no candidate it is not made: the choice is then the best
            fixed one.
        difficulty_cost: generations that estimating difficulty costs each question (m for a pilot of m). Candidates that
            reuse the pilot's samples pay the larger of the two, others the sum.
        splits: random two-fold splits that are averaged.
        shrinkage, one_standard_error: see `Rule`.
        seed: decides the splits.
        name: what to call the policy.

    Returns:
        PolicyCurve over all questions, each measured only by choices that other questions made.

    Raises:
        UserError: fewer than two questions, values of another length, or a budget that no candidate fits.
    """
    values = difficulty_of(difficulty_values, candidates.questions)
    at = candidates.budgets() if budgets is None else np.asarray(budgets, dtype=np.float64)
    if splits < 1 or candidates.questions < 2:
        raise UserError("Cross-validation needs at least one split and two questions.")
    charges = charge(candidates, difficulty_cost)
    rule = Rule(shrinkage, one_standard_error)
    shape = (candidates.questions, at.size)
    accuracy, cost = np.zeros(shape), np.zeros(shape)
    others = {unit: np.zeros(shape) for unit in candidates.other_costs}
    choices = np.full((splits, 2, bins, at.size), -1, dtype=np.int64)
    pays = pays_for_difficulty(charges, at)
    for split in range(splits):
        fold = stratified_halves(values, np.random.default_rng([seed, split, 0xF01D]))
        for number in range(2):
            fitting, measured = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            edges, chosen = fit_choices(candidates.on(fitting), values[fitting], bins, at, difficulty_cost, rule)
            choices[split, number, : edges.count] = chosen
            picked = chosen[edges.assign(values[measured])]
            rows = measured[:, None]
            accuracy[measured] += candidates.accuracy[rows, picked]
            cost[measured] += np.where(pays, charges.cost[rows, picked], candidates.cost[rows, picked])
            for unit, total in others.items():
                total[measured] += candidates.other_costs[unit][rows, picked]
    averaged = {unit: total / splits for unit, total in others.items()}
    return PolicyCurve(name, at, accuracy / splits, cost / splits, choices, candidates.names, pays, averaged)


def fit_choices(
    candidates: Candidates, values: Floats, bins: int, budgets: Floats, difficulty_cost: float, rule: Rule
) -> tuple[Bins, Ints]:
    """Bins and choices `[bins, B]` from all the questions given: what a policy file holds.

    Raises:
        UserError: a budget that no candidate fits.
    """
    edges = Bins.fit(values, bins)
    charges = charge(candidates, difficulty_cost)
    chosen = choose(candidates.accuracy, charges, edges.assign(values), edges.count, budgets, rule)
    unpaid = ~pays_for_difficulty(charges, budgets)
    if unpaid.any():
        plain = Charges(candidates.cost, candidates.budget)
        everyone = np.zeros(candidates.questions, dtype=np.int64)
        chosen[:, unpaid] = choose(candidates.accuracy, plain, everyone, 1, budgets[unpaid], rule)
    if (chosen < 0).any():
        raise UserError(
            f"No candidate fits a budget of {budgets[(chosen < 0).any(axis=0)].min():g} generations; the least costs "
            f"{candidates.budget.min():g}."
        )
    return edges, chosen


def pays_for_difficulty(charges: Charges, budgets: Floats) -> Bools:
    """At which budgets some candidate fits together with the difficulty estimate: bool `[B]`."""
    pays: Bools = charges.cap.min() <= budgets * (1 + 1e-9)
    return pays


def stratified_halves(values: Floats, generator: np.random.Generator) -> Ints:
    """Fold 0 or 1 for each question: neighbours in difficulty are parted, one to each fold, by lot."""
    order = np.lexsort((generator.random(values.size), values))
    fold = np.empty(values.size, dtype=np.int64)
    first = generator.integers(0, 2, size=(values.size + 1) // 2)
    fold[order] = np.column_stack([first, 1 - first]).ravel()[: values.size]
    return fold


def difficulty_of(values: ArrayLike, questions: int) -> Floats:
    """Difficulty values as an array, one a question; a UserError for another number of them."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (questions,):
        raise UserError(
            f"Difficulty values must be one for each of the {questions} questions; their shape is {array.shape}."
        )
    return array


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
