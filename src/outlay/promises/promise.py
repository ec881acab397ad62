"""A promise as a policy file holds it: what is promised, at which level, and how it was shown."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["accuracy", "mean_cost", "price_of_error", "hard_cap"]


class Promise(BaseModel):
    """What holds for questions from the source that the policy was calibrated on, with confidence `level`.

    >>> Promise(kind="hard_cap", target=16, level=1, estimate=9.5, bound=16, candidate="per bin").sentence()
    'Never spends more than 16 generations on a question (a hard cap).'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(description="accuracy, mean_cost, price_of_error, or hard_cap (kept by construction)")
    target: float = Field(description="what was asked for: a share of right answers, or generations", gt=0)
    level: float = Field(
        description="probability that the promise is true, over the draw of the tested questions", gt=0, le=1
    )
    estimate: float = Field(
        description="what the tested questions measured, in the target's unit (a gain, for a price)"
    )
    bound: float = Field(
        description="what holds at this level: the accuracy is above it, the cost below it, the gain above it"
    )
    candidate: str = Field(description="what was tested, in words")
    against: str = Field("", description="what a gain is over")
    p_value: float = Field(0.0, description="of the hypothesis that the promise is not kept", ge=0, le=1)
    test: str = Field("by construction", description="the test that the p-value is of")
    learned_on: int = Field(0, description="questions that fitted and ordered the candidates", ge=0)
    tested_on: int = Field(0, description="other questions, which tested the promise", ge=0)
    steps: int = Field(0, description="candidates that were tested one after another, each at the full level", ge=0)

    def sentence(self) -> str:
        """The promise in words."""
        if self.kind == "hard_cap":
            return f"Never spends more than {self.target:g} generations on a question (a hard cap)."
        shown = (
            f"with {self.level:.0%} confidence, shown on {self.tested_on} questions that did not choose it "
            f"({self.test}, p = {self.p_value:.2g})"
        )
        if self.kind == "accuracy":
            return (
                f"At least {self.target:.1%} of answers are right, {shown}; measured {self.estimate:.1%}, "
                f"above {self.bound:.1%}."
            )
        if self.kind == "mean_cost" and self.tested_on == 0:
            return f"Spends at most {self.bound:g} generations a question on average, by a cap on every question."
        if self.kind == "mean_cost":
            return (
                f"Spends at most {self.target:g} generations a question on average, {shown}; measured {self.estimate:.2f}, below "
                f"{self.bound:.2f}."
            )
        return (
            f"Where an error costs {self.target:g} generations it is worth more than {self.against}, "
            f"{shown}; measured a gain of "
            f"{self.estimate:.2f} generations a question, above {self.bound:.2f}."
        )
