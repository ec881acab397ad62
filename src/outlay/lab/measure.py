"""The lab's own figures: what a policy gets right, and whether a verifier verifies.

A policy's arrays hold questions by samples, [Q, n]; a verifier's are flat, with each solution's question beside it. A verifier is judged *within* questions: an overall area under the curve rises
already when scores tell easy questions from hard ones, which chooses between no two solutions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


def area_under_curve(scores: Floats, correct: Bools) -> float:
    """P(a right solution's score > a wrong one's), ties counting half; nan without both kinds. Shapes [n].

    >>> area_under_curve(np.array([0.1, 0.9, 0.9]), np.array([False, True, False]))
    0.75
    """
    right, wrong = int(correct.sum()), int((~correct).sum())
    if not right or not wrong:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts + (counts - 1) / 2)[inverse]
    return float((ranks[correct].sum() - right * (right - 1) / 2) / (right * wrong))


def within_question_areas(scores: Floats, correct: Bools, question: Integers) -> Floats:
    """Each question's own area under the curve, nan where its solutions are all right or all wrong.

    Shapes [n], `question` numbering the question of each solution; -> [Q], in the order of those numbers.
    """
    return np.array([area_under_curve(scores[rows], correct[rows]) for rows in _rows_by_question(question)])


def mean_of_defined(values: Floats) -> float:
    """The mean without nan; nan where nothing is left."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def quintiles(rates: Floats) -> Integers:
    """Each question's fifth by `rates`, 0 = lowest; sizes differ by at most one. [Q] -> [Q]."""
    fifths = np.empty(len(rates), dtype=np.int64)
    for fifth, members in enumerate(np.array_split(np.argsort(rates, kind="stable"), 5)):
        fifths[members] = fifth
    return fifths


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """How often a policy is right: overall, by difficulty quintile (hardest first), in any of n, greedily."""

    pass_at_1: float
    quintile_pass_at_1: tuple[float, ...]
    any_of_n: float
    greedy: float
    questions: int
    samples: int


def policy_figures(correct: Bools, greedy: Bools) -> PolicyFigures:
    """Figures from samples [Q, n] and greedy attempts [Q]; one half of the samples makes the quintiles, the other measures."""
    fifths = quintiles(correct[:, ::2].mean(1))
    rates = correct[:, 1::2].mean(1)
    return PolicyFigures(
        pass_at_1=round(float(correct.mean()), 4),
        quintile_pass_at_1=tuple(round(float(rates[fifths == fifth].mean()), 4) for fifth in range(5)),
        any_of_n=round(float(correct.any(1).mean()), 4),
        greedy=round(float(greedy.mean()), 4),
        questions=correct.shape[0],
        samples=correct.shape[1],
    )


@dataclass(frozen=True, slots=True)
class VerifierFigures:
    """How well scores tell right from wrong: overall, within questions, and within the questions of each quintile."""

    auc: float
    auc_within_question: float
    quintile_auc_within_question: tuple[float, ...]
    questions: int
    solutions: int


def verifier_figures(scores: Floats, correct: Bools, question: Integers) -> VerifierFigures:
    """Figures of last-step scores [n]; quintiles are those of the questions' shares of right solutions, hardest first."""
    by_question = _rows_by_question(question)
    fifths = quintiles(np.array([correct[rows].mean() for rows in by_question]))
    areas = within_question_areas(scores, correct, question)
    return VerifierFigures(
        auc=round(area_under_curve(scores, correct), 4),
        auc_within_question=round(mean_of_defined(areas), 4),
        quintile_auc_within_question=tuple(round(mean_of_defined(areas[fifths == fifth]), 4) for fifth in range(5)),
        questions=len(by_question),
        solutions=len(scores),
    )


def _rows_by_question(question: Integers) -> list[Integers]:
    order = np.argsort(question, kind="stable")
    _, starts = np.unique(question[order], return_index=True)
    return np.split(order, starts[1:])
