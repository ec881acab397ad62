"""Policies on a pool: the baselines, a choice per difficulty bin, and what each is worth against the baselines.

Difficulty comes from samples other than those that measure: a pool of its own, or one half of the pool for the other,
swapped and averaged. A pilot looks at samples that then count towards the budget, so it is replayed over random orders
of each question's pool. Choices are always made on other questions (see `outlay.policies`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from outlay import difficulty
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import Rule, charge
from outlay.policies.crossfit import PolicyCurve, best_fixed, fit_choices, per_bin, uniform
from outlay.study.measure import COVERAGE, in_order, replayed
from outlay.study.pools import Floats, Pool
from outlay.study.settings import Settings

STRATEGIES = {"weighted": "weighted_best_of_n"}
"""Methods whose strategy has another name."""

ORDERS = 64
"""Random orders of each pool over which a pilot is replayed."""


@dataclass(frozen=True)
class Realised:
    """A strategy that was run on its own: correctness (a mean, where several seeds were run) and real cost `[Q, B]`.

    `flops` `[Q, B]` are what it cost in floating-point operations, where that is known. `candidate` says whether a policy
    may choose it: a larger model's answer is shown beside the others and costs another kind of generation.
    """

    spec: Mapping[str, Any]
    budgets: tuple[int, ...]
    correct: Floats
    cost: Floats
    flops: Floats | None = None
    candidate: bool = True

    @property
    def key(self) -> str:
        """Its name among curves: the bare name, or the spec as JSON where it has options."""
        spec = dict(self.spec)
        return str(spec["name"]) if set(spec) == {"name"} else json.dumps(spec, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class View:
    """Candidates, and the difficulty of the same questions by each kind of estimate, from other samples.

    `difficulty_cost` is what each kind costs a question in generations.
    """

    candidates: Candidates
    values: Mapping[str, Floats]
    difficulty_cost: Mapping[str, float]


def candidates_of(
    pool: Pool,
    values: Mapping[str, Floats],
    ks: Sequence[int],
    extra: Sequence[Realised] = (),
    limit: int | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> Candidates | None:
    """The table of every method at every k, and of every realised run (up to `limit`); None without any method.

    `sampling` are options of the strategies that the pool stands for (its temperature).
    """
    options = dict(sampling or {})
    names: list[str] = []
    specs: list[dict[str, Any]] = []
    budgets: list[float] = []
    accuracy: list[Floats] = []
    cost: list[Floats] = []
    for method, table in values.items():
        if method == COVERAGE:
            continue
        for column, k in enumerate(ks):
            names.append(f"{method}@{k}")
            specs.append({"name": STRATEGIES.get(method, method), **options})
            budgets.append(float(k))
            accuracy.append(table[:, column])
            cost.append(np.full(len(table), float(k)))
    plain = len(names)
    if not plain:
        return None
    for run in (run for run in extra if run.candidate):
        for column, budget in enumerate(run.budgets):
            if limit is None or budget <= limit:
                names.append(json.dumps({**run.spec, "n": budget}, sort_keys=True, separators=(",", ":")))
                specs.append(dict(run.spec))
                budgets.append(float(budget))
                accuracy.append(run.correct[:, column])
                cost.append(run.cost[:, column])
    return Candidates(
        names=tuple(names),
        specs=tuple(specs),
        budget=np.maximum(budgets, np.max(cost, axis=1)),
        accuracy=np.stack(accuracy, axis=1),
        cost=np.stack(cost, axis=1),
        reuses_pilot=tuple(index < plain for index in range(len(names))),
        task=pool.task,
        model=pool.model,
    )


def baseline_method(values: Mapping[str, Floats]) -> str | None:
    """What uniform best-of-N means here: weighted where answers can vote and are scored, else best-of-N, else majority."""
    return next((method for method in ("weighted", "best_of_n", "majority") if method in values), None)


def baselines(
    candidates: Candidates, method: str, budgets: Sequence[int], splits: int, seed: int
) -> dict[str, PolicyCurve]:
    """The same for every question: the pool's own method with more and more samples, and the best fixed candidate."""
    at = [float(b) for b in budgets]
    own = [index for index, name in enumerate(candidates.names) if name.startswith(f"{method}@")]
    same_for_all = uniform(candidates.only(own), STRATEGIES.get(method, method), at)
    return {
        f"uniform_{method}": same_for_all,
        "best_fixed": best_fixed(candidates, at, splits=splits, seed=seed),
    }


def per_bin_policies(views: Sequence[View], budgets: Sequence[int], settings: Settings) -> dict[str, PolicyCurve]:
    """`per_bin_<kind>` for every kind of difficulty, averaged over the views; the estimate's cost is not in the budget.

    `per_bin_shuffled` is the control: the oracle's values given to other questions.
    """
    found: dict[str, PolicyCurve] = {}
    at = [float(b) for b in budgets]
    options: dict[str, Any] = {"splits": settings.splits, "shrinkage": settings.shrinkage, "seed": settings.seed}
    for kind in views[0].values:
        count = len(np.unique(views[0].values[kind])) if kind == "level" else settings.bins
        curves = [per_bin(view.candidates, view.values[kind], count, at, **options) for view in views]
        found[f"per_bin_{kind}"] = averaged(f"per_bin_{kind}", curves)
    if "oracle" in views[0].values:
        wrong = [difficulty.shuffled(view.values["oracle"], settings.seed) for view in views]
        curves = [
            per_bin(view.candidates, values, settings.bins, at, **options)
            for view, values in zip(views, wrong, strict=True)
        ]
        found["per_bin_shuffled"] = averaged("per_bin_shuffled", curves)
    return found


def averaged(name: str, curves: Sequence[PolicyCurve]) -> PolicyCurve:
    """The mean of the same policy measured on several views of the same questions."""
    return replace(
        curves[0],
        name=name,
        accuracy=np.mean([curve.accuracy for curve in curves], axis=0),
        cost=np.mean([curve.cost for curve in curves], axis=0),
        choices=np.concatenate([curve.choices for curve in curves], axis=0),
    )


def pilot_values(pool: Pool, m: int) -> Floats | None:
    """Difficulty from the first m samples without any reference answer: mean score, else agreement; None without both."""
    if pool.scores is not None:
        return difficulty.predicted(pool.scores[:, :m])
    if pool.can_vote and pool.answers is not None and m > 1:
        return difficulty.consensus(pool.answers[:, :m])
    return None


def pilot_policy(
    pool: Pool, candidates: Candidates, ks: Sequence[int], budgets: Sequence[int], settings: Settings
) -> tuple[PolicyCurve, float] | None:
    """`per_bin_pilot`: bins from the first m samples, which the strategy that follows goes on from.

    In each of 64 random orders of every question's pool one random half of the questions fits bins and choices (from
    exact expectations), and the other half is measured by what the order really gives.

    Returns:
        The policy, and the Monte-Carlo standard error of its mean accuracy (the largest over budgets); None where
        nothing tells difficulty without reference answers.
    """
    m, bins = settings.pilot, settings.bins
    if pilot_values(pool, m) is None:
        return None
    rule = Rule(settings.shrinkage)
    questions = candidates.questions
    at = np.array(budgets, dtype=np.float64)
    charges = charge(candidates, m)
    pays = charges.cap.min() <= at * (1 + 1e-9)
    accuracy, cost = np.zeros((questions, at.size)), np.zeros((questions, at.size))
    choices = np.full((ORDERS, 2, bins, at.size), -1, dtype=np.int64)
    means = np.zeros((ORDERS, at.size))
    generator = np.random.default_rng([settings.seed, 0x9107])
    for number in range(ORDERS):
        orders = np.argsort(generator.random(pool.correct.shape), axis=1)
        drawn = in_order(pool, orders)
        values = pilot_values(drawn, m)
        assert values is not None
        realised = _realised(candidates, replayed(drawn, ks), ks)
        fold = generator.permutation(questions) % 2
        for side in range(2):
            fitting, measured = np.flatnonzero(fold != side), np.flatnonzero(fold == side)
            edges, chosen = fit_choices(candidates.on(fitting), values[fitting], bins, at, m, rule)
            choices[number, side, : edges.count] = chosen
            picked = chosen[edges.assign(values[measured])]
            rows = measured[:, None]
            got = realised[rows, picked]
            accuracy[measured] += got / ORDERS
            cost[measured] += np.where(pays, charges.cost[rows, picked], candidates.cost[rows, picked]) / ORDERS
            means[number] += got.sum(axis=0) / questions
    error = float(means.std(axis=0, ddof=1).max() / np.sqrt(ORDERS))
    return PolicyCurve("per_bin_pilot", at, accuracy, cost, choices, candidates.names, pays), error


def _realised(candidates: Candidates, tables: Mapping[str, Floats], ks: Sequence[int]) -> Floats:
    """The candidates' accuracy with the pool's methods replaced by what one order gives."""
    realised = candidates.accuracy.copy()
    place = {name: index for index, name in enumerate(candidates.names)}
    for method, table in tables.items():
        for column, k in enumerate(ks):
            realised[:, place[f"{method}@{k}"]] = table[:, column]
    return realised
