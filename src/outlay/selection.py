"""How one answer is chosen from scored solutions (the paper's inter-answer aggregation, section 5.1 and appendix E).

Solutions are grouped by their `answer`, which the driver has already made canonical: equivalent answers are equal
strings. A solution without an answer never wins unless there is nothing else, and one without a score (a rating that could
not be read) takes no part in a choice by scores: it is missing, not zero. Ties are broken by `tie`, a number in
[0, 1) that the caller draws from the run's seed, so that neither arrival order nor text decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from outlay.errors import UserError
from outlay.types import Choice, Solution

T = TypeVar("T")

Aggregation = Literal["last", "min", "prod", "mean"]

AGGREGATIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "last": lambda scores: scores[-1],
    "min": min,
    "prod": math.prod,
    "mean": lambda scores: sum(scores) / len(scores),
}


def aggregate(step_scores: Sequence[float], how: str = "last") -> float | None:
    """One score for a solution from its step scores; None where there are none (a rating that could not be read).

    >>> aggregate((0.9, 0.5, 0.8), "min")
    0.5
    """
    if how not in AGGREGATIONS:
        raise UserError(f'there is no step aggregation "{how}": use one of {", ".join(AGGREGATIONS)}')
    return float(AGGREGATIONS[how](step_scores)) if step_scores else None


def majority(solutions: Sequence[Solution], tie: float = 0.0) -> Choice:
    """The most frequent answer; scores play no part, and the first solution with it is the one that is shown."""
    answered = [solution for solution in solutions if solution.answer is not None]
    if not answered:
        return Choice(None, None, tuple(solutions))
    winner = _voted([(str(solution.answer), 1.0) for solution in answered], tie)
    return Choice(winner, next(s for s in answered if s.answer == winner), tuple(solutions))


def weighted(solutions: Sequence[Solution], tie: float = 0.0) -> Choice:
    """The answer with the highest sum of scores; the solution shown for it is its highest-scoring one.

    Raises `UserError` for a score outside [0, 1]: sums of anything else mean nothing.
    """
    rated = [solution for solution in solutions if solution.answer is not None and solution.score is not None]
    if not rated:
        return _unrated(solutions, tie)
    for solution in rated:
        if not 0.0 <= _score(solution) <= 1.0:
            raise UserError(
                f"a weighted vote needs scores in [0, 1], got {solution.score:g}: map them first, or use best_of_n"
            )
    winner = _voted([(str(solution.answer), _score(solution)) for solution in rated], tie)
    carrier = max((solution for solution in rated if solution.answer == winner), key=_score)
    return Choice(winner, carrier, tuple(solutions))


def best_of_n(solutions: Sequence[Solution], tie: float = 0.0) -> Choice:
    """The answer of the single highest-scoring solution."""
    rated = [solution for solution in solutions if solution.answer is not None and solution.score is not None]
    if not rated:
        return _unrated(solutions, tie)
    top = max(_score(solution) for solution in rated)
    winner = _pick([solution for solution in rated if _score(solution) == top], tie)
    return Choice(winner.answer, winner, tuple(solutions))


def newest(solutions: Sequence[Solution]) -> Choice:
    """The answer of the last solution that has one: how a row of attempts is read where nothing chooses among them."""
    answered = [solution for solution in solutions if solution.answer is not None]
    if not answered:
        return Choice(None, None, tuple(solutions))
    return Choice(answered[-1].answer, answered[-1], tuple(solutions))


def oracle(solutions: Sequence[Solution], is_right: Callable[[str], bool], tie: float = 0.0) -> Choice:
    """A right answer if any solution has one (coverage, pass@N); looks at the reference, hence its name."""
    right = [solution for solution in solutions if solution.answer is not None and is_right(solution.answer)]
    if not right:
        return majority(solutions, tie)
    winner = _pick(right, tie)
    return Choice(winner.answer, winner, tuple(solutions))


RULES: Mapping[str, Callable[..., Choice]] = {"majority": majority, "weighted": weighted, "best_of_n": best_of_n}


def choose(rule: str, solutions: Sequence[Solution], tie: float = 0.0) -> Choice:
    """Apply the selection rule of that name: `majority`, `weighted` or `best_of_n`."""
    if rule not in RULES:
        raise UserError(f'there is no selection rule "{rule}": use one of {", ".join(RULES)}')
    return RULES[rule](solutions, tie)


def _score(solution: Solution) -> float:
    assert solution.score is not None
    return solution.score


def _voted(votes: Sequence[tuple[str, float]], tie: float) -> str:
    mass: dict[str, float] = {}
    for answer, weight in votes:
        mass[answer] = mass.get(answer, 0.0) + weight
    top = max(mass.values())
    return _pick([answer for answer in mass if mass[answer] == top], tie)


def _pick(tied: Sequence[T], tie: float) -> T:
    return tied[min(int(tie * len(tied)), len(tied) - 1)]


def _unrated(solutions: Sequence[Solution], tie: float) -> Choice:
    """No answer has a score: they are counted instead, and the choice says so."""
    choice = majority(solutions, tie)
    return (
        choice
        if choice.answer is None
        else replace(choice, note="no solution has a verifier's score: majority instead")
    )
