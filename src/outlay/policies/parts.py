"""What policy files of every kind are made of: difficulty, choices, figures with their intervals, and where they come from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from outlay.policies.wording import Wording


class Part(BaseModel):
    """A part of a policy file: unknown keys are refused, and nothing changes once it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Difficulty(Part):
    """How a question's difficulty is estimated, and what that costs.

    A `pilot` draws `samples` samples first; a `probe` (its address) reads the question alone and draws nothing, and so does
    `question`, by its words (`reader`); `predicted` and `oracle` values are given by the caller; `none` means that every question
    is treated alike. What a pilot or a prediction reads off its samples is `measure`: their mean verifier `score`, or their
    `consensus`, the share of the most frequent answer, which needs no verifier.
    """

    source: Literal["none", "pilot", "probe", "question", "predicted", "oracle"] = Field(
        "none", description="where the estimate comes from"
    )
    measure: Literal["score", "consensus"] = Field("score", description="what is read off the samples")
    samples: int = Field(0, ge=0, description="samples that the estimate takes")
    cost: float = Field(0.0, ge=0.0, description="generations that it costs each question, or as many operations")
    strategy: dict[str, Any] = Field(
        default_factory=lambda: {"name": "best_of_n"}, description="how a pilot's samples are drawn"
    )
    unparsable: float = Field(0.0, description="the score that stands for a sample with no parsable answer")
    reader: Wording | None = Field(None, description="what tells difficulty from the question's words")
    probe: str = Field("", description="address of the probe, probe:FOLDER")

    @property
    def drawn(self) -> float:
        """Generations of it that count towards a cap; what a probe reads costs, but nothing is drawn for it."""
        return 0.0 if self.source == "probe" else self.cost

    @property
    def reading(self) -> float:
        """What it costs besides, in generations' worth of operations."""
        return self.cost - self.drawn

    @model_validator(mode="after")
    def _pilot_has_samples(self) -> Difficulty:
        if (self.source == "probe") != bool(self.probe):
            raise ValueError("`probe` is the address of the probe that the source `probe` asks; give both, or neither")
        if self.source == "pilot" and self.samples < 1:
            raise ValueError("a pilot needs at least 1 in `samples`")
        if self.source == "pilot" and self.measure == "consensus" and self.samples < 2:
            raise ValueError(
                "a pilot that measures consensus needs at least 2 in `samples`: one always agrees with itself"
            )
        if (self.source == "question") != (self.reader is not None):
            raise ValueError("`reader` goes with the source `question`, and with no other")
        return self


class Figure(Part):
    """A mean over questions with its confidence interval."""

    mean: float
    low: float
    high: float


class Saving(Part):
    """How many times less compute than a baseline at equal accuracy; a censored value is a lower bound."""

    value: float
    low: float
    high: float
    censored: bool = False


class Measured(Part):
    """What cross-validation measured at one budget."""

    accuracy: Figure
    cost: Figure = Field(description="generations a question, the difficulty estimate included")
    baseline: Figure | None = Field(None, description="accuracy of the uniform baseline at the same budget")
    best_fixed: Figure | None = Field(None, description="accuracy of the best fixed candidate at the same budget")
    times_less_than_baseline: Saving | None = None
    times_less_than_best_fixed: Saving | None = None


class Choice(Part):
    """What a bin's questions get: a strategy, and how many generations in all."""

    strategy: dict[str, Any] = Field(description="{name: ..., options}")
    generations: int = Field(ge=1)
    reuses_pilot: bool = Field(False, description="the pilot's samples count towards `generations`")
    model: str | None = Field(None, description="another model than the policy's own")
    cost: float | None = Field(
        None, gt=0, description="what it counts for in the policy's own generations, where that is not `generations`"
    )

    @model_validator(mode="after")
    def _strategy_is_named(self) -> Choice:
        if not isinstance(self.strategy.get("name"), str):
            raise ValueError("`strategy` needs a `name`")
        if self.cost is not None and self.cost > self.generations:
            raise ValueError(
                f"`cost` ({self.cost:g}) is at most `generations` ({self.generations}), which is the hard cap"
            )
        return self


class Plan(Part):
    """The choices at one budget: one for each bin, the easiest first, or a single one for all questions."""

    budget: float = Field(gt=0, description="generations a question, a hard cap")
    choices: tuple[Choice, ...] = Field(min_length=1)
    measured: Measured | None = None


class Provenance(Part):
    """What the policy was calibrated on."""

    questions: int = 0
    seed: int = 0
    splits: int = Field(0, description="two-fold splits of the questions that the figures were averaged over, if any")
    orders: int = Field(0, description="random orders of the pools that the figures were averaged over, if any")
    level: float = 0.95
    baseline: str = ""
    date: str = ""
