"""What is asked of a `Spender`, and what it answers with."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from outlay.types import Budget, Cost, Question, Solution, Trace

Reason = Literal["plan", "policy", "confident", "deadline", "budget", "passed"]
"""Why no more was spent: the plan is carried out; the policy looked and stopped; the target confidence is reached; the deadline
struck; a cap of the request is reached; one sample was passed through."""


def new_id() -> str:
    """A request's identifier: unique, and nothing else."""
    return f"req-{secrets.token_hex(12)}"


@dataclass(frozen=True)
class Asked:
    """One question as a caller asks it.

    `budget` is in generations, `caps` are further hard caps; `before` are the messages of the conversation before the question;
    `max_tokens` bounds each solution.
    """

    text: str
    budget: float
    id: str = field(default_factory=new_id)
    seed: int = field(default_factory=lambda: secrets.randbelow(2**31))
    caps: Budget = field(default_factory=lambda: Budget())
    target_confidence: float | None = None
    deadline_seconds: float | None = None
    max_tokens: int | None = None
    before: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Answered:
    """One answer, the candidates it was chosen from, and everything that it cost.

    `looked_at` are the plain samples that the policy saw; `shown_before` so many of them are no candidates: a pilot's, where a
    search went on without them. `counts` is what it counts for in the policy's own generations, another model's answer at its
    price; the generations themselves where None.
    """

    asked: Asked
    answer: str | None
    solution: Solution | None
    candidates: tuple[Solution, ...]
    chosen: int | None
    strategy: Mapping[str, Any]
    model: str
    verifier: str | None
    cost: Cost
    bin: int | None
    confidence: float | None
    stopped_by: Reason
    stopped_because: str
    note: str = ""
    shown_before: int = 0
    looked_at: tuple[Solution, ...] = ()
    counts: float | None = None

    @property
    def generations(self) -> float:
        """Complete solutions' worth of sampling that it took."""
        return self.cost.generations

    def trace(self, task: str) -> Trace:
        """What it leaves behind in a store."""
        return Trace(
            question=Question(self.asked.id, self.asked.text, None, task, {"served": True}),
            strategy=self.strategy,
            budget=Budget(int(self.asked.budget), self.asked.caps.tokens, self.asked.caps.flops, self.asked.caps.usd),
            seed=self.asked.seed,
            model=self.model,
            verifier=self.verifier,
            answer=self.answer,
            solutions=self.candidates,
            cost=self.cost,
            chosen=self.chosen,
            note=self.note or self.stopped_because,
        )
