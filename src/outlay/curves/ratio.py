"""How many times less compute ("x times less"): what a baseline must spend to be as accurate as a policy, over what
the policy spends.

Read at equal accuracy. A baseline can fall as it spends more (over-optimisation), so it is the *running maximum* of its
curve that must reach the policy's accuracy; the cost in between two points is interpolated in log cost. Baseline and policy
are resampled together, by question. Where the baseline never gets there, the ratio is at least its largest cost over the
policy's: a *censored* value, a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.intervals import resampled_means
from outlay.curves.shapes import Bools, Floats
from outlay.errors import UserError


@dataclass(frozen=True)
class Ratio:
    """How many times less compute, with its interval; arrays `[B]`, or plain numbers where one policy point was given.

    `censored` is true where the baseline never reaches the accuracy: `value` is then a lower bound ("at least").
    `high` is infinite where more than (1 - level) / 2 of the resamples are censored; `censored_share` is their share.
    """

    value: Any
    low: Any
    high: Any
    censored: Any
    censored_share: Any


def compute_ratio(
    baseline_cost: ArrayLike,
    baseline: ArrayLike,
    cost: ArrayLike,
    accuracy: ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Ratio:
    """The baseline's cost at the policy's accuracy, divided by the policy's cost.

    Args:
        baseline_cost: `[K]`, or `[Q, K]` where it differs by question; positive, in the unit of `cost`.
        baseline: accuracy by question `[Q, K]`, columns in order of rising cost.
        cost: the policy's: a number or `[Q]` for one point, `[B]` or `[Q, B]` for several.
        accuracy: the policy's accuracy by question on the same questions: `[Q]` for one point, `[Q, B]` for several.
        level, resamples, seed: as in `interval`.

    Returns:
        Ratio of numbers for one point, of arrays `[B]` for several.

    Raises:
        UserError: different questions on both sides, costs that are not positive or do not rise.

    >>> ratio = compute_ratio([1, 4, 16], [[0.0, 0.5, 1.0]] * 3, 2.0, [0.75] * 3)
    >>> round(ratio.value, 9)   # log-midway between 4 and 16 is 8
    4.0
    """
    base = np.asarray(baseline, dtype=np.float64)
    policy = np.asarray(accuracy, dtype=np.float64)
    single = policy.ndim == 1
    policy = policy[:, None] if single else policy
    if base.ndim != 2 or policy.ndim != 2 or base.shape[0] != policy.shape[0]:
        raise UserError(
            "A compute ratio needs accuracies by question, baseline [Q, K] and policy [Q] or [Q, B], of the same questions; "
            f"the shapes are {base.shape} and {np.shape(accuracy)}."
        )
    questions, points = policy.shape
    base_costs = _by_question(baseline_cost, questions, base.shape[1], "baseline_cost")
    costs = _by_question(cost, questions, points, "cost", single)
    columns = np.concatenate([base, base_costs, policy, costs], axis=1)
    if np.isnan(columns).any():
        raise UserError(
            "A compute ratio needs every accuracy and cost; leave out budgets at which some question has none (NaN)."
        )
    split = np.cumsum([base.shape[1], base.shape[1], points])
    whole = columns.mean(axis=0, keepdims=True)
    if (np.diff(whole[0, split[0] : split[1]]) <= 0).any():
        raise UserError("The baseline's columns must be in order of rising cost, each dearer than the one before it.")
    value, censored = _ratios(*np.split(whole, split, axis=1))
    ratios, unreached = _ratios(*np.split(resampled_means(columns, resamples, seed), split, axis=1))
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(ratios, [tail, 1.0 - tail], axis=0)
    share = unreached.mean(axis=0)
    high = np.where(share > tail, np.inf, np.fmax(high, value[0]))
    parts = value[0], np.fmin(low, value[0]), high, censored[0], share
    return Ratio(*(part[0].item() for part in parts)) if single else Ratio(*parts)


def cost_reaching(accuracy: Floats, cost: Floats, wanted: Floats) -> tuple[Floats, Bools]:
    """The first cost at which the running maximum of a curve reaches an accuracy, and whether it does: `[R, B]` each.

    Args:
        accuracy, cost: R curves of K points each, `[R, K]`, by rising cost.
        wanted: the accuracies, `[R, B]`.

    Returns:
        Costs, in between two points on a logarithmic scale, the curve's largest where it never gets there; and whether it does.

    >>> paid, reached = cost_reaching(np.array([[0.2, 0.6]]), np.array([[4.0, 16.0]]), np.array([[0.4, 0.9]]))
    >>> paid.round(6).tolist(), reached.tolist()   # log-midway between 4 and 16 is 8
    ([[8.0, 16.0]], [[True, False]])
    """
    best = np.maximum.accumulate(accuracy, axis=1)
    log_costs = np.log(np.maximum.accumulate(cost, axis=1))
    enough = best[:, None, :] >= wanted[:, :, None] - 1e-12
    reached = enough[..., -1]
    at = np.where(reached, enough.argmax(axis=2), best.shape[1] - 1)
    before = np.maximum(at - 1, 0)
    best_at, best_before, log_at, log_before = (
        np.take_along_axis(array, index, axis=1) for array in (best, log_costs) for index in (at, before)
    )
    rise = best_at - best_before
    share = np.where(rise > 0, (wanted - best_before) / np.where(rise > 0, rise, 1.0), 1.0)
    share = np.where(reached, np.clip(share, 0.0, 1.0), 1.0)
    return np.exp(log_before + share * (log_at - log_before)), reached


def _ratios(base: Floats, base_costs: Floats, policy: Floats, costs: Floats) -> tuple[Floats, Bools]:
    """Ratio `[R, B]` and whether it is only a lower bound, from means `[R, K]` and `[R, B]`."""
    paid, reached = cost_reaching(base, base_costs, policy)
    return paid / costs, ~reached


def _by_question(cost: ArrayLike, questions: int, columns: int, name: str, single: bool = False) -> Floats:
    values = np.asarray(cost, dtype=np.float64)
    if single and values.shape == (questions,):
        values = values[:, None]
    try:
        spread = np.broadcast_to(values, (questions, columns))
    except ValueError:
        raise UserError(
            f"`{name}` has shape {values.shape}, which fits neither [{columns}] nor [{questions}, {columns}]."
        ) from None
    if not (spread > 0).all():
        raise UserError(f"`{name}` must be positive everywhere.")
    return spread
