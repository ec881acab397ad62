"""The proposer's own confidence: the geometric mean of its tokens' probabilities, exp(mean log-probability).

It costs nothing, since sampling told the log-probabilities; length-normalised, because a sum favours short solutions. In (0, 1],
but no P(right): calibrate it (`rescaled`) before weighted votes are read as probabilities.
"""

from __future__ import annotations

import math

from outlay.types import Question, Solution, StepScores
from outlay.verifiers.immediate import NOTHING, Immediate


def confidence(question: Question, solution: Solution) -> StepScores:
    """After each step, exp of the mean log-probability of all tokens so far; `()` where the model told none.

    >>> from outlay.types import Step
    >>> confidence(Question("q", "q"), Solution((Step("a", 2, -2.0), Step("b", 2, 0.0))))
    (0.36787944117144233, 0.6065306597126334)
    """
    values, total, tokens = [], 0.0, 0
    for step in solution.steps:
        if step.logprob is None:
            return ()
        total, tokens = total + step.logprob, tokens + step.tokens
        values.append(min(math.exp(total / max(tokens, 1)), 1.0))
    return tuple(values)


class LogProbability(Immediate):
    """`confidence` as a verifier."""

    def __init__(self) -> None:
        super().__init__("logprob", confidence, reads=NOTHING)
