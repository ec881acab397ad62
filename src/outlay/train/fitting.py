"""Fitting a probe's head in NumPy: cross-entropy against labels in [0, 1], Adam with decoupled weight decay, early stopping.

Small problems (thousands of rows, hundreds of features) are fitted in seconds, so no tensor library is asked for. The state with
the lowest loss on the validation rows is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from outlay.verifiers.probes.head import Array, Head, sigmoid

BATCH = 1024
BETAS = (0.9, 0.99)
PATIENCE = 20
"""Epochs without a better validation loss after which it ends."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Features [rows, features], labels [rows] in [0, 1], and weights [rows]."""

    features: Array
    labels: Array
    weights: Array


@dataclass(frozen=True, slots=True)
class Fitted:
    """The head, the epoch it is of, and the loss on the validation rows there (on the training rows, where there are no others)."""

    head: Head
    epoch: int
    loss: float


def fit(
    training: Rows,
    validation: Rows | None,
    *,
    hidden: int = 0,
    epochs: int = 200,
    learning_rate: float = 0.003,
    weight_decay: float = 0.01,
    seed: int = 0,
) -> Fitted:
    """The head that fits `training`; `validation` says when to stop.

    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> rows = Rows(x, (x[:, 0] > 0).astype(np.float32), np.ones(64, np.float32))
    >>> bool((fit(rows, None, learning_rate=0.1).head(x) > 0.5).tolist() == (x[:, 0] > 0).tolist())
    True
    """
    generator = np.random.default_rng([seed, 0x9B0E])
    mean = training.features.mean(0, dtype=np.float64).astype(np.float32)
    scale = np.maximum(training.features.std(0, dtype=np.float64), 1e-6).astype(np.float32)
    x = (training.features - mean) / scale
    layers = _initial(x.shape[1], hidden, generator)
    first, second = [np.zeros_like(one) for one in layers], [np.zeros_like(one) for one in layers]
    best, since, step = Fitted(_head(mean, scale, layers), 0, float("inf")), 0, 0
    judged = training if validation is None else validation
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            step += 1
            gradients = _gradients(layers, x[rows], training.labels[rows], training.weights[rows])
            for place, gradient in enumerate(gradients):
                first[place] += (1 - BETAS[0]) * (gradient - first[place])
                second[place] += (1 - BETAS[1]) * (np.square(gradient) - second[place])
                change = first[place] / (1 - BETAS[0] ** step)
                change /= np.sqrt(second[place] / (1 - BETAS[1] ** step)) + 1e-8
                if layers[place].ndim == 2:
                    change += weight_decay * layers[place]
                layers[place] -= learning_rate * change
        head = _head(mean, scale, layers)
        loss = cross_entropy(head(judged.features), judged)
        if loss < best.loss - 1e-5:
            best, since = Fitted(head, epoch, loss), 0
        elif (since := since + 1) >= PATIENCE:
            break
    return best


def cross_entropy(probabilities: Array, rows: Rows) -> float:
    """The weighted mean cross-entropy."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    each = -(rows.labels * np.log(p) + (1 - rows.labels) * np.log(1 - p))
    return float((each * rows.weights).sum() / rows.weights.sum())


def _initial(features: int, hidden: int, generator: np.random.Generator) -> list[NDArray[np.float32]]:
    if not hidden:
        return [np.zeros((1, features), np.float32), np.zeros(1, np.float32)]
    inner = generator.normal(size=(hidden, features)) * np.sqrt(2.0 / features)
    outer = generator.normal(size=(1, hidden)) * hidden**-0.5
    return [
        inner.astype(np.float32),
        np.zeros(hidden, np.float32),
        outer.astype(np.float32),
        np.zeros(1, np.float32),
    ]


def _gradients(layers: list[Array], x: Array, labels: Array, weights: Array) -> list[Array]:
    """Of the weighted mean cross-entropy, in the order of `layers`."""
    weight, bias = layers[-2:]
    inner = x if len(layers) == 2 else np.maximum(x @ layers[0].T + layers[1], 0.0)
    error = (sigmoid((inner @ weight.T + bias)[:, 0]) - labels) * weights / weights.sum()
    outer = [error[None] @ inner, error.sum(keepdims=True)]
    if len(layers) == 2:
        return outer
    behind = (error[:, None] * weight) * (inner > 0)
    return [behind.T @ x, behind.sum(0), *outer]


def _head(mean: Array, scale: Array, layers: list[Array]) -> Head:
    pairs = zip(layers[::2], layers[1::2], strict=True)
    return Head(mean, scale, tuple((weight.copy(), bias.copy()) for weight, bias in pairs))
