"""A published stopping rule as a file: its threshold was tuned on the calibration's questions, for a mean budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from outlay.curves import interval
from outlay.errors import UserError
from outlay.policies.crossfit_sequences import ORDERS, Followed, measured_on
from outlay.policies.describing import describe_rule
from outlay.policies.observed import Spend, State, Stop
from outlay.policies.parts import Measured, Part, Provenance
from outlay.policies.policy import Evaluation, Policy
from outlay.policies.prefixes import stages_up_to
from outlay.policies.rules import Threshold, stays_ahead
from outlay.policies.samples import Samples, Select
from outlay.policies.seeing import ScoreMap, Seen
from outlay.policies.sequential_policy import Switch

RuleName = Literal[
    "fixed", "adaptive_consistency", "window", "score_threshold", "agreement_threshold", "threshold", "cascade"
]


class RulePlan(Part):
    """The rule for one mean budget: stop after `least` samples or more once `signal` reaches `threshold`; at `most` at the
    latest."""

    budget: float = Field(gt=0, description="mean generations a question")
    signal: str = ""
    threshold: float | None = Field(None, description="none: the signal is not looked at")
    least: int = Field(1, ge=1)
    most: int = Field(ge=1)
    hands_over: bool = Field(False, description="at `most` samples below the threshold, switch instead of answering")
    measured: Measured | None = None

    def rule(self) -> Threshold:
        """The rule, for replays."""
        threshold = math.inf if self.threshold is None else self.threshold
        return Threshold(self.signal, threshold, self.least, self.most, 0 if self.hands_over else None)


class RulePolicy(Policy):
    """Draws until a signal reaches a threshold."""

    kind: Literal["rule"] = "rule"
    rule: RuleName
    select: Select = Field(description="how the answer is chosen among the samples")
    strategy: dict[str, Any] = Field(description="how samples are drawn: {name: ..., options}")
    score_map: ScoreMap | None = None
    switch: Switch | None = Field(None, description="what is switched to where the threshold was not reached")
    plans: tuple[RulePlan, ...] = Field(min_length=1, description="by rising mean budget")
    mean_budget: float | None = Field(None, description="the plan that is followed; the largest where none is given")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        budgets = [plan.budget for plan in self.plans]
        if budgets != sorted(set(budgets)):
            raise ValueError("`plans` must be in order of rising budget, each budget once")
        if any(plan.hands_over for plan in self.plans) and self.switch is None:
            raise ValueError("a plan hands over, and there is no `switch`")
        return self

    def measured(self, figures: Mapping[float, Measured], calibrated: Provenance) -> RulePolicy:
        """The same policy with what was measured at each mean budget, and how."""
        plans = tuple(plan.model_copy(update={"measured": figures.get(plan.budget)}) for plan in self.plans)
        return self.model_copy(update={"plans": plans, "calibrated": calibrated})

    def plan(self, mean_budget: float | None = None) -> RulePlan:
        """The plan of the largest mean budget within this one; without it, the one that is followed."""
        wanted = self.mean_budget if mean_budget is None else mean_budget
        fitting = [plan for plan in self.plans if wanted is None or plan.budget <= wanted * (1 + 1e-9)]
        if not fitting:
            raise UserError(
                f"The policy's least mean budget is {self.plans[0].budget:g} generations; {wanted:g} is below it."
            )
        return fitting[-1]

    @property
    def switching(self) -> tuple[Switch, ...]:
        """What it may switch to."""
        return () if self.switch is None else (self.switch,)

    @property
    def cap(self) -> float:
        """The most that a question can cost under the plan that is followed."""
        plan = self.plan()
        return float(plan.most + (self.switch.generations if self.switch is not None and plan.hands_over else 0))

    def models(self) -> tuple[str, ...]:
        """The models that it may spend on, its own first."""
        return tuple(dict.fromkeys([self.model, *(switch.model for switch in self.switching)]))

    def describe(self) -> list[str]:
        """What the policy does, a line each."""
        return describe_rule(self)

    def decide(self, state: State) -> Spend | Stop:
        """Draw to the next look, stop, or hand over; within the state's budget, which is a hard cap."""
        if state.budget < 1:
            raise UserError(f"A budget of {state.budget:g} generations buys nothing: give at least 1.")
        plan, drawn = self.plan(), state.samples
        left = state.left
        following = next((k for k in stages_up_to(plan.most) if k > drawn), None)
        if drawn == 0:
            return Spend(self.model, dict(self.strategy), min(following or 1, left), "sample")
        seen = Seen.of(self.select, state, self.score_map)
        met = plan.threshold is not None and drawn >= plan.least and self._signal(plan, seen, drawn) >= plan.threshold
        if met:
            return Stop(f"{plan.signal.replace('_', ' ')} reached {plan.threshold:g}", place=seen.place)
        if following is not None and left >= 1:
            return Spend(self.model, dict(self.strategy), min(following - drawn, left), "sample")
        if plan.hands_over and self.switch is not None and self.switch.generations <= left:
            return self.switch.spend(self.model)
        return Stop("the budget is spent" if left < 1 else f"{drawn} samples are the most", place=seen.place)

    def evaluate(
        self, samples: Samples, *, orders: int = ORDERS, level: float = 0.95, resamples: int = 2000, seed: int = 0
    ) -> Evaluation:
        """Accuracy and cost of every plan on other questions, by replay over random orders of their samples."""
        followed = self.followed(samples, orders=orders, seed=seed)
        return Evaluation(
            followed.curve.budgets,
            interval(followed.curve.accuracy, level, resamples, seed),
            interval(followed.curve.cost, level, resamples, seed, proportions=False),
        )

    def followed(self, samples: Samples, *, orders: int = ORDERS, seed: int = 0) -> Followed:
        """Every plan replayed on other questions: the curve by question, Monte-Carlo error, rounds."""
        self.check(task=samples.task or None, model=samples.model or None, verifier=samples.verifier)
        most = max(plan.most for plan in self.plans)
        if most > samples.size:
            raise UserError(f"The policy may draw {most} samples a question; {samples.size} were recorded.")
        samples = samples.switching_to([switch.name for switch in self.switching])
        rules = [plan.rule() for plan in self.plans]
        budgets = [plan.budget for plan in self.plans]
        found = measured_on({self.rule: rules}, samples, budgets, orders=orders, seed=seed, stages=stages_up_to(most))
        return found[self.rule]

    def _signal(self, plan: RulePlan, seen: Seen, drawn: int) -> float:
        if plan.signal == "beta":
            counts = [np.rint(seen.signals[name] * drawn).astype(np.int64) for name in ("agreement", "runner_up")]
            return float(stays_ahead(*counts)[0])
        return float(seen.signals[plan.signal][0])
