"""A sequential policy as a file: after so many samples, stop, draw on, switch strategy or switch model.

The rule at each stage is linear in what is seen (`outlay.policies.looking`) and hinges of it; it was fitted backward over the
beginnings of recorded samples (`outlay.policies.walking`). Budgets are *means* over questions; the budget in a state is a hard cap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from outlay.curves import interval
from outlay.curves.shapes import Floats
from outlay.errors import UserError
from outlay.policies.basis import Basis
from outlay.policies.crossfit_sequences import ORDERS, Followed, measured_on
from outlay.policies.describing import describe_sequence
from outlay.policies.observed import Spend, State, Stop
from outlay.policies.parts import Measured, Part, Provenance
from outlay.policies.policy import Evaluation, Policy
from outlay.policies.samples import Samples, Select
from outlay.policies.seeing import ScoreMap, Seen
from outlay.policies.walking import Walk


class Signal(Part):
    """A signal that is looked at, and where the line over it may bend."""

    name: str
    knots: tuple[float, ...] = ()


class Switch(Part):
    """What may be switched to: a search, or another model. Its answer is then the answer."""

    name: str
    model: str
    strategy: dict[str, Any]
    generations: int = Field(ge=1)
    cost: float = Field(ge=0, description="its mean cost, in generations of the policy's own model")

    def spend(self, own: str) -> Spend:
        """What it is to follow it; another model's answer counts for its mean cost. `own` is the policy's model."""
        cost = None if self.model == own else self.cost
        return Spend(self.model, dict(self.strategy), self.generations, "answer", cost=cost)


class Stage(Part):
    """What is done after `samples` samples: coefficients over the columns (a constant, then each signal with its hinges).

    Go on where `go_on` gives more than 0, and more than every row of `switch`; switch to the best row that gives more than 0; else
    stop.
    `right` gives P(the answer is right) when stopping here.
    """

    samples: int = Field(ge=0)
    go_on: tuple[float, ...]
    right: tuple[float, ...]
    switch: tuple[tuple[float, ...], ...] = ()


class SequentialPlan(Part):
    """The rule for one mean budget."""

    budget: float = Field(gt=0, description="mean generations a question")
    price: float = Field(ge=0, description="accuracy that a generation has to gain")
    stages: tuple[Stage, ...] = Field(min_length=1)
    stops: tuple[float, ...] = Field((), description="share of the calibration's replays that ended at each stage")
    measured: Measured | None = None


class SequentialPolicy(Policy):
    """Draws, looks, and decides again, until more is not worth its price."""

    kind: Literal["sequential"] = "sequential"
    select: Select = Field(description="how the answer is chosen among the samples")
    strategy: dict[str, Any] = Field(description="how samples are drawn: {name: ..., options}")
    signals: tuple[Signal, ...] = Field(description="what is looked at, in the order of the columns")
    score_map: ScoreMap | None = Field(None, description="from raw scores to P(right); none where scores are that")
    switches: tuple[Switch, ...] = ()
    plans: tuple[SequentialPlan, ...] = Field(min_length=1, description="by rising mean budget")
    mean_budget: float | None = Field(None, description="the plan that is followed; the largest where none is given")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        budgets = [plan.budget for plan in self.plans]
        if budgets != sorted(set(budgets)):
            raise ValueError("`plans` must be in order of rising budget, each budget once")
        width = 1 + sum(1 + len(signal.knots) for signal in self.signals)
        for plan in self.plans:
            at = [stage.samples for stage in plan.stages]
            if at != sorted(set(at)):
                raise ValueError(f"the stages of the plan for {plan.budget:g} must rise, each once")
            for stage in plan.stages:
                for row in (stage.go_on, stage.right, *stage.switch):
                    if len(row) != width:
                        raise ValueError(
                            f"after {stage.samples} samples a rule has {len(row)} coefficients; the signals make {width}"
                        )
                if len(stage.switch) != len(self.switches):
                    raise ValueError(
                        f"after {stage.samples} samples there are {len(stage.switch)} rules for {len(self.switches)} switches"
                    )
        if self.mean_budget is not None and self.mean_budget < budgets[0]:
            raise ValueError(f"`mean_budget` is below the least plan, {budgets[0]:g}")
        return self

    @classmethod
    def of_walks(
        cls,
        walks: Sequence[Walk],
        budgets: Sequence[float],
        samples: Samples,
        *,
        stops: Sequence[Floats] = (),
        score_map: ScoreMap | None = None,
        calibrated: Provenance | None = None,
    ) -> SequentialPolicy:
        """The file of fitted walks, one a mean budget; they share a basis. `samples` say what is drawn and chosen."""
        basis = walks[0].basis
        return cls(
            task=samples.task,
            model=samples.model,
            verifier=samples.verifier,
            calibrated=calibrated or Provenance(questions=samples.questions),
            select=samples.select,
            strategy=dict(samples.strategy),
            signals=tuple(Signal(name=n, knots=k) for n, k in zip(basis.signals, basis.knots, strict=True)),
            score_map=score_map,
            switches=tuple(
                Switch(
                    name=one.name,
                    model=one.model or samples.model,
                    strategy=dict(one.strategy),
                    generations=one.generations,
                    cost=round(float(one.cost.mean()), 4),
                )
                for one in samples.alternatives
            ),
            plans=tuple(
                SequentialPlan(
                    budget=float(budget),
                    price=walk.price,
                    stages=tuple(
                        Stage(
                            samples=k,
                            go_on=_rounded(walk.go_on[t]),
                            right=_rounded(walk.right[t]),
                            switch=tuple(_rounded(row) for row in walk.switch[t]),
                        )
                        for t, k in enumerate(walk.stages)
                    ),
                    stops=tuple(round(float(share), 4) for share in stops[place]) if len(stops) else (),
                )
                for place, (walk, budget) in enumerate(zip(walks, budgets, strict=True))
            ),
        )

    def walk(self, plan: SequentialPlan) -> Walk:
        """A plan as arrays, for replays."""
        return Walk(
            Basis(tuple(s.name for s in self.signals), tuple(s.knots for s in self.signals)),
            tuple(stage.samples for stage in plan.stages),
            plan.price,
            np.array([stage.go_on for stage in plan.stages]),
            np.array([stage.switch for stage in plan.stages]).reshape(
                len(plan.stages), len(self.switches), len(plan.stages[0].go_on)
            ),
            np.array([stage.right for stage in plan.stages]),
        )

    def measured(self, figures: Mapping[float, Measured], calibrated: Provenance) -> SequentialPolicy:
        """The same policy with what was measured at each mean budget (none where `figures` has none), and how."""
        plans = tuple(plan.model_copy(update={"measured": figures.get(plan.budget)}) for plan in self.plans)
        return self.model_copy(update={"plans": plans, "calibrated": calibrated})

    def at(self, mean_budget: float) -> SequentialPolicy:
        """The same policy following the plan of the largest mean budget that is within this one."""
        self.plan(mean_budget)
        return self.model_copy(update={"mean_budget": mean_budget})

    def plan(self, mean_budget: float | None = None) -> SequentialPlan:
        """The plan of the largest mean budget within this one; without it, the one that is followed.

        Raises:
            UserError: the budget is below the least plan.
        """
        wanted = self.mean_budget if mean_budget is None else mean_budget
        if wanted is None:
            return self.plans[-1]
        fitting = [plan for plan in self.plans if plan.budget <= wanted * (1 + 1e-9)]
        if not fitting:
            raise UserError(
                f"The policy's least mean budget is {self.plans[0].budget:g} generations; {wanted:g} is below it."
            )
        return fitting[-1]

    @property
    def switching(self) -> tuple[Switch, ...]:
        """What it may switch to."""
        return self.switches

    @property
    def cap(self) -> float:
        """The most that a question can cost under the plan that is followed."""
        handed = max((switch.generations for switch in self.switches), default=0)
        return float(self.plan().stages[-1].samples + handed)

    def models(self) -> tuple[str, ...]:
        """The models that it may spend on, its own first."""
        return tuple(dict.fromkeys([self.model, *(switch.model for switch in self.switches)]))

    def describe(self) -> list[str]:
        """What the policy does, a line each."""
        return describe_sequence(self)

    def decide(self, state: State) -> Spend | Stop:
        """Draw to the next stage, stop, or switch; within the state's budget, which is a hard cap.

        Raises:
            UserError: a budget below one generation.
        """
        if state.budget < 1:
            raise UserError(f"A budget of {state.budget:g} generations buys nothing: give at least 1.")
        plan, drawn = self.plan(), state.samples
        left = state.left
        at = [stage.samples for stage in plan.stages]
        following = next((k for k in at if k > drawn), None)
        if drawn < at[0] or (drawn not in at and following is not None and left >= 1):
            return self._stop(state, "the budget is spent") if left < 1 else self._draw(at, drawn, left)
        stage = plan.stages[max(place for place, k in enumerate(at) if k <= drawn)]
        seen = Seen.of(self.select, state, self.score_map)
        row = self._row(seen, state)
        on = float(row @ np.array(stage.go_on)) if following is not None and left >= 1 else -math.inf
        gains = [
            float(row @ np.array(coefficients)) if switch.generations <= left else -math.inf
            for coefficients, switch in zip(stage.switch, self.switches, strict=True)
        ]
        best = max(range(len(gains)), key=gains.__getitem__, default=None)
        if (on > 0 or drawn == 0) and (best is None or on >= gains[best]):
            return self._draw(at, drawn, left)
        if best is not None and (gains[best] > 0 or drawn == 0):
            return self.switches[best].spend(self.model)
        why = "more would not be worth its price"
        if following is None:
            why = f"{drawn} samples are the most that were calibrated"
        elif left < 1:
            why = "the budget is spent"
        confidence = min(max(float(row @ np.array(stage.right)), 0.0), 1.0)
        return Stop(f"{why}, after {drawn} sample{'' if drawn == 1 else 's'}", place=seen.place, confidence=confidence)

    def evaluate(
        self,
        samples: Samples,
        *,
        orders: int = ORDERS,
        level: float = 0.95,
        resamples: int = 2000,
        seed: int = 0,
    ) -> Evaluation:
        """Accuracy and cost of every plan on other questions, by replay over random orders of their samples.

        Raises:
            UserError: another task, model or verifier, or fewer samples a question than a plan may draw.
        """
        followed = self.followed(samples, orders=orders, seed=seed)
        return Evaluation(
            followed.curve.budgets,
            interval(followed.curve.accuracy, level, resamples, seed),
            interval(followed.curve.cost, level, resamples, seed, proportions=False),
        )

    def followed(self, samples: Samples, *, orders: int = ORDERS, seed: int = 0) -> Followed:
        """Every plan replayed on other questions: the curve by question, Monte-Carlo error, rounds."""
        self.check(task=samples.task or None, model=samples.model or None, verifier=samples.verifier)
        samples = samples.switching_to([switch.name for switch in self.switches])
        stages = tuple(stage.samples for stage in self.plans[-1].stages)
        if stages[-1] > samples.size:
            raise UserError(
                f"The policy may draw {stages[-1]} samples a question; {samples.size} were recorded: sample more, or calibrate "
                "a policy with fewer."
            )
        walks = [self.walk(plan) for plan in self.plans]
        budgets = [plan.budget for plan in self.plans]
        found = measured_on({self.kind: walks}, samples, budgets, orders=orders, seed=seed, stages=stages)
        return found[self.kind]

    def _draw(self, at: Sequence[int], drawn: int, left: int) -> Spend:
        following = next(k for k in at if k > drawn)
        return Spend(self.model, dict(self.strategy), min(following - drawn, left), "sample")

    def _stop(self, state: State, why: str) -> Stop:
        if state.samples == 0:
            return Stop(why)
        return Stop(why, place=Seen.of(self.select, state, self.score_map).place)

    def _row(self, seen: Seen, state: State) -> Floats:
        signals: Any = seen.signals
        if any(signal.name == "difficulty" for signal in self.signals):
            if state.difficulty is None:
                raise UserError("This policy looks at a question's difficulty, which was not given; pass `difficulty`.")
            signals = {**{s.name: signals[s.name] for s in self.signals if s.name != "difficulty"}}
            signals["difficulty"] = np.array([state.difficulty])
        basis = Basis(tuple(s.name for s in self.signals), tuple(s.knots for s in self.signals))
        row: Floats = basis.design(signals)[0]
        return row


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
