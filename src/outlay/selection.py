"""How one answer is chosen from scored solutions (the paper's inter-answer aggregation, section 5.1 and appendix E).

Solutions are grouped by their `answer`, which the driver has already made canonical: equivalent answers are equal
strings. A solution without an answer never wins unless there is nothing else. Ties are broken by `tie`, a number in
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


def aggregate(step_scores: Sequence[float], how: str = "last") -> float:
    """One score for a solution from its step scores; an attempt without any step scores 0.

    >>> aggregate((0.9, 0.5, 0.8), "min")
    0.5
    """
    if how not in AGGREGATIONS:
        raise UserError(f'there is no step aggregation "{how}": use one of {", ".join(AGGREGATIONS)}')
    return float(AGGREGATIONS[how](step_scores)) if step_scores else 0.0


def majority(solutions: Sequence[Solution], tie: float = 0.0) -> Choice:
    """The most frequent answer; scores play no part."""
    return weighted([replace(s, score=1.0) for s in solutions], tie, originals=solutions)


def weighted(solutions: Sequence[Solution], tie: float = 0.0, *, originals: Sequence[Solution] | None = None) -> Choice:
    """The answer with the highest sum of scores; the solution shown for it is its highest-scoring one.

    Raises `UserError` for a score outside [0, 1]: sums of anything else mean nothing.
    """
    shown = originals if originals is not None else solutions
    mass: dict[str, float] = {}
    carrier: dict[str, int] = {}
    for index, solution in enumerate(solutions):
        if solution.answer is None:
            continue
        score = _score(solution)
        if not 0.0 <= score <= 1.0:
            raise UserError(f"a weighted vote needs scores in [0, 1], got {score:g}: map them first, or use best_of_n")
        mass[solution.answer] = mass.get(solution.answer, 0.0) + score
        best = carrier.get(solution.answer)
        if best is None or score > _score(solutions[best]):
            carrier[solution.answer] = index
    if not mass:
        return _nothing(shown)
    top = max(mass.values())
    winner = _pick([answer for answer in mass if mass[answer] == top], tie)
    return Choice(winner, shown[carrier[winner]], tuple(shown))


def best_of_n(solutions: Sequence[Solution], tie: float = 0.0) -> Choice:
    """The answer of the single highest-scoring solution."""
    answered = [solution for solution in solutions if solution.answer is not None]
    if not answered:
        return _nothing(solutions)
    top = max(_score(solution) for solution in answered)
    winner = _pick([solution for solution in answered if _score(solution) == top], tie)
    return Choice(winner.answer, winner, tuple(solutions))


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
    if solution.score is None:
        raise UserError("this selection needs a verifier's scores: name a verifier, or choose by majority")
    return solution.score


def _pick(tied: Sequence[T], tie: float) -> T:
    return tied[min(int(tie * len(tied)), len(tied) - 1)]


def _nothing(solutions: Sequence[Solution]) -> Choice:
    return Choice(None, None, tuple(solutions))
