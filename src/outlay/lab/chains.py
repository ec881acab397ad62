"""The lab's figures of revising: is a later attempt better, what turns right or wrong, how to split N between chains.

Arrays hold attempts [Q, C, P]: questions, chains of each, positions in a chain; attempt p + 1 had attempt p in view. Everything is
a mean over questions with a bootstrap over questions, and what is compared is paired by question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from outlay.curves import majority_at_k, paired_difference
from outlay.curves.intervals import resampled_means
from outlay.lab.measure import QUINTILES, Bools, Figure, Floats, Integers, figure, quintiles

RESAMPLES = 2000
TAIL = 0.025


@dataclass(frozen=True, slots=True)
class ChainFigures:
    """What revising does along a chain.

    `position_accuracy[p]` is the share right at position p, `gain_over_previous[p]` position p + 1 less position p, paired by
    question; `quintile_position_accuracy` holds a row a fifth of the questions, hardest first. `right_to_wrong` is the share of
    right attempts whose successor is wrong, `wrong_to_right` the share of wrong ones whose successor is right, `repeated` the
    share of attempts that say what the one before said.
    """

    position_accuracy: tuple[Figure, ...]
    gain_over_previous: tuple[Figure, ...]
    quintile_position_accuracy: tuple[tuple[float, ...], ...]
    right_to_wrong: Figure
    wrong_to_right: Figure
    repeated: Figure
    questions: int
    chains: int


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where a curve over numbers of chains is highest: there, the 95% range over resamples, and each number's share of them."""

    chains: int
    low: int
    high: int
    share: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RatioFigures:
    """N attempts as `chains` x N / chains, chosen from in one way: accuracy of each split, by quintile, and where it is best."""

    accuracy: tuple[Figure, ...]
    quintile_accuracy: tuple[tuple[float, ...], ...]
    best: Optimum


def chain_figures(correct: Bools, answers: Integers, difficulty: Floats) -> ChainFigures:
    """Figures of chains [Q, C, P]; `difficulty` [Q] is the share right of *other* attempts, which makes the quintiles."""
    by_position = correct.mean(axis=1)
    before, after = correct[:, :, :-1], correct[:, :, 1:]
    same = answers[:, :, 1:] == answers[:, :, :-1]
    return ChainFigures(
        position_accuracy=tuple(figure(column) for column in by_position.T),
        gain_over_previous=tuple(
            paired(by_position[:, position + 1], by_position[:, position])
            for position in range(by_position.shape[1] - 1)
        ),
        quintile_position_accuracy=by_quintile(by_position, difficulty),
        right_to_wrong=share(before & ~after, before),
        wrong_to_right=share(~before & after, ~before),
        repeated=share(same, np.ones_like(same)),
        questions=correct.shape[0],
        chains=correct.shape[1],
    )


def ratio_figures(by_split: Floats, chains: Sequence[int], difficulty: Floats) -> RatioFigures:
    """Figures of accuracies [Q, K], a column for each number of chains."""
    return RatioFigures(
        accuracy=tuple(figure(column) for column in by_split.T),
        quintile_accuracy=by_quintile(by_split, difficulty),
        best=optimum(by_split, chains),
    )


def chosen_from(correct: Bools, answers: Integers) -> Mapping[str, Floats]:
    """Accuracy [Q] of two choices that need no verifier: the majority of all attempts, and the majority of the chains' last."""
    questions, count, length = correct.shape
    flat = count * length
    return {
        "majority": majority_at_k(correct.reshape(questions, flat), answers.reshape(questions, flat), flat)[:, 0],
        "last": majority_at_k(correct[:, :, -1], answers[:, :, -1], count)[:, 0],
    }


def optimum(by_split: Floats, chains: Sequence[int]) -> Optimum:
    """Where the mean of the columns [Q, K] is highest; equal columns share a resample, the fewest chains are named first.

    >>> optimum(np.array([[0.0, 1.0], [0.0, 1.0]]), (1, 4)).chains
    4
    """
    means = resampled_means(by_split, RESAMPLES, 0)
    highest = means >= means.max(axis=1, keepdims=True) - 1e-12
    won = (highest / highest.sum(axis=1, keepdims=True)).mean(axis=0)
    below = np.cumsum(won)
    above = np.cumsum(won[::-1])[::-1]
    return Optimum(
        chains=chains[int(by_split.mean(axis=0).argmax())],
        low=chains[int(np.argmax(below > TAIL))],
        high=chains[len(chains) - 1 - int(np.argmax(above[::-1] > TAIL))],
        share=tuple(round(float(value), 4) for value in won),
    )


def paired(a: Floats, b: Floats) -> Figure:
    """The mean of a - b over the same questions, with its paired interval."""
    difference = paired_difference(a, b)
    return Figure(*(round(float(part[0]), 4) for part in (difference.mean, difference.low, difference.high)))


def share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Figure:
    """How much of `whole` is `part`, over all attempts [Q, ...] together, with a bootstrap over questions."""
    counts = np.stack([part.reshape(len(part), -1).sum(1), whole.reshape(len(whole), -1).sum(1)], 1).astype(np.float64)
    if not counts[:, 1].any():
        return Figure(float("nan"), float("nan"), float("nan"))
    means = resampled_means(counts, RESAMPLES, 0)
    defined = means[means[:, 1] > 0]
    low, high = np.quantile(defined[:, 0] / defined[:, 1], [TAIL, 1 - TAIL])
    mean = counts[:, 0].sum() / counts[:, 1].sum()
    return Figure(*(round(float(value), 4) for value in (mean, min(low, mean), max(high, mean))))


def by_quintile(values: Floats, difficulty: Floats) -> tuple[tuple[float, ...], ...]:
    """The mean of every column [Q, K] over each fifth of the questions, hardest first."""
    fifths = quintiles(difficulty)
    means = [values[fifths == fifth].mean(axis=0) for fifth in range(QUINTILES)]
    return tuple(tuple(round(float(value), 4) for value in row) for row in means)


def numbered(answers: Sequence[Sequence[str | None]]) -> Integers:
    """Answers of each question as numbers [Q, n], equal for equal answers, -1 for none.

    >>> numbered([["a", None, "b", "a"]]).tolist()
    [[0, -1, 1, 0]]
    """
    rows = []
    for of_question in answers:
        known: dict[str, int] = {}
        rows.append([-1 if answer is None else known.setdefault(answer, len(known)) for answer in of_question])
    return np.array(rows, dtype=np.int64)
