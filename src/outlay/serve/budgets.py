"""The budget of a request that asks for none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outlay.policies import Policy

NO_PLANS = 16.0
"""Generations, where a policy does not say."""


def default_budget(policy: Policy) -> float:
    """The promised budget where the file promises something (its largest), else the knee of the policy's measured curve."""
    plans = getattr(policy, "plans", ())
    if not plans:
        return float(getattr(policy, "budget", NO_PLANS))
    return float(plans[-1].budget) if getattr(policy, "promise", None) is not None else knee(plans)


def largest_budget(policy: Policy) -> float:
    """The largest budget that the file has a plan for."""
    plans = getattr(policy, "plans", ())
    return float(plans[-1].budget) if plans else default_budget(policy)


def knee(plans: Sequence[Any]) -> float:
    """The least budget that cannot be told from the most accurate one: its accuracy is within that one's interval.

    Without measurements it is the largest.
    """
    measured = [plan for plan in plans if plan.measured is not None]
    if not measured:
        return float(plans[-1].budget)
    best = max(measured, key=lambda plan: plan.measured.accuracy.mean).measured.accuracy
    return float(next(plan.budget for plan in measured if plan.measured.accuracy.mean >= best.low))
