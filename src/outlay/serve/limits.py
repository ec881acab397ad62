"""What a request may spend: what it asks for, within what the server allows anybody."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlay.policies import Policy
from outlay.serve.budgets import default_cap, largest_cap, steps
from outlay.serve.outcome import Asked
from outlay.serve.refusals import Refusal
from outlay.serve.requests import Generating, Spending
from outlay.serve.samples import state_of
from outlay.serve.settings import Settings
from outlay.types import Budget


@dataclass(frozen=True)
class Limits:
    """The budget of a request that asks for none, the largest of any, and the server's hard caps.

    Raises UserError (`of`) where the default is below the policy's least budget.
    """

    settings: Settings
    default_budget: float
    largest_budget: float

    @classmethod
    def of(cls, settings: Settings, policy: Policy) -> Limits:
        """The limits of a server with these settings."""
        most = settings.most_generations
        default = default_cap(policy) if settings.budget is None else settings.budget
        if most is not None:
            default = min(default, float(most))
        any_question = state_of(policy, default, (), 0.0, difficulty=0.5)
        steps(policy, default)[0].policy.decide(any_question)  # a budget below the least is told of now
        return cls(settings, default, max(largest_cap(policy), default) if most is None else float(most))

    def check(self, request: Generating) -> None:
        """Refuse what this server never spends, or cannot count."""
        wanted = request.outlay or Spending()
        if wanted.max_cost_usd is not None and not self.settings.knows_prices:
            raise Refusal(
                400,
                "max_cost_usd needs prices, which this server was not given (--usd-prompt, --usd-generated)",
                param="outlay.max_cost_usd",
            )
        generations = wanted.budget.generations if wanted.budget else None
        if generations is not None and generations > self.largest_budget:
            raise Refusal(
                400,
                f"{generations} generations are more than this server spends on a request: at most {self.largest_budget:g}",
                code="budget_too_large",
                param="outlay.budget.generations",
            )

    def asked(
        self, request: Generating, request_id: str, text: str, before: Sequence[Mapping[str, Any]], number: int, of: int
    ) -> Asked:
        """Question `number` `of` so many that one request asks and that share its caps."""
        wanted = request.outlay or Spending()
        budget = wanted.budget
        tokens = smallest(budget.tokens if budget else None, self.settings.most_tokens)
        usd = smallest(wanted.max_cost_usd, self.settings.most_usd)
        flops = budget.flops if budget else None
        generations = budget.generations if budget and budget.generations else self.default_budget
        return Asked(
            text,
            budget=float(generations),
            caps=Budget(
                None,
                None if tokens is None else int(tokens) // of,
                None if flops is None else flops / of,
                None if usd is None else usd / of,
            ),
            target_confidence=wanted.target_confidence,
            deadline_seconds=smallest(wanted.deadline_seconds, self.settings.deadline_seconds),
            max_tokens=request.longest,
            before=before,
            id=f"{request_id}-{number}" if of > 1 else request_id,
            seed=secrets.randbelow(2**31) if request.seed is None else (request.seed + number) % 2**31,
        )


def smallest(*values: float | None) -> float | None:
    """The smallest of those that are given; None where none is.

    >>> smallest(None, 3.0, 2.0), smallest(None)
    (2.0, None)
    """
    given = [value for value in values if value is not None]
    return min(given) if given else None
