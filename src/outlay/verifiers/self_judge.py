"""A model asked whether a solution is right, Yes or No: the score is the probability that it gives to Yes.

P(True) of Kadavath et al., arXiv 2207.05221. One token is asked for, greedily, with its log-probability. Where the model tells
the alternatives of that token, P(Yes) / (P(Yes) + P(No)) is the score; where it tells the token alone, the token's probability
stands for its word and the rest for the other one. A token that is neither, and a model without log-probabilities, give no score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from outlay.models.model import Completion
from outlay.verifiers.asking import Asking

PROMPT = """Question:
{question}

Proposed answer:
{solution}

Is the proposed answer right? Answer with one word, Yes or No.
"""

ALTERNATIVES = 20
"""Tokens that a model is asked to tell beside the one it writes: Yes and No should be among them."""

YES, NO = ("yes", "true"), ("no", "false")


def probability_of_yes(completion: Completion) -> float | None:
    """P(Yes) in [0, 1] from a completion's first token; None where it says neither, or has no log-probability.

    >>> probability_of_yes(Completion("No", "length", 9, 0, 1, (math.log(0.75),)))
    0.25
    >>> probability_of_yes(Completion("Perhaps", "length", 9, 0, 1, (-0.1,))) is None
    True
    """
    if completion.top_logprobs:
        return _normalised(completion.top_logprobs[0])
    said = _word(completion.text)
    if said is None or not completion.logprobs:
        return None
    probability = min(math.exp(completion.logprobs[0]), 1.0)
    return probability if said else 1.0 - probability


def _normalised(alternatives: Mapping[str, float]) -> float | None:
    mass = {True: 0.0, False: 0.0}
    for token, logprob in alternatives.items():
        said = _word(token)
        if said is not None:
            mass[said] += math.exp(logprob)
    total = mass[True] + mass[False]
    return mass[True] / total if total > 0 else None


def _word(text: str) -> bool | None:
    """Whether a text begins with Yes or with No."""
    words = text.strip().lower().split()
    word = words[0].strip(".,:;!*\"'") if words else ""
    return True if word in YES else False if word in NO else None


class SelfJudge(Asking):
    """`probability_of_yes` of what `model` writes about a solution, as a score."""

    def __init__(self, model: Any, prompt: str = PROMPT) -> None:
        asked = model.with_alternatives(ALTERNATIVES) if hasattr(model, "with_alternatives") else model
        super().__init__(f"self-judge:{getattr(model, 'name', model)}", asked, prompt, 1, probability_of_yes)
