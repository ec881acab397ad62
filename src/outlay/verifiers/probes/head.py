"""The head of a probe in NumPy: features are standardised, then one logistic unit, or a hidden layer (ReLU) before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """`mean` and `scale` [features]; `layers` of (weight [out, in], bias [out]), the last with one output."""

    mean: Array
    scale: Array
    layers: tuple[tuple[Array, Array], ...]

    @property
    def features(self) -> int:
        """How many numbers it looks at."""
        return len(self.mean)

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(weight.size + bias.size for weight, bias in self.layers)

    def __call__(self, features: Array) -> Array:
        """Probabilities [rows] of features [rows, features].

        >>> head = Head(np.zeros(1, np.float32), np.ones(1, np.float32), ((np.ones((1, 1), np.float32), np.zeros(1, np.float32)),))
        >>> head(np.array([[0.0], [100.0]], np.float32)).tolist()
        [0.5, 1.0]
        """
        values = (np.asarray(features, np.float32) - self.mean) / self.scale
        for number, (weight, bias) in enumerate(self.layers):
            values = (np.maximum(values, 0.0) if number else values) @ weight.T + bias
        probabilities: Array = sigmoid(values[:, 0])
        return probabilities

    def tensors(self) -> dict[str, Array]:
        """As they are written to disk."""
        found = {"mean": self.mean, "scale": self.scale}
        for number, (weight, bias) in enumerate(self.layers):
            found |= {f"layers.{number}.weight": weight, f"layers.{number}.bias": bias}
        return found

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Array]) -> Head:
        """From what was written; KeyError where something is missing."""
        count = sum(name.endswith(".weight") for name in tensors)
        layers = tuple((tensors[f"layers.{n}.weight"], tensors[f"layers.{n}.bias"]) for n in range(count))
        if not layers:
            raise KeyError("layers.0.weight")
        return cls(tensors["mean"], tensors["scale"], layers)


def sigmoid(logits: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(logits))
    values: Array = np.where(logits >= 0, 1.0 / (1.0 + small), small / (1.0 + small)).astype(np.float32)
    return values
