"""Plain samples: what a policy sees of them, which may stand beside each other, and how one of them is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from outlay.policies import Policy, State
from outlay.selection import aggregate, choose
from outlay.strategies import Strategy, from_spec
from outlay.types import Choice, Solution

RULES = {"best_of_n": "best_of_n", "weighted_best_of_n": "weighted", "majority": "majority"}
"""How the strategies that are plain sampling choose: by these rules over all samples, those of a pilot among them."""


def state_of(
    policy: Policy,
    budget: float,
    samples: Sequence[Solution],
    spent: float,
    lot: float = 0.5,
    difficulty: float | None = None,
    question: str = "",
) -> State:
    """What a policy looks at: the answers of these samples in the order of asking, and their scores where it has a verifier."""
    scores = () if policy.verifier is None else tuple(_score(one) for one in samples)
    return State(budget, difficulty, scores, spent, tuple(one.answer for one in samples), lot=lot, question=question)


def _score(solution: Solution) -> float:
    """A sample's score as a policy reads it: minus infinity without an answer, NaN where there is no score."""
    if solution.answer is None:
        return -math.inf
    return math.nan if solution.score is None else solution.score


def plain_sampling(spec: Mapping[str, Any], *, scored: bool) -> Strategy:
    """The same sampling as the strategy's, and nothing else: temperature, top-p and prompt; `scored` by the verifier or not.

    >>> plain_sampling({"name": "weighted_best_of_n", "temperature": 0.7}, scored=False).spec()
    {'name': 'majority', 'temperature': 0.7}
    """
    strategy = from_spec(spec)
    names = ("temperature", "top_p", "prompt", *(("aggregation",) if scored else ()))
    options = {name: getattr(strategy, name) for name in names if hasattr(strategy, name)}
    if strategy.name == "greedy":
        options["temperature"] = 0.0
    return from_spec({"name": "best_of_n" if scored else "majority", **options})


def alike(strategy: Strategy, earlier: Strategy | None) -> bool:
    """Whether samples of the one are as good as samples of the other: then those drawn so far stay candidates."""
    options = ("temperature", "top_p", "prompt")
    return earlier is None or all(getattr(strategy, one, None) == getattr(earlier, one, None) for one in options)


def chosen_among(strategy: Strategy, samples: Sequence[Solution], tie: float) -> Choice:
    """What a plain-sampling strategy chooses from samples that are there."""
    how = getattr(strategy, "aggregation", None)
    if how is not None:
        samples = [
            one.scored(one.step_scores, aggregate(one.step_scores, how)) if one.step_scores else one for one in samples
        ]
    return choose(RULES.get(strategy.name, "weighted" if strategy.needs_verifier else "majority"), samples, tie)
