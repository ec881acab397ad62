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
from outlay.curves.intervals import resampled_means
from outlay.errors import UserError
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import Charges, Rule, choose
from outlay.policies.crossfit import PolicyCurve
from outlay.policies.crossfit_sequences import ORDERS, Followed, cross_fitted, fitters, measured_on, stages_of
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
from outlay.study.sequences import FEWEST_QUESTIONS, SELECTS, samples_of
from outlay.study.settings import Settings

BUDGETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Mean budgets at which policies are fitted, as far as the pool reaches."""

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
    headline: float | None = None,
) -> list[dict[str, Any]]:
    """An entry for each task and model that both sets have; with one set, measured by cross-fitting.

    Replays are of `orders` random orders of each question's samples, a quarter of them fit. The `headline` is read at this mean
    budget; where none is given, the fitting questions choose it.

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
        entry = _saving(one, other, settings, budgets, orders, headline)
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
    headline: float | None,
) -> dict[str, Any] | None:
    one, other = _scaled(one, other, settings)
    target = one if other is None else other
    size = min(one.pool.size, target.pool.size)
    ks = budgets_up_to(size)
    budgets = [budget for budget in wanted if budget <= size]
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
        "method": method,
        "temperatures": temperatures(one, own, method, options),
        "uniform": _curve_entry(uniform, options),
        "best_fixed": {**_curve_entry(fixed, options), "choices": fixed.most_chosen()},
        "policies": {},
    }
    lead = followed["sequential"].curve
    for name, result in followed.items():
        entry["policies"][name] = _policy_entry(result, uniform, fixed, lead, options)
    entry["headline"] = _headline(one, other, method, budgets, followed, uniform, fixed, settings, orders, headline)
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
    found: dict[str, Followed] = {}
    for switching in (False, True):
        samples = one.samples(SELECTS[method], settings.seed, switching=switching)
        target = None if other is None else other.samples(SELECTS[method], settings.seed, switching=switching)
        if switching and target is not None:
            samples, target = _same_alternatives(samples, target)
        if switching and not samples.alternatives:
            break
        only = SWITCHING if switching else None
        if target is None:
            results = cross_fitted(
                samples, budgets, only, orders=orders, fitting_orders=max(1, orders // 4), seed=settings.seed
            )
        else:
            rows = fitting(samples, seed=settings.seed, orders=max(1, orders // 4))
            results = {
                name: measured_on(
                    fit(rows, budgets),
                    target,
                    budgets,
                    name,
                    orders=orders,
                    seed=settings.seed,
                    stages=stages_of(samples),
                )
                for name, fit in fitters(samples, rows).items()
                if only is None or name in only
            }
        for name, result in results.items():
            found[f"{name}_switching" if switching and name == "sequential" else name] = result
    return found


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
        spent = _in_flops(curve)
        entry["compute_ratio_flops"] = as_ratios(spent.savings(_in_flops(uniform), **options))
        entry["compute_ratio_flops_to_best_fixed"] = as_ratios(spent.savings(_in_flops(fixed), **options))
    if curve is not lead:
        entry["sequential_leads_by"] = as_points(paired_difference(lead.accuracy, curve.accuracy, **options))
        entry["sequential_costs_more_by"] = as_points(
            paired_difference(lead.cost, curve.cost, **options, proportions=False)
        )
    return entry


def _in_flops(curve: PolicyCurve) -> PolicyCurve:
    return replace(curve, cost=curve.other_costs[FLOPS])


def _headline(
    one: Source,
    other: Source | None,
    method: str,
    budgets: Sequence[float],
    followed: Mapping[str, Followed],
    uniform: PolicyCurve,
    fixed: PolicyCurve,
    settings: Settings,
    orders: int,
    wanted: float | None,
) -> dict[str, Any] | None:
    """The mean budget at which the fitting questions (cross-fitted) saw the largest sure saving, and what it is elsewhere.

    `level` is the accuracy that they reached there: `at_level` compares what sequential and uniform cost at that accuracy. With
    one set of questions the budget is the settings' own, and where one is `wanted` it is that.
    """
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    curve = followed["sequential"].curve
    if other is None or wanted is not None:
        most = settings.headline_budget if wanted is None else wanted
        place = max((b for b, budget in enumerate(budgets) if budget <= most), default=0)
        level = None
    else:
        samples = one.samples(SELECTS[method], settings.seed, switching=False)
        fit = cross_fitted(
            samples, budgets, ("sequential",), orders=orders, fitting_orders=max(1, orders // 4), seed=settings.seed
        )["sequential"].curve
        tables = expected(one.pool, [int(b) for b in uniform.budgets], settings.seed)[0]
        seen = replace(
            uniform,
            accuracy=tables[method],
            cost=np.tile(uniform.budgets, (len(one.pool.questions), 1)),
        )
        place = int(np.argmax(fit.savings(seen, **options).low))
        level = float(fit.accuracy[:, place].mean())
    ratios = {
        "to_uniform": as_ratios(curve.savings(uniform, **options))[place],
        "to_best_fixed": as_ratios(curve.savings(fixed, **options))[place],
    }
    if all(FLOPS in one_curve.other_costs for one_curve in (curve, uniform, fixed)):
        spent = _in_flops(curve)
        ratios["to_uniform_in_flops"] = as_ratios(spent.savings(_in_flops(uniform), **options))[place]
        ratios["to_best_fixed_in_flops"] = as_ratios(spent.savings(_in_flops(fixed), **options))[place]
    entry: dict[str, Any] = {
        "budget": budgets[place],
        "accuracy": as_points(curve.accuracy_interval(**options))[place],
        "cost": plain(curve.cost[:, place].mean()),
        **ratios,
    }
    if level is not None:
        entry["level"] = plain(level)
        entry["at_level"] = {
            "to_uniform": at_level(uniform, curve, level, options),
            "to_best_fixed": at_level(fixed, curve, level, options),
        }
    return entry


def at_level(base: PolicyCurve, curve: PolicyCurve, level: float, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """How many times what the policy costs the baseline costs, each where it reaches one accuracy, with its interval.

    Costs are read between budgets on a logarithmic scale, off the running maximum. None where the policy does not reach the level;
    a resample in which only the baseline does not gives a lower bound, its largest cost.
    """
    columns = np.concatenate([base.accuracy, base.cost, curve.accuracy, curve.cost], axis=1)
    cuts = np.cumsum([base.accuracy.shape[1], base.cost.shape[1], curve.accuracy.shape[1]])
    whole = [part[0] for part in np.split(columns.mean(axis=0, keepdims=True), cuts, axis=1)]
    mine, reached = _cost_at(whole[2], whole[3], level)
    if not reached:
        return None
    theirs, there = _cost_at(whole[0], whole[1], level)
    means = resampled_means(columns, options["resamples"], options["seed"])
    ratios, missed = [], 0
    for row in means:
        parts = np.split(row, cuts)
        top, ok = _cost_at(parts[0], parts[1], level)
        bottom, _ = _cost_at(parts[2], parts[3], level)
        ratios.append(top / bottom)
        missed += not ok
    low, high = np.quantile(ratios, [0.025, 0.975])
    return {
        "value": plain(theirs / mine),
        "low": plain(min(low, theirs / mine)),
        "high": None if missed > 0.025 * len(ratios) else plain(max(high, theirs / mine)),
        "censored": not there,
    }


def _cost_at(accuracy: Floats, cost: Floats, level: float) -> tuple[float, bool]:
    """The first cost at which the running maximum reaches the level, and whether it does; else the largest cost."""
    best = np.maximum.accumulate(accuracy)
    paid = np.maximum.accumulate(cost)
    place = int(np.searchsorted(best, level - 1e-12))
    if place == len(best):
        return float(paid[-1]), False
    if place == 0:
        return float(paid[0]), True
    rise = best[place] - best[place - 1]
    share = (level - best[place - 1]) / rise
    logs = np.log(paid)
    return float(np.exp(logs[place - 1] + share * (logs[place] - logs[place - 1]))), True
