"""Fitting a `Confidence` to answers of known correctness, and measuring it on questions that it has not seen.

What is reported (`evaluate`) is cross-fitted a second time: the questions that measure it saw neither the regression nor the
isotonic map.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves import IsotonicMap, interval
from outlay.curves.shapes import Bools, Floats, Ints
from outlay.errors import UserError
from outlay.promises.confidence import (
    DIFFICULTY,
    FEATURES,
    SCORED,
    Confidence,
    Drawn,
    Reliability,
    Selection,
    only,
    read,
)

FOLDS = 5
RIDGE = 1.0
"""Weight of the penalty on squared coefficients (of standardised features), in questions."""
MOST_KNOTS = 48
"""Knots of an isotonic map that a policy file holds at most; every so many are kept beyond that."""


def fit(
    drawn: Drawn,
    right: ArrayLike,
    question: ArrayLike,
    selection: Selection,
    seed: int = 0,
    *,
    carried: bool = True,
) -> Confidence:
    """Fit both steps to R answers of known correctness.

    Args:
        drawn: what was there when each answer was given.
        right: `[R]` in [0, 1].
        question: `[R]`, which question an answer is to: a question's answers count as one in all, and are never parted by folds.
        selection: the rule that chose the answers.
        seed: of the folds.
        carried: one of the samples carries the answer; not so where a search or another model gave it.

    Raises:
        UserError: fewer than ten questions, or answers that are all right or all wrong (nothing tells them apart then).
    """
    y, group = np.asarray(right, dtype=np.float64), np.unique(np.asarray(question), return_inverse=True)[1]
    questions = int(group.max()) + 1 if group.size else 0
    if questions < 2 * FOLDS or y.min() == y.max():
        raise UserError(
            f"A confidence is fitted to at least {2 * FOLDS} questions with right and wrong answers; there are {questions} "
            f"questions, {y.mean() if y.size else 0:.0%} right."
        )
    known = dict.fromkeys(SCORED, drawn.scores is not None) | {DIFFICULTY: drawn.difficulty is not None}
    features = tuple(name for name in FEATURES if known.get(name, True))
    x = read(drawn, features)
    rising = np.array([name != "drawn" for name in features])
    weight = 1.0 / np.bincount(group)[group]
    fold = np.random.default_rng([seed, 0xC0F]).permutation(questions) % FOLDS
    unseen = np.empty(y.size)
    for number in range(FOLDS):
        out = fold[group] == number
        means, scales, weights, intercept = _logistic(x[~out], y[~out], weight[~out], rising)
        unseen[out] = (x[out] - means) / scales @ weights + intercept
    means, scales, weights, intercept = _logistic(x, y, weight, rising)
    knots, values = _isotonic(unseen, y, questions)
    return Confidence(
        selection=selection,
        features=features,
        means=_listed(means),
        scales=_listed(scales),
        weights=_listed(weights),
        intercept=round(intercept, 6),
        knots=_listed(knots),
        values=_listed(values),
        floor=round(0.5 / (questions + 1), 6) if carried else None,
        most_drawn=max(1, int(drawn.drawn.max())),
    )


def evaluate(
    drawn: Drawn,
    right: ArrayLike,
    question: ArrayLike,
    selection: Selection,
    *,
    counted: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    carried: bool = True,
) -> Reliability:
    """Brier score and calibration error on questions that the whole fit had not seen: fitted on four fifths, measured on one, in
    turn.

    `counted` (bool `[R]`) picks the answers that are measured, one for each question (all of them where it is None); the others
    only help to fit. Other arguments as for `fit`.
    """
    y, group = np.asarray(right, dtype=np.float64), np.unique(np.asarray(question), return_inverse=True)[1]
    use = np.ones(y.size, dtype=np.bool_) if counted is None else np.asarray(counted, dtype=np.bool_)
    fold = np.random.default_rng([seed, 0xE7A]).permutation(int(group.max()) + 1) % FOLDS
    told = np.empty(y.size)
    for number in range(FOLDS):
        out = fold[group] == number
        fitted = fit(only(drawn, ~out), y[~out], group[~out], selection, seed, carried=carried)
        told[out] = fitted.of_drawn(only(drawn, out))
    predicted, observed, asked = told[use], y[use], group[use]
    errors = _per_question((predicted - observed) ** 2, asked)
    brier = interval(errors, level, resamples, seed, proportions=False)
    ece, low, high = _calibration_error(predicted, observed, asked, level, min(resamples, 500), seed)
    mean = float(_per_question(observed, asked).mean())
    return Reliability(
        questions=errors.size,
        brier=round(float(brier.mean[0]), 4),
        brier_low=round(float(brier.low[0]), 4),
        brier_high=round(float(brier.high[0]), 4),
        base=round(float(_per_question((observed - mean) ** 2, asked).mean()), 4),
        calibration_error=round(ece, 4),
        calibration_error_low=round(low, 4),
        calibration_error_high=round(high, 4),
    )


def _logistic(x: Floats, y: Floats, weight: Floats, rising: Bools) -> tuple[Floats, Floats, Floats, float]:
    """Ridge-penalised logistic regression: means, scales, weights and intercept; no weight of a `rising` feature is below 0.

    A feature whose weight would be is left out, the worst first, so that more agreement never makes an answer less sure.
    """
    means = np.average(x, axis=0, weights=weight)
    scales = np.sqrt(np.average((x - means) ** 2, axis=0, weights=weight))
    scales = np.where(scales > 1e-9, scales, 1.0)
    standard = (x - means) / scales
    used = np.ones(x.shape[1], dtype=np.bool_)
    while True:
        found = np.zeros(x.shape[1])
        found[used], intercept = _newton(standard[:, used], y, weight)
        worst = int(np.argmin(np.where(rising, found, np.inf)))
        if found[worst] >= 0 or not rising[worst]:
            return means, scales, found, intercept
        used[worst] = False


def _newton(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, float]:
    """Weights and intercept by Newton's method."""
    design = np.column_stack([x, np.ones(len(x))])
    penalty = np.diag([RIDGE] * x.shape[1] + [1e-6])
    found = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ found, -30, 30)))
        gradient = design.T @ (weight * (p - y)) + penalty @ found
        curvature = (design * (weight * np.maximum(p * (1 - p), 1e-6))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, gradient)
        found = found - step
        if np.abs(step).max() < 1e-8:
            break
    return found[:-1], float(found[-1])


def _isotonic(odds: Floats, y: Floats, questions: int) -> tuple[Floats, Floats]:
    """Knots and values of the isotonic map; no value is nearer to 0 or 1 than half a question in all of them."""
    fitted = IsotonicMap.fit(np.round(odds, 2), y)
    knots, values = np.column_stack([fitted.lower, fitted.upper]).ravel(), np.repeat(fitted.value, 2)
    distinct = np.concatenate(([True], np.diff(knots) > 0))
    knots, values = knots[distinct], values[distinct]
    if knots.size > MOST_KNOTS:
        kept = np.unique(np.linspace(0, knots.size - 1, MOST_KNOTS).round().astype(np.int64))
        knots, values = knots[kept], values[kept]
    edge = 0.5 / (questions + 1)
    return knots, np.clip(values, edge, 1 - edge)


def _per_question(values: Floats, group: Ints) -> Floats:
    sizes = np.bincount(group)
    means: Floats = (np.bincount(group, weights=values) / np.maximum(sizes, 1))[sizes > 0]
    return means


def _calibration_error(
    predicted: Floats, observed: Floats, group: Ints, level: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """Expected calibration error over ten bins of equal size, with its bootstrap interval over questions."""
    order = np.argsort(predicted, kind="stable")
    bin_of = np.empty(predicted.size, dtype=np.int64)
    bin_of[order] = np.arange(predicted.size) * 10 // predicted.size
    gap = predicted - observed

    def error(weights: Floats) -> float:
        return float(np.abs(np.bincount(bin_of, weights=weights * gap)).sum() / weights.sum())

    generator = np.random.default_rng([seed, 0xECE])
    count = int(group.max()) + 1
    draws = [
        error(np.bincount(generator.integers(0, count, count), minlength=count)[group].astype(np.float64))
        for _ in range(resamples)
    ]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    found = error(np.ones(predicted.size))
    return found, min(float(low), found), max(float(high), found)


def _listed(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
