"""A policy across questions as a file: each difficulty bin has its own strategy, and the budget is the mean over questions.

The bin at the margin is parted by lot: a question whose `lot` is below the bin's share gets the dearer choice, so that the mean
cost meets the budget. The budget in a state is a hard cap as ever.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from outlay.difficulty import Bins
from outlay.policies.describing import describe_across
from outlay.policies.observed import Spend, State, Stop
from outlay.policies.parts import Choice, Plan
from outlay.policies.per_bin_policy import PerBinPolicy, place_of


class AcrossPlan(Plan):
    """The choices for one mean budget: a bin's, and what a share of its questions gets instead."""

    dearer: tuple[Choice, ...] = Field((), description="what a share of each bin gets instead; one for each bin")
    shares: tuple[float, ...] = Field((), description="the share of each bin that gets the dearer choice")


class AcrossPolicy(PerBinPolicy):
    """Which strategy to use for a question of which difficulty, so that the mean cost is within a budget.

    A choice may name another model: where bins are told before anything is sampled, that is a router by predicted difficulty.
    """

    kind: Literal["across", "router"] = "across"  # type: ignore[assignment]
    plans: tuple[AcrossPlan, ...] = Field(min_length=1, description="by rising mean budget")
    mean_budget: float | None = Field(None, description="the plan that is followed; the largest where none is given")

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        for plan in self.plans:
            if len(plan.dearer) != len(plan.shares) or len(plan.dearer) not in (0, len(plan.choices)):
                raise ValueError(
                    f"the plan for {plan.budget:g} needs a dearer choice and a share for each bin, or none"
                )
            if any(not 0 <= share <= 1 for share in plan.shares):
                raise ValueError(f"shares lie in [0, 1]; those of the plan for {plan.budget:g} do not")
        return self

    def _caps_hold(self, plan: Plan) -> None:
        """A mean budget caps no single choice."""

    def describe(self) -> list[str]:
        """What the policy does, a line each."""
        return describe_across(self)

    def decide(self, state: State) -> Spend | Stop:
        """As a policy per bin decides, following the plan of the mean budget, within the state's own budget."""
        plan = self.followed_plan()
        mine = plan.choices
        if plan.dearer:
            mine = tuple(
                dear if state.lot < share else choice
                for choice, dear, share in zip(plan.choices, plan.dearer, plan.shares, strict=True)
            )
        return self.decide_within(plan.model_copy(update={"choices": mine}), state)

    def followed_plan(self) -> AcrossPlan:
        """The plan of the largest mean budget within the one that is followed."""
        wanted = self.plans[-1].budget if self.mean_budget is None else self.mean_budget
        found: Any = self.plan(wanted)
        assert isinstance(found, AcrossPlan)
        return found

    def most(self, plan: AcrossPlan) -> float:
        """The most generations that a question can cost under a plan."""
        return max(self._total(plan, choice) for choice in (*plan.choices, *plan.dearer))

    def _picked(self, plan: Plan, values: Any, candidates: Any) -> Any:
        """Each question's candidate; parted bins by lots from their places, the same for every evaluation."""
        assert isinstance(plan, AcrossPlan)
        bin_of = Bins(self.edges).assign(values) if len(plan.choices) > 1 else np.zeros(len(values), dtype=np.int64)
        low = np.array([place_of(candidates, choice) for choice in plan.choices])[bin_of]
        if not plan.dearer:
            return low
        lots = np.random.default_rng(0xAC05).random(len(values))
        high = np.array([place_of(candidates, choice) for choice in plan.dearer])[bin_of]
        return np.where(lots < np.array(plan.shares)[bin_of], high, low)
