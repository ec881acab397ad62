"""From signals to the columns of a regression: each signal with hinges at quantiles, so that a line may bend where data are
dense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from outlay.curves.shapes import Floats

LOGITS = ("best_score", "second_score", "winner_best")
"""Signals that crowd near 1, where 0.99 and 0.999 are far apart: they are taken as log-odds."""

LARGEST_LOGIT = 7.0
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)

LOOKED_AT = {
    "majority": ("agreement", "runner_up", "distinct", "answered"),
    "best_of_n": ("best_score", "second_score", "mean_score", "spread", "answered"),
    "weighted": (
        "winner_share",
        "winner_mass",
        "runner_mass",
        "winner_best",
        "best_score",
        "mean_score",
        "agreement",
        "distinct",
    ),
    "consensus": ("winner_share", "agreement", "runner_up", "winner_best", "best_score", "mean_score", "distinct"),
}
"""The signals that a sequential policy looks at, by how the answer is chosen."""


@dataclass(frozen=True)
class Basis:
    """Signals by name, each with its knots (in the scale of the transformed signal).

    >>> basis = Basis(("agreement",), ((0.5,),))
    >>> basis.columns(), basis.design({"agreement": np.array([0.75])}).tolist()
    (['1', 'agreement', 'agreement above 0.5'], [[1.0, 0.75, 0.25]])
    """

    signals: tuple[str, ...]
    knots: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, signals: Mapping[str, Floats], names: Sequence[str]) -> Basis:
        """Knots at quantiles of what was seen; signals that never differ are left out."""
        kept, knots = [], []
        for name in names:
            values = _transformed(name, signals[name])
            if values.max() - values.min() > 1e-9:
                inner = np.unique(np.round(np.quantile(values, QUANTILES), 4))
                kept.append(name)
                knots.append(tuple(float(k) for k in inner if values.min() < k < values.max()))
        return cls(tuple(kept), tuple(knots))

    def design(self, signals: Mapping[str, Floats]) -> Floats:
        """The columns `[R, P]`, a constant first."""
        first = np.asarray(next(iter(signals.values())))
        columns = [np.ones(first.shape[0])]
        for name, knots in zip(self.signals, self.knots, strict=True):
            values = _transformed(name, signals[name])
            columns.append(values)
            columns.extend(np.maximum(values - knot, 0.0) for knot in knots)
        return np.stack(columns, axis=1)

    def columns(self) -> list[str]:
        """The columns in words."""
        names = ["1"]
        for name, knots in zip(self.signals, self.knots, strict=True):
            names += [name, *(f"{name} above {knot:g}" for knot in knots)]
        return names


def _transformed(name: str, values: Floats) -> Floats:
    if name not in LOGITS:
        return np.asarray(values, dtype=np.float64)
    p = np.clip(np.asarray(values, dtype=np.float64), 1e-12, 1 - 1e-12)
    logits: Floats = np.clip(np.log(p) - np.log1p(-p), -LARGEST_LOGIT, LARGEST_LOGIT) / LARGEST_LOGIT
    return logits
