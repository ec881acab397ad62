"""The headline of what deciding as one goes saves: at a mean budget, and at an accuracy, both fixed on other questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from outlay.curves.intervals import resampled_means
from outlay.curves.ratio import cost_reaching
from outlay.policies.crossfit import PolicyCurve
from outlay.study.deciding import FLOPS
from outlay.study.figures import as_points, as_ratios, plain


def headline(
    curve: PolicyCurve,
    baselines: Mapping[str, PolicyCurve],
    chosen_by: tuple[PolicyCurve, PolicyCurve] | None,
    budget: float | None,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """What the sequential policy needs at one mean budget, and at one accuracy.

    Args:
        curve: the sequential policy on the questions that measure.
        baselines: by name, on the same questions: `{"uniform": ..., "best_fixed": ...}`.
        chosen_by: the policy (cross-fitted) and the same best-of-N for all on the questions that fit, where others measure. They
            fix the accuracy: it is what the policy reached there at the budget.
        budget: the mean budget, or the next smaller one that there is; None: where `chosen_by` saw the largest sure saving.
        options: `resamples` and `seed` of intervals.
    """
    if budget is None:
        assert chosen_by is not None
        place = int(np.argmax(chosen_by[0].savings(chosen_by[1], **options).low))
    else:
        place = max((b for b, one in enumerate(curve.budgets) if one <= budget), default=0)
    entry: dict[str, Any] = {
        "budget": float(curve.budgets[place]),
        "chosen": budget is None,
        "accuracy": as_points(curve.accuracy_interval(**options))[place],
        "cost": plain(curve.cost[:, place].mean()),
    }
    for name, base in baselines.items():
        entry[f"to_{name}"] = as_ratios(curve.savings(base, **options))[place]
    flops = all(FLOPS in one.other_costs for one in (curve, *baselines.values()))
    spent = in_flops(curve) if flops else curve
    for name, base in baselines.items() if flops else ():
        entry[f"to_{name}_in_flops"] = as_ratios(spent.savings(in_flops(base), **options))[place]
    if chosen_by is None:
        return entry
    level = float(chosen_by[0].accuracy[:, place].mean())
    at: dict[str, Any] = {"cost": cost_at(curve, level, options)}
    for name, base in baselines.items():
        at[f"{name}_cost"] = cost_at(base, level, options)
        at[f"to_{name}"] = times_at(base, curve, level, options)
        if flops:
            at[f"to_{name}_in_flops"] = times_at(in_flops(base), spent, level, options)
    return {**entry, "level": plain(level), "at_level": at}


def in_flops(curve: PolicyCurve) -> PolicyCurve:
    """The same curve with its cost in FLOPs."""
    return replace(curve, cost=curve.other_costs[FLOPS])


def cost_at(curve: PolicyCurve, level: float, options: Mapping[str, Any]) -> dict[str, Any]:
    """What reaching one accuracy costs, with its interval; where a curve does not get there, its largest cost, as a lower bound.

    `high` is None, for infinity, where more than 2.5% of resamples do not get there.
    """
    (whole, there), (paid, reached) = _resampled([curve], level, options)[0]
    low, high = np.quantile(paid, [0.025, 0.975])
    return {
        "mean": plain(whole),
        "low": plain(min(low, whole)),
        "high": None if (~reached).mean() > 0.025 else plain(max(high, whole)),
        "censored": not there,
    }


def times_at(base: PolicyCurve, curve: PolicyCurve, level: float, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """How many times what the policy costs the baseline costs, each where it reaches one accuracy, with its interval.

    Costs are read between budgets on a logarithmic scale, off the running maximum. None where the policy does not reach the level.
    A resample in which the baseline alone does not reach it gives a lower bound, its largest cost; one in which the policy alone
    does not is no saving at all (a ratio of 0); one in which neither does says nothing, and `left_out` is the share of these.
    """
    (theirs, ours), (others, mine) = zip(*_resampled([base, curve], level, options), strict=True)
    if not ours[1]:
        return None
    value, known = theirs[0] / ours[0], others[1] | mine[1]
    ratios = np.where(mine[1], others[0] / mine[0], 0.0)[known]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return {
        "value": plain(value),
        "low": plain(min(low, value)),
        "high": None if (~others[1][known]).mean() > 0.025 else plain(max(high, value)),
        "censored": not theirs[1],
        "left_out": plain(1 - known.mean()),
    }


def _resampled(curves: Sequence[PolicyCurve], level: float, options: Mapping[str, Any]) -> list[Any]:
    """For each curve the cost at the level and whether it is reached: over all questions, and in each resample of them."""
    columns = np.concatenate([part for curve in curves for part in (curve.accuracy, curve.cost)], axis=1)
    means = resampled_means(columns, options["resamples"], options["seed"])
    found, start = [], 0
    for curve in curves:
        size = curve.budgets.size
        both = []
        for table in (columns.mean(axis=0, keepdims=True), means):
            accuracy, cost = table[:, start : start + size], table[:, start + size : start + 2 * size]
            paid, reached = cost_reaching(accuracy, cost, np.full((len(table), 1), level))
            both.append((paid[:, 0], reached[:, 0]))
        found.append(((float(both[0][0][0]), bool(both[0][1][0])), both[1]))
        start += 2 * size
    return found
