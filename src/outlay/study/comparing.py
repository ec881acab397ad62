"""Policies of a pool as entries of its group: accuracy, cost and savings against what is the same for every question.

Savings are at equal accuracy, in generations, and in FLOPs too where those are known (they have the verifier in them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from outlay.policies.crossfit import PolicyCurve
from outlay.study.binning import PILOTS, bins_part, pilot_part
from outlay.study.claim import APART
from outlay.study.deciding import (
    FLOPS,
    Pilot,
    Realised,
    View,
    baseline_method,
    baselines,
    candidates_of,
    per_bin_policies,
    pilot_policies,
    pilot_values,
)
from outlay.study.figures import as_points, as_ratios, listed, plain
from outlay.study.flops import PoolFlops
from outlay.study.over_greedy import gain_over, greedy_of
from outlay.study.pools import Floats, Pool
from outlay.study.sequences import samples_of, sequences
from outlay.study.settings import Settings


@dataclass(frozen=True)
class Measured:
    """One view: the samples that measure, their tables at `ks`, and difficulty values from `judged_by` other samples."""

    pool: Pool
    tables: Mapping[str, Floats]
    values: Mapping[str, Floats]
    judged_by: int

    @property
    def difficulty_cost(self) -> dict[str, float]:
        """What each kind of difficulty costs a question in generations; people's levels come for nothing."""
        free = {"level": 0.0, "probe": 0.0 if self.pool.probed is None else self.pool.probed.cost}
        return {kind: free.get(kind, float(self.judged_by)) for kind in self.values}


@dataclass(frozen=True)
class Compared:
    """Entries of `policies`, the `difficulty` part, the method of the baseline, and what is missing and why."""

    entries: dict[str, Any]
    difficulty: dict[str, Any]
    method: str
    warnings: list[str]


def compare(
    pool: Pool,
    tables: Mapping[str, Floats],
    ks: Sequence[int],
    views: Sequence[Measured],
    view_ks: Sequence[int],
    runs: Sequence[Realised],
    flops: PoolFlops | None,
    settings: Settings,
) -> Compared | None:
    """Every policy that the pool supports; None where nothing chooses among samples.

    `tables` are the whole pool's at `ks`, which hold all of `view_ks`, so that every policy is compared with the
    baselines at its own budgets.
    """
    method = baseline_method(tables)
    whole = candidates_of(pool, tables, ks, runs, flops=flops)
    if method is None or whole is None:
        return None
    base, greedy = baselines(whole, method, ks, settings.splits, settings.seed), greedy_of(runs)
    uniform, fixed = base[f"uniform_{method}"], base["best_fixed"]

    def entry_of(curve: PolicyCurve, costs: tuple[float, Floats | None] | None = None) -> dict[str, Any]:
        return _entry(curve, costs, uniform, fixed, settings) | gain_over(greedy, curve.accuracy, settings)

    tabled = [(candidates_of(v.pool, v.tables, view_ks, runs, view_ks[-1], flops=flops), v) for v in views]
    judged = [View(table, _sampled(v.values), v.difficulty_cost) for table, v in tabled if table is not None]
    curves = {**base, **per_bin_policies(judged, view_ks, settings)}
    if pool.probed is not None:  # it looks at no sample, so all of them measure
        told = View(whole, {"probe": pool.probed.values}, {"probe": pool.probed.cost})
        curves |= per_bin_policies([told], ks, settings)
    extra = _difficulty_costs(pool, views[0], flops)
    entries = {name: entry_of(curve, extra.get(name)) for name, curve in curves.items()}
    at = headline(ks, settings)
    pilots, warnings = _pilots(pool, ks, at, settings)
    difficulty = {"bins": bins_part(judged, headline(view_ks, settings), settings)}
    if pilots:
        replayed = pilot_policies(pool, whole, ks, pilots, settings, flops)
        own, error = replayed[0]
        entries["per_bin_pilot"] = entry_of(own) | {
            "monte_carlo_error": plain(error),
            "difficulty_cost": float(settings.pilot),
        }
        if "per_bin_probe" in curves:
            entries["per_bin_probe"] |= _over_pilot(curves["per_bin_probe"], own, settings)
        oracle = views[0].values["oracle"] if views[0].pool is pool else None
        entries["across_pilot"] = entry_of(replayed[-1][0]) | {
            "monte_carlo_error": plain(replayed[-1][1]),
            "difficulty_cost": float(settings.pilot),
            "mean_budget": True,
        }
        curves_of = [(pilot, curve) for pilot, (curve, _) in zip(pilots[:-1], replayed[:-1], strict=True)]
        difficulty["pilot"] = pilot_part(pool, oracle, curves_of, at, settings)
    for kind in ("across_oracle", "across_predicted", "across_probe"):
        if kind in entries:
            entries[kind]["mean_budget"] = True
    samples = samples_of(pool, method, runs=runs, flops=flops, seed=settings.seed)
    for name, one in sequences(samples, [float(k) for k in ks], settings).items():
        entries[name] = entry_of(one.curve) | {
            "monte_carlo_error": plain(one.error),
            "rounds": listed(one.rounds),
            "mean_budget": True,
            "read_at": max((b for b in one.curve.budgets.tolist() if b <= max(at / 4, 2)), default=1.0),
        }
    return Compared(entries, difficulty, method, warnings)


def _over_pilot(probe: PolicyCurve, pilot: PolicyCurve, settings: Settings) -> dict[str, Any]:
    """Accuracy of deciding by a probe less that of deciding by a pilot, paired by question, where both were measured."""
    at = np.intersect1d(probe.budgets, pilot.budgets)
    gain = _at_budgets(probe, at).gain(_at_budgets(pilot, at), resamples=settings.resamples, seed=settings.seed)
    return {"gain_over_pilot": {"budget": listed(at), "points": as_points(gain)}}


def _sampled(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """The kinds of difficulty that samples tell, or people."""
    return {kind: told for kind, told in values.items() if kind != "probe"}


def headline(budgets: Sequence[int], settings: Settings) -> int:
    """The largest of the budgets that is not above the headline's; the least where all are."""
    return max((budget for budget in budgets if budget <= settings.headline_budget), default=min(budgets))


def _pilots(pool: Pool, ks: Sequence[int], at: float, settings: Settings) -> tuple[list[Pilot], list[str]]:
    """The settings' pilot at all its budgets, others and the controls of all at the headline, and last the pilot spent across
    questions; or why there are none."""
    if settings.pilot >= pool.size:
        return [], [
            f"A pilot of {settings.pilot} samples leaves nothing of a pool of {pool.size}, so deciding from a pilot is "
            "absent; take a smaller pilot."
        ]
    if pilot_values(pool, settings.pilot) is None:
        return [], [
            f"A pilot of {settings.pilot} tells nothing of difficulty here (no scores, and too few answers to vote), so "
            "deciding from a pilot is absent."
        ]
    own = Pilot(settings.pilot, tuple(float(k) for k in ks if k >= settings.pilot))
    others = [
        m for m in sorted({*PILOTS, settings.pilot}) if m < pool.size and m <= at and pilot_values(pool, m) is not None
    ]
    return [
        own,
        *(Pilot(m, (at,)) for m in others if m != own.samples),
        *(Pilot(m, (at,), shuffled=True) for m in others),
        Pilot(settings.pilot, own.budgets, across=True),
    ], []


def _difficulty_costs(pool: Pool, view: Measured, flops: PoolFlops | None) -> dict[str, tuple[float, Floats | None]]:
    """What each policy's difficulty costs a question: generations, and FLOPs (scored only where scores tell it)."""
    drawn = None if flops is None else flops.drawing([view.judged_by])[:, 0]
    scored = None if flops is None else flops.of("best_of_n", [view.judged_by])[:, 0]
    read = None if pool.probed is None else pool.probed.flops
    spent = {"oracle": drawn, "predicted": drawn if pool.scores is None else scored, "probe": read}
    found = {
        f"{policy}_{kind}": (cost, spent.get(kind))
        for kind, cost in view.difficulty_cost.items()
        for policy in ("per_bin", "across")
        if cost
    }
    return found | {"per_bin_shuffled": found["per_bin_oracle"]}


def _entry(
    curve: PolicyCurve,
    extra: tuple[float, Floats | None] | None,
    uniform: PolicyCurve,
    fixed: PolicyCurve,
    settings: Settings,
) -> dict[str, Any]:
    """One policy: `cost` has the whole cost of knowing difficulty in it, `cost_without_difficulty` leaves `extra` out."""
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    generations, operations = extra or (0.0, None)
    all_in = replace(curve, cost=curve.cost + generations)
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
        if curve is not other and curve is not uniform:
            at = _at_budgets(other, curve.budgets)
            entry[name] = as_points(curve.gain(at, **options))
            entry[f"{name}_differing"] = (np.abs(curve.accuracy - at.accuracy) >= APART).sum(axis=0).tolist()
    if extra:
        entry["difficulty_cost"] = generations
        entry["cost_without_difficulty"] = listed(curve.cost.mean(axis=0))
        entry["compute_ratio_without_difficulty"] = as_ratios(curve.savings(uniform, **options))
    if FLOPS in curve.other_costs:
        base = _in_flops(uniform)
        spent = _in_flops(curve, None if operations is None else operations[:, None])
        entry["flops"] = listed(spent.cost.mean(axis=0))
        entry["compute_ratio_flops"] = as_ratios(spent.savings(base, **options))
        if extra:
            entry["compute_ratio_flops_without_difficulty"] = as_ratios(_in_flops(curve).savings(base, **options))
    return entry


def _at_budgets(curve: PolicyCurve, budgets: Floats) -> PolicyCurve:
    """The curve at these of its budgets, and no others."""
    at = np.flatnonzero(np.isin(curve.budgets, budgets))
    return replace(curve, budgets=curve.budgets[at], accuracy=curve.accuracy[:, at], cost=curve.cost[:, at])


def _in_flops(curve: PolicyCurve, extra: Floats | None = None) -> PolicyCurve:
    """The same curve with its cost in FLOPs."""
    spent = curve.other_costs[FLOPS]
    return replace(curve, cost=spent if extra is None else spent + extra)
