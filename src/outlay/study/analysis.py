"""From a pool to its group of the summary: curves, difficulty, policies, the verifier, and what can be said in words.

Promises: every figure has an interval by bootstrap over questions; nothing chosen on a question is measured on it;
difficulty is estimated from samples other than those measured; what the pool cannot support is absent, and `warnings`
says why. Costs are in generations, the difficulty estimate included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from outlay import difficulty
from outlay.curves import interval
from outlay.policies.crossfit import PolicyCurve
from outlay.study import telling
from outlay.study.chains import analyse_chains
from outlay.study.deciding import (
    Realised,
    View,
    baseline_method,
    baselines,
    candidates_of,
    per_bin_policies,
    pilot_policy,
)
from outlay.study.figures import as_bin_curves, as_curve, as_points, as_ratios, binned, listed, plain
from outlay.study.levels import level_names, level_values
from outlay.study.measure import COVERAGE, budgets_up_to, expected, with_probabilities
from outlay.study.pools import Chains, Floats, Ints, Pool
from outlay.study.settings import Settings
from outlay.study.verifying import verifier_quality

FEWEST_QUESTIONS = 20
"""Below this many questions neither bins nor policies are tried."""


@dataclass(frozen=True)
class _Measured:
    """One view: the samples that measure, their tables at `ks`, and difficulty values from other samples."""

    pool: Pool
    tables: Mapping[str, Floats]
    values: Mapping[str, Floats]
    difficulty_cost: Mapping[str, float]


def analyse(
    pool: Pool | Chains,
    *,
    difficulty_pool: Pool | None = None,
    runs: Sequence[Realised] = (),
    sample_flops: float | None = None,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """The group of `summary.json` that this pool gives.

    Args:
        pool: independent samples, or chains of revisions.
        difficulty_pool: further samples of the same questions, in the same order, for difficulty alone; without them
            each half of the pool gives the difficulty for the other.
        runs: strategies that were run on their own on the same questions, in the same order.
        sample_flops: floating-point operations to generate one sample and score it.
        settings: seed, bins, pilot and the budget of the headline, fixed before the questions were looked at.
    """
    settings = settings or Settings()
    if isinstance(pool, Chains):
        return analyse_chains(pool, settings)
    pool = with_probabilities(pool, settings.seed)
    ks = budgets_up_to(pool.size)
    tables, errors = expected(pool, ks, settings.seed)
    group: dict[str, Any] = {
        "task": pool.task,
        "model": pool.model,
        "questions": len(pool.questions),
        "samples": pool.size,
        "pass_at_1": as_points(_interval(pool.correct.mean(axis=1), settings))[0],
        "curves": _curves(pool, tables, errors, ks, runs, sample_flops, settings),
    }
    warnings = [*pool.warnings, *telling.size_warnings(pool)]
    sentences = telling.curve_sentences(pool, tables, ks, settings)
    if pool.size > 1 and len(pool.questions) >= FEWEST_QUESTIONS:
        views, half_ks = _views(pool, difficulty_pool, tables, ks, settings)
        if views:
            group["bins"] = _bins(views, half_ks, runs, settings)
            policies, told, warned = _policies(pool, tables, ks, views, half_ks, runs, settings)
            if policies:
                group["policies"] = policies
                group["headline"] = telling.in_short(policies, str(baseline_method(tables)), settings)
            sentences += told
            warnings += warned
        if pool.scores is not None:
            group["verifier"] = verifier_quality(
                pool, [(v.pool, _bin_of(v, "oracle", settings)) for v in views], settings
            )
            sentences += telling.verifier_sentences(group["verifier"])
    elif pool.size > 1:
        warnings.append(
            f"{len(pool.questions)} questions are too few for difficulty bins and policies; at least {FEWEST_QUESTIONS} "
            "are needed."
        )
    return {**group, "sentences": sentences, "warnings": warnings}


def _interval(values: Floats, settings: Settings) -> Any:
    return interval(values, resamples=settings.resamples, seed=settings.seed)


def _curves(
    pool: Pool,
    tables: Mapping[str, Floats],
    errors: Mapping[str, float],
    ks: Sequence[int],
    runs: Sequence[Realised],
    sample_flops: float | None,
    settings: Settings,
) -> dict[str, Any]:
    curves: dict[str, Any] = {}
    tokens = None if pool.tokens is None else float(pool.tokens.mean())
    for method, table in tables.items():
        curve = {"n": list(ks), **as_curve(_interval(table, settings)), "cost": [float(k) for k in ks]}
        if tokens is not None:
            curve["tokens"] = [plain(k * tokens) for k in ks]
        if sample_flops is not None and method not in (COVERAGE, "majority"):
            curve["flops"] = [k * sample_flops for k in ks]
        if method in errors:
            curve["monte_carlo_error"] = plain(errors[method])
        curves[method] = curve
    for run in runs:
        curves[run.key] = {
            "n": list(run.budgets),
            **as_curve(_interval(run.correct, settings)),
            "cost": listed(run.cost.mean(axis=0)),
        }
        if run.flops is not None:
            curves[run.key]["flops"] = [float(f) for f in run.flops.mean(axis=0)]
    return curves


def _views(
    pool: Pool, difficulty_pool: Pool | None, tables: Mapping[str, Floats], ks: Sequence[int], settings: Settings
) -> tuple[list[_Measured], tuple[int, ...]]:
    """What measures, with difficulty from other samples: the whole pool by a difficulty pool, or each half by the other."""
    if difficulty_pool is not None:
        values, costs = _difficulty(with_probabilities(difficulty_pool, settings.seed), pool)
        return [_Measured(pool, tables, values, costs)], tuple(ks)
    if pool.size < 4:
        return [], ()
    first, second = difficulty.halves(pool.size)
    half_ks = budgets_up_to(len(second))
    views = []
    for judging, measuring in ((first, second), (second, first)):
        measured = pool.columns(measuring)
        values, costs = _difficulty(pool.columns(judging), pool)
        views.append(_Measured(measured, expected(measured, half_ks, settings.seed)[0], values, costs))
    return views, half_ks


def _difficulty(judging: Pool, pool: Pool) -> tuple[dict[str, Floats], dict[str, float]]:
    """Every kind of difficulty that these samples give, and what it costs a question in generations."""
    values = {"oracle": difficulty.oracle(judging.correct)}
    if judging.scores is not None:
        usable = judging.scores if judging.probabilities is None else judging.probabilities
        values["predicted"] = difficulty.predicted(usable)
    elif judging.can_vote and judging.answers is not None:
        values["predicted"] = difficulty.consensus(judging.answers)
    costs = {kind: float(judging.size) for kind in values}
    levels = level_values(pool.levels)
    if levels is not None:
        values["level"], costs["level"] = levels, 0.0
    return values, costs


def _bin_of(view: _Measured, kind: str, settings: Settings) -> Ints:
    values = view.values[kind]
    count = len(np.unique(values)) if kind == "level" else settings.bins
    return difficulty.Bins.fit(values, count).assign(values)


def _bins(
    views: Sequence[_Measured], ks: Sequence[int], runs: Sequence[Realised], settings: Settings
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    oracle = [_bin_of(view, "oracle", settings) for view in views]
    for kind in views[0].values:
        bins = [_bin_of(view, kind, settings) for view in views]
        count = int(max(b.max() for b in bins)) + 1
        single = binned(
            [view.pool.correct.mean(axis=1, keepdims=True) for view in views],
            bins,
            count,
            settings.resamples,
            settings.seed,
        )
        entry: dict[str, Any] = {
            "count": [round(float(np.mean([(b == number).sum() for b in bins]))) for number in range(count)],
            "pass_at_1": [as_points(one)[0] for one in single],
            "curves": {
                method: {
                    "n": list(ks),
                    **as_bin_curves(
                        binned([v.tables[method] for v in views], bins, count, settings.resamples, settings.seed)
                    ),
                }
                for method in views[0].tables
            },
        }
        for run in runs:
            correct = [run.correct.astype(np.float64)] * len(views)
            entry["curves"][run.key] = {
                "n": list(run.budgets),
                **as_bin_curves(binned(correct, bins, count, settings.resamples, settings.seed)),
            }
        if kind == "level":
            entry["names"] = level_names(views[0].pool.levels)
        elif kind != "oracle":
            total = max(count, int(max(o.max() for o in oracle)) + 1)
            agreed = difficulty.agreement(np.concatenate(bins), np.concatenate(oracle), total)
            entry["agreement"] = {
                "confusion": agreed.confusion.T.tolist(),  # rows: the bin that was predicted
                "accuracy": plain(agreed.accuracy),
                "precision": listed(agreed.precision),
                "chance": plain(agreed.chance),
            }
        found[kind] = entry
    return found


def _policies(
    pool: Pool,
    tables: Mapping[str, Floats],
    ks: Sequence[int],
    views: Sequence[_Measured],
    half_ks: Sequence[int],
    runs: Sequence[Realised],
    settings: Settings,
) -> tuple[dict[str, Any], list[str], list[str]]:
    method = baseline_method(tables)
    whole = candidates_of(pool, tables, ks, runs)
    if method is None or whole is None:
        return (
            {},
            [],
            ["Nothing here can choose among samples (no scores, no votes), so there is no policy to compare."],
        )
    base = baselines(whole, method, ks, settings.splits, settings.seed)
    tabled = [(candidates_of(v.pool, v.tables, half_ks, runs, half_ks[-1]), v) for v in views]
    judged = [View(table, v.values, v.difficulty_cost) for table, v in tabled if table is not None]
    curves = {**base, **per_bin_policies(judged, half_ks, settings)}
    costs = {f"per_bin_{kind}": cost for kind, cost in views[0].difficulty_cost.items()}
    costs["per_bin_shuffled"] = costs.get("per_bin_oracle", 0.0)
    errors: dict[str, float] = {}
    if settings.pilot < pool.size:
        budgets = [k for k in ks if k >= settings.pilot]
        piloted = pilot_policy(pool, whole, ks, budgets, settings)
        if piloted is not None:
            curves["per_bin_pilot"], errors["per_bin_pilot"] = piloted
    uniform = base[f"uniform_{method}"]
    entries = {
        name: _policy(curve, costs.get(name, 0.0), uniform, base["best_fixed"], settings)
        for name, curve in curves.items()
    }
    for name, error in errors.items():
        entries[name]["monte_carlo_error"] = plain(error)
        entries[name]["difficulty_cost"] = float(settings.pilot)
    told, warned = telling.policy_sentences(entries, method, settings)
    return entries, told, warned


def _policy(
    curve: PolicyCurve, extra: float, uniform: PolicyCurve, fixed: PolicyCurve, settings: Settings
) -> dict[str, Any]:
    """One policy: `cost` has the whole cost of knowing difficulty in it, `cost_without_difficulty` leaves `extra` out."""
    options = {"resamples": settings.resamples, "seed": settings.seed}
    all_in = replace(curve, cost=curve.cost + extra)
    entry: dict[str, Any] = {
        "budget": listed(curve.budgets),
        "accuracy": as_points(curve.accuracy_interval(**options)),
        "cost": listed(all_in.cost.mean(axis=0)),
        "cost_interval": as_points(all_in.cost_interval(**options)),
        "compute_ratio": as_ratios(all_in.savings(uniform, **options)),
        "compute_ratio_to_best_fixed": as_ratios(all_in.savings(fixed, **options)),
        "choices": curve.most_chosen(),
    }
    for name, other in (("gain", uniform), ("gain_over_best_fixed", fixed)):
        if curve is other or curve is uniform:
            continue
        at = np.searchsorted(other.budgets, curve.budgets)
        same = replace(other, budgets=curve.budgets, accuracy=other.accuracy[:, at])
        entry[name] = as_points(curve.gain(same, **options))
    if extra:
        entry["difficulty_cost"] = extra
        entry["cost_without_difficulty"] = listed(curve.cost.mean(axis=0))
        entry["compute_ratio_without_difficulty"] = as_ratios(curve.savings(uniform, **options))
    return entry
