"""REBASE, reward balanced search (Wu et al., "Inference scaling laws", arXiv 2408.00724, section 3.2).

Like beam search, but no candidate is simply kept or dropped: after each step the places are dealt out among the open candidates
in proportion to the softmax of their values, so that a candidate twice as promising is followed up more often and a poor one may
still get a place. The paper rounds each share by itself, so that the sum drifts from the budget; here the shares are apportioned
by largest remainders and sum to it exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from outlay.errors import UserError
from outlay.strategies.step_search import chosen, search
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations
from outlay.types import Budget, Question, Sample, Solution


@dataclass(frozen=True)
class Rebase(Spec):
    """Next steps in proportion to exp(value / `temperature`), N in all at every depth, finished candidates keeping their place.

    `temperature` is the *balance* temperature of the paper (0.1 there): towards 0 all places go to the best candidate, at
    infinity to all alike. Tokens are drawn at `sampling_temperature`.

    >>> Rebase(temperature=0.2).spec()
    {'name': 'rebase', 'temperature': 0.2}
    """

    name: ClassVar[str] = "rebase"
    needs_verifier: ClassVar[bool] = True
    temperature: float = 0.1
    sampling_temperature: float = 1.0
    top_p: float = 1.0
    aggregation: str = "last"
    selection: str = "weighted"
    max_rounds: int = 40
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse what is no temperature."""
        super().__post_init__()
        if not self.temperature > 0:
            raise UserError(f"rebase: a balance temperature is above 0, not {self.temperature:g}")
        if not self.sampling_temperature >= 0:
            raise UserError(f"rebase: a sampling temperature is at least 0, not {self.sampling_temperature:g}")

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Rounds of steps, the places balanced by value in between, then the selection rule."""
        step = Sample(
            self.asked(question),
            n=generations(budget),
            until="step",
            temperature=self.sampling_temperature,
            top_p=self.top_p,
        )

        def balance(candidates: Sequence[Solution]) -> list[tuple[Solution, int]]:
            weights = softmax([c.score for c in candidates], self.temperature)
            return list(zip(candidates, apportioned(len(candidates), weights), strict=True))

        candidates = yield from search(
            step, question, balance, aggregation=self.aggregation, max_rounds=self.max_rounds
        )
        return (yield from chosen(self.selection, candidates))


def softmax(values: Sequence[float | None], temperature: float = 1.0) -> list[float]:
    """Weights that sum to 1, in proportion to exp(value / temperature); a missing value weighs nothing, unless all are missing.

    >>> softmax([0.5, None, 0.5])
    [0.5, 0.0, 0.5]
    """
    known = [value for value in values if value is not None]
    if not known:
        return [1.0 / len(values)] * len(values)
    top = max(known)
    raised = [0.0 if value is None else math.exp((value - top) / temperature) for value in values]
    return [one / math.fsum(raised) for one in raised]


def apportioned(places: int, weights: Sequence[float]) -> list[int]:
    """`places` in proportion to `weights` (which sum to 1): whole parts first, the rest by largest remainders, ties to the first.

    >>> apportioned(5, [0.5, 0.3, 0.2])
    [3, 1, 1]
    """
    quotas = [places * weight for weight in weights]
    given = [math.floor(quota) for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda i: given[i] - quotas[i])
    for index in by_remainder[: places - sum(given)]:
        given[index] += 1
    return given
