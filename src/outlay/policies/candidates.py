"""What a policy chooses from: strategies at budgets, with what each achieves and costs on every question.

A table, nothing more: how accuracy was estimated (exactly from a pool, or by running the strategy) is its maker's affair.
Costs are in generations (complete solutions' worth of sampling); other units can ride along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Floats
from outlay.errors import UserError

Where = str | Mapping[str, Any]
"""Which candidates: a strategy's name, or spec entries that must be equal."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """S candidates (a strategy at a budget each) on the same Q questions.

    Attributes:
        names: a name for each, for people.
        specs: the strategy as data, `{"name": "best_of_n", ...options}`; the budget is not part of it.
        budget: `[S]`, the most a question can cost under it, in generations.
        accuracy: `[Q, S]`, expected correctness of each question's answer, in [0, 1].
        cost: `[Q, S]`, what it really costs, in generations; at most `budget`.
        reuses_pilot: per candidate, whether samples drawn to estimate difficulty count towards its own (it draws plain
            samples from the same pool at the same temperature).
        models: per candidate, another model that answers; None for the table's own. Its cost is in the own model's generations.
        other_costs: the same costs in other units, `{"tokens": [Q, S], ...}`.
        task, model, verifier: where the figures come from; a policy fitted to them refuses others.

    Raises:
        UserError: shapes that differ, NaN, accuracies outside [0, 1], or a cost above its budget.
    """

    names: tuple[str, ...]
    specs: tuple[Mapping[str, Any], ...]
    budget: Floats
    accuracy: Floats
    cost: Floats
    reuses_pilot: tuple[bool, ...] = ()
    models: tuple[str | None, ...] = ()
    other_costs: Mapping[str, Floats] = field(default_factory=dict)
    task: str = ""
    model: str = ""
    verifier: str | None = None

    def __post_init__(self) -> None:
        for name in ("budget", "accuracy", "cost"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        object.__setattr__(
            self, "other_costs", {unit: np.asarray(c, dtype=np.float64) for unit, c in self.other_costs.items()}
        )
        if not self.reuses_pilot:
            object.__setattr__(self, "reuses_pilot", (False,) * len(self.names))
        if not self.models:
            object.__setattr__(self, "models", (None,) * len(self.names))
        self._check()

    def _check(self) -> None:
        total = len(self.names)
        per_candidate = {
            "specs": len(self.specs),
            "budget": self.budget.size,
            "reuses_pilot": len(self.reuses_pilot),
            "models": len(self.models),
        }
        for name, size in per_candidate.items():
            if size != total or total == 0:
                raise UserError(
                    f"Candidates have {total} names but {size} {name}: one of each is needed for every candidate."
                )
        for name, array in {"accuracy": self.accuracy, "cost": self.cost, **self.other_costs}.items():
            if array.shape != (self.accuracy.shape[0], total) or array.shape[0] == 0:
                raise UserError(f"Candidates' `{name}` must be [questions, {total}]; its shape is {array.shape}.")
            if np.isnan(array).any():
                raise UserError(
                    f"Candidates' `{name}` holds NaN; leave out candidates that some questions have no value for."
                )
        if (self.accuracy < 0).any() or (self.accuracy > 1).any():
            raise UserError("Candidates' `accuracy` must lie in [0, 1].")
        over = self.cost > self.budget * (1 + 1e-9)
        if over.any():
            question, candidate = np.argwhere(over)[0]
            raise UserError(
                f"Candidate {self.names[candidate]!r} costs {self.cost[question, candidate]:g} generations on question "
                f"{question}, more than its budget of {self.budget[candidate]:g}; a budget is a hard cap."
            )

    def __len__(self) -> int:
        """How many candidates."""
        return len(self.names)

    @property
    def questions(self) -> int:
        """How many questions."""
        return int(self.accuracy.shape[0])

    def budgets(self) -> Floats:
        """The distinct budgets, rising."""
        return np.unique(self.budget)

    def matching(self, where: Where) -> list[int]:
        """Indices of the candidates whose spec has this name, or all of these entries."""
        wanted = {"name": where} if isinstance(where, str) else dict(where)
        return [i for i, spec in enumerate(self.specs) if all(spec.get(key) == value for key, value in wanted.items())]

    def only(self, chosen: Sequence[int]) -> Candidates:
        """These candidates alone."""
        index = list(chosen)
        return replace(
            self,
            names=tuple(self.names[i] for i in index),
            specs=tuple(self.specs[i] for i in index),
            budget=self.budget[index],
            accuracy=self.accuracy[:, index],
            cost=self.cost[:, index],
            reuses_pilot=tuple(self.reuses_pilot[i] for i in index),
            models=tuple(self.models[i] for i in index),
            other_costs={unit: costs[:, index] for unit, costs in self.other_costs.items()},
        )

    def on(self, questions: ArrayLike) -> Candidates:
        """The same candidates on these questions (indices or a mask)."""
        rows = np.asarray(questions)
        return replace(
            self,
            accuracy=self.accuracy[rows],
            cost=self.cost[rows],
            other_costs={unit: costs[rows] for unit, costs in self.other_costs.items()},
        )
