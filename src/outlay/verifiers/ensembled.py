"""Several verifiers as one: the mean of their scores.

After each step the mean over the members that have a score there; one that scores the whole solution alone has the same opinion of
every step. A solution that none of them scores has no score. Each member reads, and each reading is charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outlay.errors import UserError
from outlay.types import Question, Solution, StepScores
from outlay.verifiers.wrapping import wrapped


def mean_scores(question: Question, solution: Solution, given: Sequence[StepScores]) -> StepScores:
    """The mean of score lists, those that are missing left out.

    >>> mean_scores(Question("q", "q"), Solution(), [(0.2, 0.4), (0.8,), ()])
    (0.5, 0.6000000000000001)
    """
    there = [scores for scores in given if scores]
    length = max((len(scores) for scores in there), default=0)
    columns = [scores if len(scores) == length else scores * length for scores in there]
    return tuple(sum(values) / len(values) for values in zip(*columns, strict=True))


def ensembled(verifiers: Sequence[Any]) -> Any:
    """The mean of these verifiers.

    Raises UserError for fewer than two.
    """
    if len(verifiers) < 2:
        raise UserError(
            "an ensemble has at least two members: write ensemble:A+B, one address on each side of the plus"
        )
    names = [f"({v.name})" if "+" in v.name or v.name.startswith("ensemble:") else v.name for v in verifiers]
    return wrapped(f"ensemble:{'+'.join(names)}", verifiers, mean_scores)
