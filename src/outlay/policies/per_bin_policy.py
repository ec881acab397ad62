"""A strategy for each difficulty bin, at every budget: the paper's compute-optimal policy as a file.

Budgets are hard caps on every question's cost, the difficulty estimate included (Snell et al., arXiv 2408.03314, section 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from outlay.curves import interval
from outlay.difficulty import Bins, consensus
from outlay.errors import UserError
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import charge
from outlay.policies.describing import describe_bins
from outlay.policies.observed import Spend, State, Stop
from outlay.policies.parts import Choice, Difficulty, Measured, Plan, Provenance
from outlay.policies.policy import Evaluation, Policy, first_reaching, least_error


class PerBinPolicy(Policy):
    """Which strategy to use for a question of which difficulty, at every budget."""

    kind: Literal["per_bin"] = "per_bin"
    difficulty: Difficulty = Field(default_factory=lambda: Difficulty())
    edges: tuple[float, ...] = Field(
        (), description="difficulty values that part the bins, falling; bin 0 is the easiest"
    )
    plans: tuple[Plan, ...] = Field(min_length=1, description="by rising budget")

    @model_validator(mode="after")
    def _plans_fit(self) -> PerBinPolicy:
        budgets = [plan.budget for plan in self.plans]
        if budgets != sorted(set(budgets)):
            raise ValueError("`plans` must be in order of rising budget, each budget once")
        bins = len(self.edges) + 1
        for plan in self.plans:
            if len(plan.choices) not in (1, bins):
                raise ValueError(
                    f"the plan for {plan.budget:g} has {len(plan.choices)} choices; 1 or {bins} are needed"
                )
            self._caps_hold(plan)
        if bins > 1 and self.difficulty.source == "none":
            raise ValueError("several bins need a source of difficulty")
        return self

    def measured(self, figures: Mapping[float, Measured], calibrated: Provenance) -> PerBinPolicy:
        """The same policy with what was measured at each budget (none where `figures` has none), and how."""
        plans = tuple(plan.model_copy(update={"measured": figures.get(plan.budget)}) for plan in self.plans)
        return self.model_copy(update={"plans": plans, "calibrated": calibrated})

    def describe(self) -> list[str]:
        """What the policy does, a line each."""
        return describe_bins(self)

    def models(self) -> tuple[str, ...]:
        """The models that it may spend on, its own first."""
        named = [choice.model for plan in self.plans for choice in _every(plan) if choice.model is not None]
        return tuple(dict.fromkeys([self.model, *named]))

    @property
    def probe(self) -> str | None:
        """The address of the probe that tells difficulty, where one is asked."""
        several = any(len(plan.choices) > 1 for plan in self.plans)
        return self.difficulty.probe if several and self.difficulty.source == "probe" else None

    def plan(self, budget: float) -> Plan:
        """The plan of the largest budget that fits.

        Raises:
            UserError: the budget is below the least plan.
        """
        fitting = [plan for plan in self.plans if plan.budget <= budget * (1 + 1e-9)]
        if not fitting:
            raise UserError(
                f"The policy's least budget is {self.plans[0].budget:g} generations; {budget:g} is below it."
            )
        return fitting[-1]

    def usual_plan(self) -> Plan:
        """The plan for whoever names no budget: of a promise the largest, which it is about; else the knee of the measured curve.

        The knee is the least budget that cannot be told from the most accurate one: its accuracy is within that one's interval.
        Without measurements it is the largest.
        """
        measured = [(plan, plan.measured.accuracy) for plan in self.plans if plan.measured is not None]
        if self.promise is not None or not measured:
            return self.plans[-1]
        best = max((accuracy for _, accuracy in measured), key=lambda accuracy: accuracy.mean)
        return next(plan for plan, accuracy in measured if accuracy.mean >= best.low)

    def decide(self, state: State) -> Spend | Stop:
        """What to do next for a question: draw the pilot, run the bin's strategy with what is left, or stop.

        Raises:
            UserError: a budget below the least plan, no difficulty where the caller has to give it, or a pilot's scores where
                its answers are needed (or the other way round).

        >>> choice = Choice(strategy={"name": "best_of_n"}, generations=4)
        >>> policy = PerBinPolicy(task="t", model="m", plans=(Plan(budget=4, choices=(choice,)),))
        >>> policy.decide(State(budget=6)).generations
        4
        """
        return self.decide_within(self.plan(state.budget), state)

    def decide_within(self, plan: Plan, state: State) -> Spend | Stop:
        """What to do next under this plan."""
        if len(plan.choices) == 1:
            return self._answer(plan, plan.choices[0], None, state)
        value = state.difficulty
        if value is None and self.difficulty.source == "pilot":
            missing = self.difficulty.samples - self._seen(state)
            if missing > 0:
                return Spend(self.model, dict(self.difficulty.strategy), missing, "pilot")
            value = self._pilot_value(state)
        if value is None:
            value = self.told_difficulty(state)
        if value is None:
            raise UserError(
                f"This policy places questions by {self.difficulty.source} difficulty, which was not given; "
                "pass `difficulty` or calibrate a policy with a pilot."
            )
        number = int(Bins(self.edges).assign([value])[0])
        return self._answer(plan, plan.choices[number], number, state)

    def told_difficulty(self, state: State) -> float | None:
        """What the question's words or a probe tell, where that is how bins are told."""
        if self.difficulty.source == "probe":
            return state.difficulty
        reader = self.difficulty.reader
        return None if reader is None else float(reader.values([state.question])[0])

    def evaluate(
        self,
        candidates: Candidates,
        difficulty_values: ArrayLike | None = None,
        *,
        level: float = 0.95,
        resamples: int = 2000,
        seed: int = 0,
    ) -> Evaluation:
        """Accuracy and cost on other questions, read off a table of candidates measured on them.

        Args:
            candidates: the policy's choices must be among them; the questions must not be those it was fitted to.
            difficulty_values: `[Q]`, of the kind the policy was fitted with; not needed with a single bin.
            level, resamples, seed: as in `outlay.curves.interval`.

        Raises:
            UserError: another task, model or verifier, or a choice that the table lacks.
        """
        self.check(task=candidates.task or None, model=candidates.model or None, verifier=candidates.verifier)
        if len(self.edges) > 0 and difficulty_values is None:
            raise UserError("This policy has several difficulty bins; pass the questions' `difficulty_values`.")
        values = np.zeros(candidates.questions) if difficulty_values is None else np.asarray(difficulty_values)
        charged = charge(candidates, self.difficulty.drawn).cost + self.difficulty.reading
        accuracy, cost = (np.empty((candidates.questions, len(self.plans))) for _ in range(2))
        rows = np.arange(candidates.questions)
        for column, plan in enumerate(self.plans):
            single = len(plan.choices) == 1
            picked = self._picked(plan, values, candidates)
            accuracy[:, column] = candidates.accuracy[rows, picked]
            cost[:, column] = (candidates.cost if single else charged)[rows, picked]
        return Evaluation(
            np.array([plan.budget for plan in self.plans]),
            interval(accuracy, level, resamples, seed),
            interval(cost, level, resamples, seed, proportions=False),
        )

    def cheapest(self, accuracy: float) -> Plan:
        """The plan of least budget that is shown to reach an accuracy; see `first_reaching`."""
        plan: Plan = first_reaching(self.plans, accuracy)
        return plan

    def best_value(self, price_of_error: float) -> Plan:
        """The plan with the least expected loss where an error costs so many generations; see `least_error`."""
        plan: Plan = least_error(self.plans, price_of_error)
        return plan

    def _picked(self, plan: Plan, values: Any, candidates: Candidates) -> Any:
        """Each question's candidate under a plan: int `[Q]`."""
        index = np.array([place_of(candidates, choice) for choice in plan.choices])
        return index[Bins(self.edges).assign(values) if len(plan.choices) > 1 else np.zeros(len(values), np.int64)]

    def _caps_hold(self, plan: Plan) -> None:
        """A budget is a hard cap on every choice."""
        for choice in plan.choices:
            if self._total(plan, choice) > plan.budget * (1 + 1e-9):
                raise ValueError(f"a choice of the plan for {plan.budget:g} generations costs more than that")

    def _total(self, plan: Plan, choice: Choice) -> float:
        """Generations that a choice costs at most, the difficulty estimate included where the plan has bins."""
        estimate = self.difficulty.drawn if len(plan.choices) > 1 else 0.0
        return max(choice.generations, estimate) if choice.reuses_pilot else choice.generations + estimate

    def _answer(self, plan: Plan, choice: Choice, number: int | None, state: State) -> Spend | Stop:
        left = math.floor(min(self._total(plan, choice), state.budget) - state.spent + 1e-9)
        if choice.model not in (None, self.model):
            if left >= choice.generations:
                return Spend(
                    choice.model or "", dict(choice.strategy), choice.generations, "answer", number, choice.cost
                )
            choice = self._instead(state)  # this question's own budget does not reach so far
            left = math.floor(state.budget - state.spent + 1e-9)
        if left < 1:
            why = f"the {choice.strategy['name']} plan of {choice.generations} generations is spent"
            if not choice.reuses_pilot:
                return Stop(why, number)
            return Stop(why, number, strategy=dict(choice.strategy), first=choice.generations)
        return Spend(self.model, dict(choice.strategy), min(left, choice.generations), "answer", number)

    def _instead(self, state: State) -> Choice:
        """What is done where a question's own budget has no room for another model's answer: as many samples as it has."""
        affordable = max(1, math.floor(min(state.budget, 1e9) + 1e-9))
        return Choice(strategy=self.difficulty.strategy, generations=affordable, reuses_pilot=True)

    def _seen(self, state: State) -> int:
        """How many of the pilot's samples are known by what this policy measures."""
        counts = {"score": len(state.scores), "consensus": len(state.answers)}
        own = counts[self.difficulty.measure]
        if own == 0 and any(counts.values()):
            needed = {"score": "scores", "consensus": "answers"}[self.difficulty.measure]
            raise UserError(
                f"This policy's pilot measures {self.difficulty.measure}; pass `{needed}` of the samples drawn."
            )
        return own

    def _pilot_value(self, state: State) -> float:
        first = self.difficulty.samples
        if self.difficulty.measure == "consensus":
            answers = state.answers[:first]
            classes = {answer: place for place, answer in enumerate(dict.fromkeys(answers))} | {None: -1}
            return float(consensus([[classes[answer] for answer in answers]])[0])
        scores = [score for score in state.scores[:first] if not math.isnan(score)] or [-math.inf]
        return float(np.mean([self.difficulty.unparsable if score == -math.inf else score for score in scores]))


def _every(plan: Plan) -> tuple[Choice, ...]:
    """Every choice of a plan; one across questions has dearer ones too."""
    return (*plan.choices, *getattr(plan, "dearer", ()))


def place_of(candidates: Candidates, choice: Choice) -> int:
    """The candidate that a choice names. Raises UserError where the table has none."""
    for index, (spec, budget, model) in enumerate(
        zip(candidates.specs, candidates.budget, candidates.models, strict=True)
    ):
        if dict(spec) == choice.strategy and budget == choice.generations and model == choice.model:
            return index
    raise UserError(
        f"The table has no candidate {choice.strategy} with {choice.generations} generations, which the policy uses; measure it."
    )
