"""A question's difficulty from its words alone: no sample is drawn and no model is asked.

A ridge-penalised logistic regression predicts how often the model is right from the question's length, its numbers and its words,
which are hashed. It is a few dozen numbers in the policy file and reads a question in some microseconds. It knows nothing of what
the words mean: whether it tells anything at all is for the figures to say, which are measured on questions that it had not seen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, model_validator

from outlay.curves.shapes import Floats, Ints

HASHED = 64
"""Columns that a question's words are hashed into."""
COLUMNS = 4 + HASHED
"""Lengths in characters and words, numbers, backslashes; then the words."""
RIDGE = 30.0
"""Weight of the penalty on squared coefficients (of standardised columns), in questions."""
FOLDS = 5
_LARGEST = 30.0


def columns_of(texts: Sequence[str]) -> Floats:
    """What is read of each question: `[Q, COLUMNS]`.

    >>> columns_of(["two numbers: 3 and 12"])[0, 2].round(4)         # log(1 + 2)
    np.float64(1.0986)
    """
    table = np.zeros((len(texts), COLUMNS))
    for row, text in enumerate(texts):
        words = re.findall(r"[A-Za-z]+|\\[a-z]+", text.lower())
        table[row, 0] = math.log1p(len(text))
        table[row, 1] = math.log1p(len(words))
        table[row, 2] = math.log1p(len(re.findall(r"\d+", text)))
        table[row, 3] = math.log1p(text.count("\\"))
        for word in set(words):
            table[row, 4 + sum(ord(letter) * 31**place for place, letter in enumerate(word)) % HASHED] = 1.0
    return table


class Wording(BaseModel):
    """P(the model is right) by a question's words: the logistic function of `intercept` plus `weights` times `columns_of`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: tuple[float, ...] = Field(description="one for each column")
    intercept: float

    @model_validator(mode="after")
    def _one_for_each_column(self) -> Self:
        if len(self.weights) != COLUMNS:
            raise ValueError(f"a reader of words has {COLUMNS} weights, not {len(self.weights)}")
        return self

    @classmethod
    def fit(cls, texts: Sequence[str], rates: ArrayLike) -> Wording:
        """Fitted to how often the model was right on each question: `rates` `[Q]` in [0, 1]."""
        table, right = columns_of(texts), np.asarray(rates, dtype=np.float64)
        means, spread = table.mean(axis=0), table.std(axis=0)
        scale = np.where(spread > 1e-9, spread, 1.0)
        weights, intercept = logistic((table - means) / scale, right, RIDGE)
        weights = np.where(spread > 1e-9, weights / scale, 0.0)
        return cls(
            weights=tuple(round(float(one), 6) for one in weights),
            intercept=round(float(intercept - weights @ means), 6),
        )

    def values(self, texts: Sequence[str]) -> Floats:
        """Predicted difficulty of each question `[Q]`, higher = easier."""
        score = columns_of(texts) @ np.array(self.weights) + self.intercept
        told: Floats = 1 / (1 + np.exp(-np.clip(score, -_LARGEST, _LARGEST)))
        return told


def cross_fitted_values(texts: Sequence[str], rates: ArrayLike, seed: int = 0) -> Floats:
    """What readers that had not seen a question say of it `[Q]`, so that what is fitted on top sees them as they are elsewhere."""
    right = np.asarray(rates, dtype=np.float64)
    fold = np.random.default_rng([seed, 0x5071]).permutation(len(texts)) % FOLDS
    found = np.empty(len(texts))
    for number in range(FOLDS):
        own, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        found[own] = Wording.fit(some(texts, others), right[others]).values(some(texts, own))
    return found


def some(texts: Sequence[str], rows: Ints) -> list[str]:
    """The texts of these questions."""
    return [texts[int(row)] for row in rows]


def logistic(x: Floats, y: Floats, ridge: float, rounds: int = 12) -> tuple[Floats, float]:
    """Ridge-penalised logistic regression by Newton's method: weights and intercept; `y` in [0, 1]."""
    design = np.column_stack([np.ones(len(x)), x])
    pull = np.full(design.shape[1], ridge)
    pull[0] = 1e-3
    beta = np.zeros(design.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -_LARGEST, _LARGEST)))
        gradient = design.T @ (y - p) - pull * beta
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(pull)
        beta += np.linalg.solve(hessian, gradient)
    return beta[1:], float(beta[0])
