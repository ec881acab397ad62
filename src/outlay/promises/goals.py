"""What can be promised: an accuracy, a mean cost, or that a policy is worth more than the same for all.

A `Goal` turns a table of outcomes into bounded values `[Q, C]` and says above which mean they keep the promise, so that one test
serves all three; and it says which of two candidates that keep it is the better one to have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Floats
from outlay.errors import UserError

Kind = Literal["accuracy", "mean_cost", "price_of_error"]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What each of C candidate policies did on each of Q questions.

    `correct` `[Q, C]` in [0, 1] is one realised run or the mean of several runs in random orders (not an expectation over
    k-subsets, where the policy looks before it decides); `cost` `[Q, C]` its generations, the difficulty estimate included;
    `cap` `[C]` the most that a question can cost. Questions are independent draws from one source, in an order that does not
    depend on what they hold.

    Raises UserError for shapes that differ, NaN, correctness outside [0, 1] or a cost outside [0, cap].
    """

    names: tuple[str, ...]
    correct: Floats
    cost: Floats
    cap: Floats

    def __post_init__(self) -> None:
        for name in ("correct", "cost", "cap"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        shape = (self.correct.shape[0], len(self.names))
        if self.correct.shape != shape or self.cost.shape != shape or self.cap.shape != shape[1:] or 0 in shape:
            raise UserError(
                f"Outcomes need correct and cost [questions, {len(self.names)}] and cap [{len(self.names)}]; the shapes are "
                f"{self.correct.shape}, {self.cost.shape} and {self.cap.shape}."
            )
        if not ((self.correct >= 0) & (self.correct <= 1)).all():
            raise UserError("Outcomes' `correct` must lie in [0, 1] and hold no NaN.")
        if not ((self.cost >= 0) & (self.cost <= self.cap * (1 + 1e-9))).all():
            raise UserError("Outcomes' `cost` must lie between 0 and its candidate's `cap` and hold no NaN.")

    def __len__(self) -> int:
        """How many candidates."""
        return len(self.names)

    @property
    def questions(self) -> int:
        """How many questions."""
        return int(self.correct.shape[0])

    def on(self, questions: ArrayLike) -> Outcomes:
        """The same candidates on these questions (indices or a mask)."""
        rows = np.asarray(questions)
        return replace(self, correct=self.correct[rows], cost=self.cost[rows])


class Goal(Protocol):
    """What is to be promised, in terms of bounded values: the mean of `values` is to be above `threshold`."""

    @property
    def kind(self) -> Kind:
        """Its name in a policy file."""

    @property
    def target(self) -> float:
        """The number that the user gave."""

    def values(self, outcomes: Outcomes) -> Floats:
        """`[Q, C]` in [0, 1]."""

    def thresholds(self, outcomes: Outcomes) -> Floats:
        """`[C]`: a candidate keeps the promise if the mean of its values is above this."""

    def worth(self, outcomes: Outcomes) -> Floats:
        """`[C]`, higher is better: which of the candidates that keep it one wants."""

    def achieved(self, mean: float, candidate: int, outcomes: Outcomes) -> float:
        """A mean of values in the goal's units: an accuracy, a mean cost in generations, a gain in generations a question."""

    def refused(self, name: str, estimate: float, bound: float, questions: int, level: float) -> str:
        """Why nothing is promised, and what could be: the beginning of a sentence."""


@dataclass(frozen=True)
class TargetAccuracy:
    """At least this share of answers is right; of those that keep it the cheapest is wanted.

    >>> TargetAccuracy(0.8).target
    0.8
    """

    target: float
    kind: Kind = "accuracy"

    def __post_init__(self) -> None:
        if not 0.0 < self.target < 1.0:
            raise UserError(f"A target accuracy lies between 0 and 1 (0.9 is 90%); it is {self.target:g}.")

    def values(self, outcomes: Outcomes) -> Floats:
        """Correctness."""
        return outcomes.correct

    def thresholds(self, outcomes: Outcomes) -> Floats:
        """The target."""
        return np.full(len(outcomes), self.target)

    def worth(self, outcomes: Outcomes) -> Floats:
        """Less the mean cost."""
        worth: Floats = -outcomes.cost.mean(axis=0)
        return worth

    def achieved(self, mean: float, candidate: int, outcomes: Outcomes) -> float:
        """The accuracy itself."""
        return mean

    def refused(self, name: str, estimate: float, bound: float, questions: int, level: float) -> str:
        """The accuracy that could be promised instead."""
        return (
            f"An accuracy of at least {self.target:g} cannot be promised at {level:.0%} from {questions} "
            f"questions: {name} came nearest "
            f"with {estimate:.3f}, and {bound:.3f} is what can be promised of it"
        )


@dataclass(frozen=True)
class MeanBudget:
    """At most this many generations a question on average; of those that keep it the most accurate is wanted.

    A candidate whose cap is within the budget keeps it by construction. Others are tested on 1 - cost / cap.
    """

    target: float
    kind: Kind = "mean_cost"

    def __post_init__(self) -> None:
        if not (0.0 < self.target < float("inf")):
            raise UserError(f"A budget is a number of generations above 0; it is {self.target:g}.")

    def values(self, outcomes: Outcomes) -> Floats:
        """The share of the cap that is left."""
        left: Floats = np.clip(1.0 - outcomes.cost / outcomes.cap, 0.0, 1.0)
        return left

    def thresholds(self, outcomes: Outcomes) -> Floats:
        """Below 0 where the cap is within the budget, so that such candidates need no test."""
        thresholds: Floats = 1.0 - self.target / outcomes.cap
        return np.where(outcomes.cap <= self.target * (1 + 1e-9), -1.0, thresholds)

    def worth(self, outcomes: Outcomes) -> Floats:
        """Accuracy."""
        worth: Floats = outcomes.correct.mean(axis=0)
        return worth

    def achieved(self, mean: float, candidate: int, outcomes: Outcomes) -> float:
        """The mean cost in generations."""
        return float((1.0 - mean) * outcomes.cap[candidate])

    def refused(self, name: str, estimate: float, bound: float, questions: int, level: float) -> str:
        """The mean cost that could be promised instead."""
        return (
            f"A mean cost of at most {self.target:g} generations cannot be promised at {level:.0%} from "
            f"{questions} questions: {name} "
            f"came nearest with {estimate:.2f}, and {bound:.2f} is what can be promised of it"
        )


@dataclass(frozen=True)
class PriceOfError:
    """A wrong answer costs `target` generations: the policy's loss, price x error rate + cost, is below that of `against`.

    `against` is the place of the candidate to compare with, chosen on learning questions (the best of the same-for-all family at
    that price); its own difference is nothing, so it is never promised. Of those that keep it the one with the largest gain is
    wanted.
    """

    target: float
    against: int
    kind: Kind = "price_of_error"

    def __post_init__(self) -> None:
        if not (0.0 < self.target < float("inf")):
            raise UserError(f"The price of an error is a number of generations above 0; it is {self.target:g}.")

    def loss(self, outcomes: Outcomes) -> Floats:
        """Price x error + cost of every question and candidate `[Q, C]`, in generations."""
        loss: Floats = self.target * (1.0 - outcomes.correct) + outcomes.cost
        return loss

    def values(self, outcomes: Outcomes) -> Floats:
        """The gain over `against`, from its smallest possible value (0) to its largest (1)."""
        loss = self.loss(outcomes)
        least, most = self._range(outcomes)
        return np.clip((loss[:, [self.against]] - loss - least) / (most - least), 0.0, 1.0)

    def thresholds(self, outcomes: Outcomes) -> Floats:
        """Where the gain is nothing."""
        least, most = self._range(outcomes)
        thresholds: Floats = -least / (most - least)
        thresholds[self.against] = 1.0
        return thresholds

    def worth(self, outcomes: Outcomes) -> Floats:
        """The mean gain."""
        mean = self.loss(outcomes).mean(axis=0)
        gain: Floats = mean[self.against] - mean
        return gain

    def achieved(self, mean: float, candidate: int, outcomes: Outcomes) -> float:
        """The gain over `against` in generations a question."""
        least, most = self._range(outcomes)
        return float(least[candidate] + mean * (most[candidate] - least[candidate]))

    def refused(self, name: str, estimate: float, bound: float, questions: int, level: float) -> str:
        """What the gain could be, which may be a loss."""
        return (
            f"Where an error costs {self.target:g} generations, nothing can be promised at {level:.0%} to be "
            f"worth more than the best "
            f"strategy that is the same for all, from {questions} questions: {name} came nearest with a gain of "
            f"{estimate:+.2f} generations a "
            f"question, and {bound:+.2f} is what can be promised of it"
        )

    def _range(self, outcomes: Outcomes) -> tuple[Floats, Floats]:
        """The smallest and the largest gain that one question can give, `[C]` each."""
        return -(self.target + outcomes.cap), np.full(len(outcomes), self.target + outcomes.cap[self.against])
