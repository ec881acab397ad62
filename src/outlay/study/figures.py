"""Numbers as a summary writes them: means with their intervals, rounded, with null for what is undefined or infinite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from outlay.curves import Estimate, Interval, Ratio, interval
from outlay.study.pools import Floats

DIGITS = 6
"""Decimals that are written; far more than any interval allows."""


def plain(value: Any) -> Any:
    """A number for JSON: rounded; None where it is NaN or infinite.

    >>> plain(float("inf")) is None
    True
    """
    number = float(value)
    return round(number, DIGITS) if math.isfinite(number) else None


def percent(value: float) -> str:
    """A share as a percentage with one decimal.

    >>> percent(0.6412)
    '64.1%'
    """
    return f"{100 * value:.1f}%"


def listed(values: Sequence[Any] | Floats) -> list[Any]:
    """`plain` over a sequence."""
    return [plain(value) for value in values]


def as_curve(found: Interval) -> dict[str, list[Any]]:
    """`{"mean": [...], "low": [...], "high": [...]}`."""
    return {"mean": listed(found.mean), "low": listed(found.low), "high": listed(found.high)}


def as_points(found: Interval) -> list[dict[str, Any]]:
    """`[{"mean", "low", "high"}, ...]`."""
    return [
        {"mean": plain(mean), "low": plain(low), "high": plain(high)}
        for mean, low, high in zip(found.mean, found.low, found.high)
    ]


def as_estimate(found: Estimate) -> dict[str, Any] | None:
    """`{"mean", "low", "high", "questions"}`; None where the figure is not defined."""
    if math.isnan(found.value):
        return None
    return {
        "mean": plain(found.value),
        "low": plain(found.low),
        "high": plain(found.high),
        "questions": found.questions,
    }


def as_ratios(found: Ratio) -> list[dict[str, Any]]:
    """`[{"value", "low", "high", "censored"}, ...]`; `high` is null where it is infinite."""
    return [
        {"value": plain(value), "low": plain(low), "high": plain(high), "censored": bool(censored)}
        for value, low, high, censored in zip(found.value, found.low, found.high, found.censored)
    ]


def binned(
    values: Sequence[Floats], bins: Sequence[np.ndarray], count: int, resamples: int, seed: int
) -> list[Interval]:
    """The mean in each bin, with its interval over questions: `count` Intervals of `[K]`.

    `values[v]` is `[Q, K]` and `bins[v]` `[Q]` for each view v; a question that several views put into a bin counts there
    with the mean of their values.
    """
    found = []
    for number in range(count):
        inside = in_bin(values, bins, number)
        if len(inside):
            found.append(interval(inside, resamples=resamples, seed=seed))
        else:
            nothing = np.full(values[0].shape[1], np.nan)
            found.append(Interval(nothing, nothing, nothing))
    return found


def in_bin(values: Sequence[Floats], bins: Sequence[np.ndarray], number: int) -> Floats:
    """The values `[Q', K]` of the questions in a bin; one that several views put there has the mean of theirs."""
    inside = np.stack([np.where((b == number)[:, None], v, np.nan) for v, b in zip(values, bins)])
    present = ~np.isnan(inside)
    totals = np.where(present, inside, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        merged: Floats = totals / present.sum(axis=0)
    return merged[~np.isnan(merged).all(axis=1)]


def as_bin_curves(found: Sequence[Interval]) -> dict[str, list[list[Any]]]:
    """`{"mean": [[per budget] per bin], "low": ..., "high": ...}`."""
    return {
        "mean": [listed(one.mean) for one in found],
        "low": [listed(one.low) for one in found],
        "high": [listed(one.high) for one in found],
    }
