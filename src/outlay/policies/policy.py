"""The policy file: which strategy to use, at which budget, for a question of which difficulty; and what that was measured
to achieve.

A policy is a small versioned YAML file that a server loads. It names the task, model and verifier that it was calibrated
for and refuses others, and unknown keys. `decide` is a pure function of what has been observed so far, so offline evaluation
and serving ask the same object. It promises nothing about questions unlike those it was calibrated on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, model_validator

from outlay.curves import Interval, interval
from outlay.curves.shapes import Floats
from outlay.difficulty import Bins, consensus
from outlay.errors import UserError
from outlay.policies import files
from outlay.policies.candidates import Candidates
from outlay.policies.carried import Carried
from outlay.policies.choosing import charge

FORMAT: Literal["outlay-policy/1"] = "outlay-policy/1"


@dataclass(frozen=True)
class State:
    """What is known about a question so far.

    Attributes:
        budget: the most that may be spent on it, in generations.
        difficulty: an estimate of its difficulty (higher = easier) of the kind that the policy was fitted with, or None.
        pilot_scores: a verifier's final scores of the samples drawn so far, in the order they were asked for; minus
            infinity for a sample with no parsable answer, NaN for one that has no score (it is left out). Read where
            the policy's `difficulty.measure` is "score".
        spent: generations spent so far, the pilot's included.
        pilot_answers: the same samples' answers, equal texts for equal answers, None for a sample without one. Read where
            it is "consensus".
    """

    budget: float
    difficulty: float | None = None
    pilot_scores: tuple[float, ...] = ()
    spent: float = 0.0
    pilot_answers: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Spend:
    """Run `strategy` with `generations` more generations; `purpose` is "pilot" or "answer", `bin` the question's bin."""

    model: str
    strategy: dict[str, Any]
    generations: int
    purpose: Literal["pilot", "answer"] = "answer"
    bin: int | None = None


@dataclass(frozen=True)
class Stop:
    """Nothing more is to be spent; answer with what there is."""

    reason: str
    bin: int | None = None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Difficulty(_Part):
    """How a question's difficulty is estimated, and what that costs.

    A `pilot` draws `samples` samples first; `predicted` and `oracle` values are given by the caller; `none` means that every
    question is treated alike. What a pilot or a prediction reads off its samples is `measure`: their mean verifier `score`,
    or their `consensus`, the share of the most frequent answer, which needs no verifier.
    """

    source: Literal["none", "pilot", "predicted", "oracle"] = Field("none", description="where the estimate comes from")
    measure: Literal["score", "consensus"] = Field("score", description="what is read off the samples")
    samples: int = Field(0, ge=0, description="samples that the estimate takes")
    cost: float = Field(0.0, ge=0.0, description="generations that it costs each question")
    strategy: dict[str, Any] = Field(
        default_factory=lambda: {"name": "best_of_n"}, description="how a pilot's samples are drawn"
    )
    unparsable: float = Field(0.0, description="the score that stands for a sample with no parsable answer")

    @model_validator(mode="after")
    def _pilot_has_samples(self) -> Difficulty:
        if self.source == "pilot" and self.samples < 1:
            raise ValueError("a pilot needs at least 1 in `samples`")
        if self.source == "pilot" and self.measure == "consensus" and self.samples < 2:
            raise ValueError(
                "a pilot that measures consensus needs at least 2 in `samples`: one always agrees with itself"
            )
        return self


class Figure(_Part):
    """A mean over questions with its confidence interval."""

    mean: float
    low: float
    high: float


class Saving(_Part):
    """How many times less compute than a baseline at equal accuracy; a censored value is a lower bound."""

    value: float
    low: float
    high: float
    censored: bool = False


class Measured(_Part):
    """What cross-validation measured at one budget."""

    accuracy: Figure
    cost: Figure = Field(description="generations a question, the difficulty estimate included")
    baseline: Figure | None = Field(None, description="accuracy of the uniform baseline at the same budget")
    best_fixed: Figure | None = Field(None, description="accuracy of the best fixed candidate at the same budget")
    times_less_than_baseline: Saving | None = None
    times_less_than_best_fixed: Saving | None = None


class Choice(_Part):
    """What a bin's questions get: a strategy, and how many generations in all."""

    strategy: dict[str, Any] = Field(description="{name: ..., options}")
    generations: int = Field(ge=1)
    reuses_pilot: bool = Field(False, description="the pilot's samples count towards `generations`")

    @model_validator(mode="after")
    def _strategy_is_named(self) -> Choice:
        if not isinstance(self.strategy.get("name"), str):
            raise ValueError("`strategy` needs a `name`")
        return self


class Plan(_Part):
    """The choices at one budget: one for each bin, the easiest first, or a single one for all questions."""

    budget: float = Field(gt=0, description="generations a question, a hard cap")
    choices: tuple[Choice, ...] = Field(min_length=1)
    measured: Measured | None = None


class Provenance(_Part):
    """What the policy was calibrated on."""

    questions: int = 0
    seed: int = 0
    splits: int = Field(0, description="two-fold splits of the questions that the figures were averaged over, if any")
    orders: int = Field(0, description="random orders of the pools that the figures were averaged over, if any")
    level: float = 0.95
    baseline: str = ""
    date: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A policy on questions that it was not fitted to: accuracy and cost at each budget `[B]`, with intervals."""

    budgets: Floats
    accuracy: Interval
    cost: Interval


class Policy(Carried):
    """Which strategy to use for a question of which difficulty, at every budget."""

    format: Literal["outlay-policy/1"] = FORMAT
    kind: Literal["per_bin"] = "per_bin"
    task: str
    model: str
    verifier: str | None = None
    difficulty: Difficulty = Field(default_factory=lambda: Difficulty())
    edges: tuple[float, ...] = Field(
        (), description="difficulty values that part the bins, falling; bin 0 is the easiest"
    )
    plans: tuple[Plan, ...] = Field(min_length=1, description="by rising budget")
    calibrated: Provenance = Field(default_factory=lambda: Provenance())

    @model_validator(mode="after")
    def _plans_fit(self) -> Policy:
        budgets = [plan.budget for plan in self.plans]
        if budgets != sorted(set(budgets)):
            raise ValueError("`plans` must be in order of rising budget, each budget once")
        bins = len(self.edges) + 1
        for plan in self.plans:
            if len(plan.choices) not in (1, bins):
                raise ValueError(
                    f"the plan for {plan.budget:g} has {len(plan.choices)} choices; 1 or {bins} are needed"
                )
            for choice in plan.choices:
                if self._total(plan, choice) > plan.budget * (1 + 1e-9):
                    raise ValueError(f"a choice of the plan for {plan.budget:g} generations costs more than that")
        if bins > 1 and self.difficulty.source == "none":
            raise ValueError("several bins need a source of difficulty")
        return self

    def save(self, path: str | Path) -> None:
        """Write the policy as YAML, opened by a comment that says in words what it will do; an existing file is replaced."""
        files.write(self.model_dump(mode="json"), self.describe(), Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """Read a policy file.

        Raises:
            UserError: no such file, not YAML, or a field that is missing, unknown (with the nearest known name) or wrong.
        """
        return files.read(cls, Path(path))

    def measured(self, figures: Mapping[float, Measured], calibrated: Provenance) -> Policy:
        """The same policy with what was measured at each budget (none where `figures` has none), and how."""
        plans = tuple(plan.model_copy(update={"measured": figures.get(plan.budget)}) for plan in self.plans)
        return self.model_copy(update={"plans": plans, "calibrated": calibrated})

    def describe(self) -> list[str]:
        """What the policy does, a line each."""
        return files.describe(self)

    def check(self, *, task: str | None = None, model: str | None = None, verifier: str | None = None) -> None:
        """Refuse to be used with another task, model or verifier than it was calibrated for; None is not checked.

        Raises:
            UserError: the first of them that differs.
        """
        for name, given, own in (
            ("task", task, self.task),
            ("model", model, self.model),
            ("verifier", verifier, self.verifier),
        ):
            if given is not None and given != own:
                raise UserError(
                    f"This policy was calibrated for the {name} {own!r}, not {given!r}; calibrate one on samples of {given!r}."
                )

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

    def decide(self, state: State) -> Spend | Stop:
        """What to do next for a question: draw the pilot, run the bin's strategy with what is left, or stop.

        Raises:
            UserError: a budget below the least plan, no difficulty where the caller has to give it, or a pilot's scores where
                its answers are needed (or the other way round).

        >>> choice = Choice(strategy={"name": "best_of_n"}, generations=4)
        >>> policy = Policy(task="t", model="m", plans=(Plan(budget=4, choices=(choice,)),))
        >>> policy.decide(State(budget=6)).generations
        4
        """
        plan = self.plan(state.budget)
        if len(plan.choices) == 1:
            return self._answer(plan, plan.choices[0], None, state)
        value = state.difficulty
        if value is None and self.difficulty.source == "pilot":
            missing = self.difficulty.samples - self._seen(state)
            if missing > 0:
                return Spend(self.model, dict(self.difficulty.strategy), missing, "pilot")
            value = self._pilot_value(state)
        if value is None:
            raise UserError(
                f"This policy places questions by {self.difficulty.source} difficulty, which was not given; "
                "pass `difficulty` or calibrate a policy with a pilot."
            )
        number = int(Bins(self.edges).assign([value])[0])
        return self._answer(plan, plan.choices[number], number, state)

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
        bin_of = Bins(self.edges).assign(values)
        charged = charge(candidates, self.difficulty.cost).cost
        accuracy, cost = (np.empty((candidates.questions, len(self.plans))) for _ in range(2))
        rows = np.arange(candidates.questions)
        for column, plan in enumerate(self.plans):
            single = len(plan.choices) == 1
            index = np.array([_find(candidates, choice) for choice in plan.choices])
            picked = index[np.zeros_like(bin_of) if single else bin_of]
            accuracy[:, column] = candidates.accuracy[rows, picked]
            cost[:, column] = (candidates.cost if single else charged)[rows, picked]
        return Evaluation(
            np.array([plan.budget for plan in self.plans]),
            interval(accuracy, level, resamples, seed),
            interval(cost, level, resamples, seed, proportions=False),
        )

    def cheapest(self, accuracy: float) -> Plan:
        """The least budget whose measured accuracy has its interval's lower end at `accuracy` or above.

        That end is an interval for one budget, not a guarantee over the search for it.

        Raises:
            UserError: no budget gets there.
        """
        for plan in self.plans:
            if plan.measured is not None and plan.measured.accuracy.low >= accuracy:
                return plan
        best = max(
            (plan.measured.accuracy.low for plan in self.plans if plan.measured is not None), default=float("nan")
        )
        raise UserError(f"No budget is shown to reach an accuracy of {accuracy:g}: the best lower end is {best:.3f}.")

    def best_value(self, price_of_error: float) -> Plan:
        """The budget with the least expected loss, `price_of_error` (in generations) times the error rate plus the cost."""
        measured = [(plan, plan.measured) for plan in self.plans if plan.measured is not None]
        if not measured:
            raise UserError(
                "This policy carries no measurements to weigh the price of an error against; calibrate it again."
            )
        return min(measured, key=lambda pair: price_of_error * (1 - pair[1].accuracy.mean) + pair[1].cost.mean)[0]

    def _total(self, plan: Plan, choice: Choice) -> float:
        """Generations that a choice costs at most, the difficulty estimate included where the plan has bins."""
        estimate = self.difficulty.cost if len(plan.choices) > 1 else 0.0
        return max(choice.generations, estimate) if choice.reuses_pilot else choice.generations + estimate

    def _answer(self, plan: Plan, choice: Choice, number: int | None, state: State) -> Spend | Stop:
        left = math.floor(self._total(plan, choice) - state.spent + 1e-9)
        if left < 1:
            return Stop(f"the {choice.strategy['name']} plan of {choice.generations} generations is spent", number)
        return Spend(self.model, dict(choice.strategy), min(left, choice.generations), "answer", number)

    def _seen(self, state: State) -> int:
        """How many of the pilot's samples are known by what this policy measures."""
        counts = {"score": len(state.pilot_scores), "consensus": len(state.pilot_answers)}
        own = counts[self.difficulty.measure]
        if own == 0 and any(counts.values()):
            needed = {"score": "pilot_scores", "consensus": "pilot_answers"}[self.difficulty.measure]
            raise UserError(
                f"This policy's pilot measures {self.difficulty.measure}; pass `{needed}` of the samples drawn."
            )
        return own

    def _pilot_value(self, state: State) -> float:
        first = self.difficulty.samples
        if self.difficulty.measure == "consensus":
            answers = state.pilot_answers[:first]
            classes = {answer: place for place, answer in enumerate(dict.fromkeys(answers))} | {None: -1}
            return float(consensus([[classes[answer] for answer in answers]])[0])
        scores = [score for score in state.pilot_scores[:first] if not math.isnan(score)] or [-math.inf]
        return float(np.mean([self.difficulty.unparsable if score == -math.inf else score for score in scores]))


def _find(candidates: Candidates, choice: Choice) -> int:
    for index, (spec, budget) in enumerate(zip(candidates.specs, candidates.budget, strict=True)):
        if dict(spec) == choice.strategy and budget == choice.generations:
            return index
    raise UserError(
        f"The table has no candidate {choice.strategy} with {choice.generations} generations, which the policy uses; measure it."
    )
