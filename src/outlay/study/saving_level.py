"""What two policies cost at one accuracy that was fixed beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from outlay.curves.intervals import resampled_means
from outlay.policies.crossfit import PolicyCurve
from outlay.study.figures import plain
from outlay.study.pools import Floats


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
