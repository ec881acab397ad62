"""What deciding as one goes saves: every policy that looks before it decides, at mean budgets, against what is the same for all.

Two sets of questions: one fixes all that is chosen (how an answer is chosen, every policy, the best fixed candidate, the budget and
accuracy level of the headline), the other measures. With one set, questions are dealt into folds and each is measured by what the
others chose. Two baselines: the same best-of-N for all (weighted where answers can vote), and the best fixed strategy, temperature
and N, greedy among them. Replays are ordered, costs what was really drawn, in generations and, where known, in FLOPs with the
verifier's reading in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from outlay.curves import paired_difference
from outlay.errors import UserError
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import Charges, Rule, choose
from outlay.policies.crossfit import PolicyCurve
from outlay.policies.crossfit_sequences import (
    ORDERS,
    Ends,
    Followed,
    Total,
    cross_fitted,
    fitters,
    replayed,
    stages_of,
)
from outlay.policies.fit_sequence import fitting
from outlay.policies.samples import Samples
from outlay.study import samples as reading
from outlay.study.deciding import FLOPS, Realised, baseline_method, baselines, candidates_of
from outlay.study.figures import as_points, as_ratios, listed, plain
from outlay.study.fitting import score_map_of
from outlay.study.flops import PoolFlops
from outlay.study.measure import budgets_up_to, expected, with_probabilities
from outlay.study.pools import Floats, Pool
from outlay.study.runs import Larger
from outlay.study.saving_headline import headline, in_flops
from outlay.study.sequences import FEWEST_QUESTIONS, samples_of
from outlay.study.settings import Settings

BUDGETS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)
"""Mean budgets at which policies are fitted, as far as the pool reaches; about as close as costs can be read between them."""

SWITCHING = ("sequential", "cascade")
"""Policies that are fitted again where there is something to switch to."""


@dataclass(frozen=True)
class Source:
    """One task and model on one set of questions."""

    pool: Pool
    runs: tuple[Realised, ...] = ()
    larger: tuple[Larger, ...] = ()
    flops: PoolFlops | None = None
    sampling: Mapping[str, Any] | None = None
    verifier: str | None = None

    def samples(self, method: str, seed: int, *, switching: bool) -> Samples:
        """The same as what a sequential policy is fitted to."""
        return samples_of(
            self.pool,
            method,
            runs=self.runs if switching else (),
            larger=self.larger if switching else (),
            flops=self.flops,
            sampling=self.sampling,
            verifier=self.verifier,
            seed=seed,
        )


def sources(read: reading.Samples) -> dict[tuple[str, str], Source]:
    """What was read, by task and model; chains of revisions have no samples to stop among."""
    found = {
        (one.pool.task, one.pool.model): Source(one.pool, one.runs, one.larger, one.flops, one.sampling, one.verifier)
        for one in read.recorded
    }
    return found | {(pool.task, pool.model): Source(pool) for pool in read.pools if isinstance(pool, Pool)}


def savings(
    fitted_on: Mapping[tuple[str, str], Source],
    measured: Mapping[tuple[str, str], Source] | None = None,
    settings: Settings | None = None,
    budgets: Sequence[float] = BUDGETS,
    *,
    orders: int = ORDERS,
    budget: float | None = None,
) -> list[dict[str, Any]]:
    """An entry for each task and model that both sets have; with one set, measured by cross-fitting.

    Replays are of `orders` random orders of each question's samples, a quarter of them fit. The headline is read at this mean
    `budget`; where none is given, the fitting questions choose it where others measure, else it is the settings' own.

    Raises:
        UserError: nothing in common, or nothing that can be decided.
    """
    settings = settings or Settings()
    shared = [key for key in fitted_on if measured is None or key in measured]
    found = []
    for key in shared:
        one = fitted_on[key]
        if one.pool.size < 2 or len(one.pool.questions) < FEWEST_QUESTIONS or not 0 < one.pool.correct.mean() < 1:
            continue
        other = None if measured is None else measured[key]
        entry = _saving(one, other, settings, budgets, orders, budget)
        if entry is not None:
            found.append(entry)
    if not found:
        raise UserError(
            "There is nothing to decide here: a task and model with at least two samples of 40 questions, some right and some "
            "wrong, in both sets of questions, with scores or answers that can vote."
        )
    return found


def _saving(
    one: Source,
    other: Source | None,
    settings: Settings,
    wanted: Sequence[float],
    orders: int,
    budget: float | None,
) -> dict[str, Any] | None:
    one, other = _scaled(one, other, settings)
    target = one if other is None else other
    size = min(one.pool.size, target.pool.size)
    ks = sorted({*budgets_up_to(size), *(k + k // 2 for k in budgets_up_to(size) if 1 < k <= 2 * size // 3)})
    budgets = [one for one in wanted if one <= size]
    tables = expected(one.pool, ks, settings.seed)[0]
    method = baseline_method(tables)
    own = candidates_of(one.pool, tables, ks, one.runs, flops=one.flops)
    if method is None or own is None:
        return None
    if other is None:
        base = baselines(own, method, ks, settings.splits, settings.seed)
        uniform, fixed = base[f"uniform_{method}"], base["best_fixed"]
    else:
        table = candidates_of(other.pool, expected(other.pool, ks, settings.seed)[0], ks, other.runs, flops=other.flops)
        assert table is not None
        uniform = baselines(table, method, ks, settings.splits, settings.seed)[f"uniform_{method}"]
        fixed = chosen_elsewhere(own, table, ks)
    followed: dict[str, Followed] = {}
    for way in [method, *(name for name in ("consensus",) if name in tables and name != method)]:
        for name, curve in _followed(one, other, way, budgets, settings, orders).items():
            followed[name if way == method else f"{name}_{way}"] = curve
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    entry: dict[str, Any] = {
        "task": target.pool.task,
        "model": target.pool.model,
        "verifier": target.verifier,
        "fitted_on": len(one.pool.questions),
        "questions": len(target.pool.questions),
        "cross_fitted": other is None,
        "samples": size,
        "orders": orders,
        "resamples": settings.resamples,
        "method": method,
        "temperatures": temperatures(one, own, method, options),
        "uniform": _curve_entry(uniform, options),
        "best_fixed": {**_curve_entry(fixed, options), "choices": fixed.most_chosen()},
        "policies": {},
    }
    lead = followed["sequential"].curve
    for name, result in followed.items():
        beside = followed.get("sequential_switching") if name == "cascade" else None  # it may switch as well
        entry["policies"][name] = _policy_entry(result, uniform, fixed, beside.curve if beside else lead, options)
    fits = (
        None if other is None else _on_those_that_fit(one, tables[method], method, budgets, uniform, settings, orders)
    )
    bases = {"uniform": uniform, "best_fixed": fixed}
    most = settings.headline_budget if fits is None and budget is None else budget
    entry["headline"] = headline(lead, bases, fits, most, options)
    return entry


def _scaled(one: Source, other: Source | None, settings: Settings) -> tuple[Source, Source | None]:
    """Scores as P(right): by the map of the questions that fit, where the others are measured; else cross-fitted."""
    score_map = None if other is None else score_map_of(one.pool)

    def scaled(source: Source) -> Source:
        pool = source.pool
        if score_map is None or pool.scores is None:
            return replace(source, pool=with_probabilities(pool, settings.seed))
        return replace(source, pool=replace(pool, probabilities=score_map(pool.scores)))

    return scaled(one), None if other is None else scaled(other)


def _followed(
    one: Source, other: Source | None, method: str, budgets: Sequence[float], settings: Settings, orders: int
) -> dict[str, Followed]:
    """Every policy, fitted on one set and replayed on the other; again with switching where there is something to switch to."""
    seed, few = settings.seed, max(1, orders // 4)
    plain, wide = (one.samples(method, seed, switching=switching) for switching in (False, True))
    if other is None:
        found = cross_fitted(plain, budgets, orders=orders, fitting_orders=few, seed=seed)
        if not wide.alternatives:
            return found
        more = cross_fitted(wide, budgets, SWITCHING, orders=orders, fitting_orders=few, seed=seed)
        return found | {_switching(name): result for name, result in more.items()}
    target, wide_target = (other.samples(method, seed, switching=switching) for switching in (False, True))
    wide, wide_target = _same_alternatives(wide, wide_target)
    rows = fitting(plain, seed=seed, orders=few)
    fitted = {name: fit(rows, budgets) for name, fit in fitters(plain, rows).items()}
    switching: dict[str, Sequence[Ends]] = {}
    if wide.alternatives:
        wide_rows = rows.switching(wide)
        ways = fitters(wide, wide_rows)
        switching = {_switching(name): ways[name](wide_rows, budgets) for name in SWITCHING}
    totals = {
        name: Total(target.questions, orders, budgets, list(whose.other))
        for names, whose in ((fitted, target), (switching, wide_target))
        for name in names
    }
    for order, seen in replayed(target, orders, seed, stages_of(plain)):  # what is seen is the same, whoever looks
        for name, policies in fitted.items():
            totals[name].enter(policies, seen, order)
        wide_seen = seen.switching(wide_target) if switching else seen
        for name, policies in switching.items():
            totals[name].enter(policies, wide_seen, order)
    return {name: total.followed(name) for name, total in totals.items()}


def _switching(name: str) -> str:
    return "sequential_switching" if name == "sequential" else name


def _same_alternatives(one: Samples, other: Samples) -> tuple[Samples, Samples]:
    """Both with the alternatives that both have, in the same order."""
    names = [way.name for way in other.alternatives]
    kept = [way for way in one.alternatives if way.name in names]
    theirs = {way.name: way for way in other.alternatives}
    return replace(one, alternatives=tuple(kept)), replace(other, alternatives=tuple(theirs[way.name] for way in kept))


def chosen_elsewhere(own: Candidates, table: Candidates, ks: Sequence[int]) -> PolicyCurve:
    """The best fixed candidate at each budget by the questions of `own`, measured on those of `table`."""
    both = [name for name in own.names if name in table.names]
    own = own.only([own.names.index(name) for name in both])
    table = table.only([table.names.index(name) for name in both])
    at = np.array([float(k) for k in ks])
    everyone = np.zeros(own.questions, dtype=np.int64)
    picked = choose(own.accuracy, Charges(own.cost, own.budget), everyone, 1, at, Rule())[0]
    return PolicyCurve(
        "best fixed",
        at,
        table.accuracy[:, picked],
        table.cost[:, picked],
        picked.reshape(1, 1, 1, -1),
        table.names,
        np.zeros(at.size, dtype=np.bool_),
        {unit: costs[:, picked] for unit, costs in table.other_costs.items()},
    )


def temperatures(one: Source, own: Candidates, method: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """On the questions that fit: the baseline at the pool's temperature and at the others that were run, where N is the same.

    Differences are of the other less the pool's own, paired by question.
    """
    plain_names = {"weighted": "weighted_best_of_n"}
    family = plain_names.get(method, method)
    told = []
    for run in one.runs:
        if run.spec.get("name") != family:
            continue
        for column, n in enumerate(run.budgets):
            name = f"{method}@{n}"
            if name in own.names:
                ours = own.accuracy[:, own.names.index(name)]
                found = as_points(paired_difference(run.correct[:, column], ours, **options))[0]
                told.append({"temperature": run.spec.get("temperature", 1.0), "n": n, "difference": found})
    return told


def _curve_entry(curve: PolicyCurve, options: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "budget": listed(curve.budgets),
        "accuracy": as_points(curve.accuracy_interval(**options)),
        "cost": listed(curve.cost.mean(axis=0)),
    }
    if FLOPS in curve.other_costs:
        entry["flops"] = listed(curve.other_costs[FLOPS].mean(axis=0))
    return entry


def _policy_entry(
    result: Followed, uniform: PolicyCurve, fixed: PolicyCurve, lead: PolicyCurve, options: Mapping[str, Any]
) -> dict[str, Any]:
    curve = result.curve
    entry = _curve_entry(curve, options) | {
        "monte_carlo_error": plain(result.error),
        "rounds": listed(result.rounds),
        "compute_ratio": as_ratios(curve.savings(uniform, **options)),
        "compute_ratio_to_best_fixed": as_ratios(curve.savings(fixed, **options)),
    }
    if all(FLOPS in one.other_costs for one in (curve, uniform, fixed)):
        spent = in_flops(curve)
        entry["compute_ratio_flops"] = as_ratios(spent.savings(in_flops(uniform), **options))
        entry["compute_ratio_flops_to_best_fixed"] = as_ratios(spent.savings(in_flops(fixed), **options))
    if curve is not lead:
        entry["sequential_ratio"] = as_ratios(lead.savings(curve, **options))
        entry["sequential_leads_by"] = as_points(paired_difference(lead.accuracy, curve.accuracy, **options))
        entry["sequential_costs_more_by"] = as_points(
            paired_difference(lead.cost, curve.cost, **options, proportions=False)
        )
    return entry


def _on_those_that_fit(
    one: Source,
    table: Floats,
    method: str,
    budgets: Sequence[float],
    uniform: PolicyCurve,
    settings: Settings,
    orders: int,
) -> tuple[PolicyCurve, PolicyCurve]:
    """The sequential policy, cross-fitted, and the same best-of-N for all (its `table`), on the questions that fit."""
    found = cross_fitted(
        one.samples(method, settings.seed, switching=False),
        budgets,
        ("sequential",),
        orders=orders,
        fitting_orders=max(1, orders // 4),
        seed=settings.seed,
    )
    costs = np.tile(uniform.budgets, (len(one.pool.questions), 1))
    return found["sequential"].curve, replace(uniform, accuracy=table, cost=costs)
