"""What a policy may spend on a request: the plan that it follows, and the hard cap in generations.

A policy per bin has its plans by hard cap; the other kinds follow a plan for a *mean* budget, and a request's budget caps the
single question beside it. A target for the confidence climbs through the plans, the cheapest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outlay.policies import Policy
from outlay.policies.across_policy import AcrossPolicy
from outlay.policies.per_bin_policy import PerBinPolicy
from outlay.policies.rule_policy import RulePolicy
from outlay.policies.sequential_policy import SequentialPolicy

UNKNOWN_KIND = 16.0
"""Generations, where a kind of policy from elsewhere does not say what it may draw."""


@dataclass(frozen=True)
class Step:
    """One way to ask the policy: what decides, within which cap, by which of its plans (None where its kind has none)."""

    policy: Policy
    cap: float
    plan: Any = None


def steps(policy: Policy, cap: float, *, climbing: bool = False) -> list[Step]:
    """The policy within this cap; `climbing` through its cheaper plans first.

    Raises UserError for a cap below the least plan.
    """
    if isinstance(policy, PerBinPolicy) and not isinstance(policy, AcrossPolicy):
        last = policy.plan(cap)
        plans = [plan for plan in policy.plans if climbing and plan.budget < last.budget] + [last]
        return [Step(policy, min(cap, plan.budget) if plan is not last else cap, plan) for plan in plans]
    followed = followed_plan(policy)
    if followed is None:
        return [Step(policy, cap)]
    plans = [plan for plan in policy.plans if climbing and plan.budget < followed.budget] + [followed]  # type: ignore[attr-defined]
    return [Step(policy.model_copy(update={"mean_budget": plan.budget}), cap, plan) for plan in plans]


def followed_plan(policy: Policy) -> Any:
    """The plan for a mean budget that the file follows; None for a kind without such plans."""
    if isinstance(policy, AcrossPolicy):
        return policy.followed_plan()
    return policy.plan() if isinstance(policy, SequentialPolicy | RulePolicy) else None


def default_cap(policy: Policy) -> float:
    """The cap of a request that names none.

    Of a policy per bin it is its usual plan's budget; of the others the most that the plan which they follow may draw.
    """
    if isinstance(policy, PerBinPolicy) and not isinstance(policy, AcrossPolicy):
        return float(policy.usual_plan().budget)
    plan = followed_plan(policy)
    return UNKNOWN_KIND if plan is None else most_of(policy, plan)


def largest_cap(policy: Policy) -> float:
    """The most that any plan of the file may draw."""
    if isinstance(policy, PerBinPolicy) and not isinstance(policy, AcrossPolicy):
        return float(policy.plans[-1].budget)
    plans = getattr(policy, "plans", ())
    return max((most_of(policy, plan) for plan in plans), default=default_cap(policy))


def most_of(policy: Policy, plan: Any) -> float:
    """The most generations that a plan for a mean budget can draw of one question."""
    if isinstance(policy, AcrossPolicy):
        return policy.most(plan)
    if isinstance(policy, SequentialPolicy | RulePolicy):
        return policy.model_copy(update={"mean_budget": plan.budget}).cap
    return float(plan.budget)


def strategy_in(step: Step, number: int | None, lot: float) -> Mapping[str, Any]:
    """The strategy that a plan by bins has for a bin: what chooses among samples that are all there already."""
    choices, dearer = step.plan.choices, getattr(step.plan, "dearer", ())
    place = 0 if number is None or len(choices) == 1 else number
    if dearer and lot < step.plan.shares[place]:
        return dict(dearer[place].strategy)
    return dict(choices[place].strategy)
