"""What a policy is asked and what it answers: the state of a question, and to spend or to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Purpose = Literal["pilot", "sample", "answer"]


@dataclass(frozen=True)
class State:
    """What is known about a question so far.

    Attributes:
        budget: the most that may be spent on it, in generations.
        difficulty: an estimate of its difficulty (higher = easier) of the kind that the policy was fitted with, or None.
        scores: a verifier's final scores of all the samples drawn so far, in the order they were *asked for*; minus infinity
            for a sample with no parsable answer, NaN for one that has no score. Empty where there is no verifier.
        spent: generations spent so far, the pilot's included.
        answers: the same samples' answers, equal texts for equal answers, None for a sample without one.
        models: the same samples' models; empty where all are the policy's own.
        lot: a uniform number in [0, 1) of this question's own, for policies that part a bin by lot.
        question: its text, for policies that read difficulty from its words.
    """

    budget: float
    difficulty: float | None = None
    scores: tuple[float, ...] = ()
    spent: float = 0.0
    answers: tuple[str | None, ...] = ()
    models: tuple[str, ...] = ()
    lot: float = 0.5
    question: str = ""

    @property
    def samples(self) -> int:
        """How many samples have been drawn."""
        return max(len(self.scores), len(self.answers))

    @property
    def left(self) -> int:
        """Whole generations that may still be spent; a great many where the budget is infinite."""
        return math.floor(min(self.budget - self.spent + 1e-9, 1e12))


@dataclass(frozen=True)
class Spend:
    """Run `strategy` with `generations` more generations of `model`.

    `purpose` is "pilot" or "sample" where that many plain samples are to be drawn, scored and shown to the policy again, and
    "answer" where what the strategy chooses is the answer. `bin` is the question's difficulty bin, where there are bins. `cost` is
    what another model's answer counts for in generations of the policy's own model, where that is not `generations`.
    """

    model: str
    strategy: dict[str, Any]
    generations: int
    purpose: Purpose = "answer"
    bin: int | None = None
    cost: float | None = None

    @property
    def counts(self) -> float:
        """What it counts for, in generations of the policy's own model."""
        return float(self.generations) if self.cost is None else self.cost


@dataclass(frozen=True)
class Stop:
    """Nothing more is to be spent; answer with what there is.

    `place` is the sample that carries the answer, by its position in the state, and `confidence` the policy's own estimate that it
    is right; None where the strategy that was run has chosen already. Where `strategy` is given, its rule chooses among the `first`
    so many samples of the state: what was measured, and no more.
    """

    reason: str
    bin: int | None = None
    place: int | None = None
    confidence: float | None = None
    strategy: dict[str, Any] | None = None
    first: int | None = None
