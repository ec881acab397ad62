"""Policies on a pool: the baselines, a choice per difficulty bin, and what each is worth against the baselines.

Difficulty comes from samples other than those that measure: a pool of its own, or one half of the pool for the other,
swapped and averaged. A pilot looks at samples that then count towards the budget, so it is replayed over random orders
of each question's pool. Choices are always made on other questions (see `outlay.policies`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from outlay import difficulty
from outlay.policies.across import across, fit_across
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import Rule, charge
from outlay.policies.crossfit import PolicyCurve, best_fixed, fit_choices, per_bin, uniform
from outlay.study.flops import UNSCORED, PoolFlops
from outlay.study.measure import COVERAGE, in_order, replayed
from outlay.study.pools import Bools, Floats, Ints, Pool
from outlay.study.settings import Settings

STRATEGIES = {"weighted": "weighted_best_of_n"}
"""Methods whose strategy has another name."""

FLOPS = "flops"
"""The unit of `Candidates.other_costs` that is filled here."""

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
        return str(spec["name"]) if set(spec) == {"name"} else _json(spec)


def keyed(runs: Sequence[Realised], taken: Sequence[str]) -> dict[str, Realised]:
    """The runs by their names among curves; one whose name is taken (by a method of the pool) gets `"source": "run"`.

    >>> run = Realised({"name": "best_of_n"}, (4,), np.ones((1, 1)), np.ones((1, 1)))
    >>> list(keyed([run], ["best_of_n"]))
    ['{"name":"best_of_n","source":"run"}']
    """
    found: dict[str, Realised] = {}
    for run in runs:
        key, number = run.key, 1
        while key in found or key in taken:
            key = _json({**run.spec, "source": "run" if number == 1 else f"run {number}"})
            number += 1
        found[key] = run
    return found


def _json(spec: Mapping[str, Any]) -> str:
    return json.dumps(dict(spec), sort_keys=True, separators=(",", ":"))


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
    flops: PoolFlops | None = None,
) -> Candidates | None:
    """The table of every method at every k, and of every realised run (up to `limit`); None without any method.

    `sampling` are options of the strategies that the pool stands for (its temperature). Costs in FLOPs are in
    `other_costs` where `flops` and those of every run are known.
    """
    options = dict(sampling or {})
    names: list[str] = []
    specs: list[dict[str, Any]] = []
    budgets: list[float] = []
    accuracy: list[Floats] = []
    cost: list[Floats] = []
    spent: list[Floats | None] = []
    for method, table in values.items():
        if method == COVERAGE:
            continue
        for column, k in enumerate(ks):
            names.append(f"{method}@{k}")
            specs.append({"name": STRATEGIES.get(method, method), **options})
            budgets.append(float(k))
            accuracy.append(table[:, column])
            cost.append(np.full(len(table), float(k)))
            spent.append(None if flops is None else flops.of(method, [k])[:, 0])
    plain = len(names)
    if not plain:
        return None
    for run in (run for run in extra if run.candidate):
        for column, budget in enumerate(run.budgets):
            if limit is None or budget <= limit:
                names.append(_json({**run.spec, "n": budget}))
                specs.append(dict(run.spec))
                budgets.append(float(budget))
                accuracy.append(run.correct[:, column])
                cost.append(run.cost[:, column])
                spent.append(None if run.flops is None else run.flops[:, column])
    known = [one for one in spent if one is not None]
    return Candidates(
        names=tuple(names),
        specs=tuple(specs),
        budget=np.maximum(budgets, np.max(cost, axis=1)),
        accuracy=np.stack(accuracy, axis=1),
        cost=np.stack(cost, axis=1),
        reuses_pilot=tuple(index < plain for index in range(len(names))),
        other_costs={FLOPS: np.stack(known, axis=1)} if len(known) == len(names) else {},
        task=pool.task,
        model=pool.model,
    )


def baseline_method(values: Collection[str]) -> str | None:
    """What uniform best-of-N means here: weighted where answers can vote and are scored, else best-of-N, else majority."""
    return next((method for method in ("weighted", "best_of_n", "majority") if method in values), None)


def baselines(
    candidates: Candidates, method: str, budgets: Sequence[float], splits: int, seed: int
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
    for kind in ("oracle", "predicted", "probe"):
        if kind in views[0].values:
            curves = [across(view.candidates, view.values[kind], settings.bins, at, **options) for view in views]
            found[f"across_{kind}"] = averaged(f"across_{kind}", curves)
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
        other_costs={
            unit: np.mean([curve.other_costs[unit] for curve in curves], axis=0) for unit in curves[0].other_costs
        },
        choices=np.concatenate([curve.choices for curve in curves], axis=0),
    )


def pilot_values(pool: Pool, m: int) -> Floats | None:
    """Difficulty from the first m samples without any reference answer: mean score, else agreement; None without both."""
    if pool.scores is not None:
        rated = pool.rated
        return mean_score(pool.scores[:, :m], None if rated is None else rated[:, :m])
    if pool.can_vote and pool.answers is not None and m > 1:
        return _consensus(pool.answers[:, :m])
    return None


def mean_score(scores: Floats, rated: Bools | None) -> Floats:
    """`difficulty.predicted`, from the scores that there are; a question without any has the mean of the others.

    >>> mean_score(np.array([[0.2, -np.inf], [0.6, 0.8]]), np.array([[True, False], [True, True]])).round(2).tolist()
    [0.2, 0.7]
    """
    if rated is None or rated.all():
        return difficulty.predicted(scores)
    some = rated.any(axis=1)
    found = np.full(len(scores), np.nan)
    if some.any():
        found[some] = difficulty.predicted(scores[some], valid=rated[some])
    return np.where(some, found, found[some].mean() if some.any() else 0.0)


def _consensus(answers: Ints) -> Floats:
    """`difficulty.consensus` of a few samples, for all questions at once: a pilot is read in many orders."""
    alike = (answers[:, :, None] == answers[:, None, :]) & (answers >= 0)[:, :, None]
    largest: Floats = alike.sum(axis=2).max(axis=1) / answers.shape[1]
    return largest


@dataclass(frozen=True)
class Pilot:
    """A pilot of `samples`, at these budgets; `shuffled` hands what it finds to other questions (the control).

    Budgets are hard caps, and means over questions where compute is spent `across` them.
    """

    samples: int
    budgets: tuple[float, ...]
    shuffled: bool = False
    across: bool = False


def pilot_policies(
    pool: Pool,
    candidates: Candidates,
    ks: Sequence[int],
    pilots: Sequence[Pilot],
    settings: Settings,
    flops: PoolFlops | None = None,
) -> list[tuple[PolicyCurve, float]]:
    """`per_bin_pilot` for every pilot: bins from the first m samples, which the strategy that follows goes on from.

    In each of 64 random orders of every question's pool one random half of the questions fits bins and choices (from
    exact expectations), and the other half is measured by what the order really gives. All pilots share orders and halves.

    Returns:
        For each pilot the policy, and the Monte-Carlo standard error of its mean accuracy (the largest over budgets).
        Every pilot must be able to tell something (see `pilot_values`).
    """
    rule, questions = Rule(settings.shrinkage), candidates.questions
    bare = replace(candidates, other_costs={})
    replays = [
        _Replay(candidates, pilot, settings.bins, _pilot_flops(candidates, pilot, pool, flops)) for pilot in pilots
    ]
    generator = np.random.default_rng([settings.seed, 0x9107])
    for number in range(ORDERS):
        orders = np.argsort(generator.random(pool.correct.shape), axis=1)
        drawn = in_order(pool, orders)
        realised = _realised(candidates, replayed(drawn, ks), ks)
        fold = generator.permutation(questions) % 2
        lots = np.random.default_rng([settings.seed, number, 0xAC05]).random(questions)
        sides = [(np.flatnonzero(fold != side), np.flatnonzero(fold == side)) for side in range(2)]
        tables = [bare.on(fitting) for fitting, _ in sides]
        seen = {pilot.samples: pilot_values(drawn, pilot.samples) for pilot in pilots}
        for replay in replays:
            values = seen[replay.pilot.samples]
            assert values is not None
            if replay.pilot.shuffled:
                values = difficulty.shuffled(values, settings.seed + number)
            for side, (fitting, measured) in enumerate(sides):
                if replay.pilot.across:
                    edges, found = fit_across(
                        tables[side], values[fitting], settings.bins, replay.at, replay.pilot.samples, rule
                    )
                    replay.choices[number, side, : edges.count] = found.low
                    picked = found.pick(edges.assign(values[measured]), lots[measured])
                    replay.add(number, measured, picked, realised)
                    continue
                edges, chosen = fit_choices(
                    tables[side], values[fitting], settings.bins, replay.at, replay.pilot.samples, rule
                )
                replay.choices[number, side, : edges.count] = chosen
                replay.add(number, measured, chosen[edges.assign(values[measured])], realised)
    return [replay.result() for replay in replays]


class _Replay:
    """The running totals of one pilot over the orders."""

    def __init__(self, candidates: Candidates, pilot: Pilot, bins: int, flops: Floats | None) -> None:
        self.pilot, self.candidates, self.flops = pilot, candidates, flops
        self.at = np.array(pilot.budgets, dtype=np.float64)
        self.charges = charge(candidates, pilot.samples)
        self.pays = (self.charges.cap.min() <= self.at * (1 + 1e-9)) | pilot.across
        shape = (candidates.questions, self.at.size)
        self.accuracy, self.cost, self.spent = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.choices = np.full((ORDERS, 2, bins, self.at.size), -1, dtype=np.int64)
        self.means = np.zeros((ORDERS, self.at.size))

    def add(self, number: int, measured: Ints, picked: Ints, realised: Floats) -> None:
        """Enter one half of the questions in one order: what was picked for each `[q, B]`."""
        rows = measured[:, None]
        got = realised[rows, picked]
        self.accuracy[measured] += got / ORDERS
        self.means[number] += got.sum(axis=0) / self.candidates.questions
        paid = np.where(self.pays, self.charges.cost[rows, picked], self.candidates.cost[rows, picked])
        self.cost[measured] += paid / ORDERS
        if self.flops is not None:
            plain = self.candidates.other_costs[FLOPS]
            self.spent[measured] += np.where(self.pays, self.flops[rows, picked], plain[rows, picked]) / ORDERS

    def result(self) -> tuple[PolicyCurve, float]:
        """The policy, and its Monte-Carlo error."""
        error = float(self.means.std(axis=0, ddof=1).max() / np.sqrt(ORDERS))
        others = {} if self.flops is None else {FLOPS: self.spent}
        names = self.candidates.names
        name = "across_pilot" if self.pilot.across else "per_bin_pilot"
        curve = PolicyCurve(name, self.at, self.accuracy, self.cost, self.choices, names, self.pays, others)
        return curve, error


def _pilot_flops(candidates: Candidates, pilot: Pilot, pool: Pool, flops: PoolFlops | None) -> Floats | None:
    """FLOPs of every candidate after a pilot `[Q, S]`: its samples are drawn once, and scored where scores tell difficulty."""
    if flops is None or FLOPS not in candidates.other_costs:
        return None
    m = pilot.samples
    told = flops.scoring([m])[:, 0] * (pool.scores is not None)
    columns = []
    for place, name in enumerate(candidates.names):
        own = candidates.other_costs[FLOPS][:, place]
        if candidates.reuses_pilot[place]:
            method, _, k = name.partition("@")
            own = flops.of(method, [max(int(k), m)])[:, 0]
            columns.append(own + told if method in UNSCORED else own)
        else:
            columns.append(own + flops.drawing([m])[:, 0] + told)
    return np.stack(columns, axis=1)


def _realised(candidates: Candidates, tables: Mapping[str, Floats], ks: Sequence[int]) -> Floats:
    """The candidates' accuracy with the pool's methods replaced by what one order gives."""
    realised = candidates.accuracy.copy()
    place = {name: index for index, name in enumerate(candidates.names)}
    for method, table in tables.items():
        for column, k in enumerate(ks):
            if f"{method}@{k}" in place:
                realised[:, place[f"{method}@{k}"]] = table[:, column]
    return realised
