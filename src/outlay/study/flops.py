"""What drawing and scoring k samples of a recorded pool costs in floating-point operations (FLOPs), question by question.

A question is prefilled once however many samples are drawn, a verifier reads each step once however many samples share
it, and what does not look at scores (majority) is not charged for them. The expectation is over all k-subsets of the pool,
as for accuracy. FLOPs a token are read off the runs themselves; where they cannot be, nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from outlay.curves import pass_at_k
from outlay.study.pools import Floats, Ints

Row = Mapping[str, Any]

UNSCORED = ("pass", "majority")
"""Methods that look at no score."""

_RESIDUAL = 1e-3
"""How far recorded FLOPs may lie from two constants times tokens, as a share of their mean."""


@dataclass(frozen=True, eq=False)
class PoolFlops:
    """FLOPs of a pool of n samples on Q questions.

    `prompt` `[Q]` is spent once a question, `sample` `[Q]` on each sample drawn, `reading` `[Q, n]` on scoring 1 to n of
    them (zeros without a verifier).
    """

    prompt: Floats
    sample: Floats
    reading: Floats

    def on(self, rows: Ints) -> PoolFlops:
        """The same of these questions."""
        return PoolFlops(self.prompt[rows], self.sample[rows], self.reading[rows])

    def drawing(self, ks: Sequence[int]) -> Floats:
        """Drawing k samples: `[Q, len(ks)]`."""
        drawn: Floats = self.prompt[:, None] + self.sample[:, None] * np.asarray(ks, dtype=np.float64)
        return drawn

    def scoring(self, ks: Sequence[int]) -> Floats:
        """Scoring k samples: `[Q, len(ks)]`; beyond the pool in proportion."""
        size = self.reading.shape[1]
        at = np.asarray(ks, dtype=np.int64)
        read: Floats = self.reading[:, np.minimum(at, size) - 1] * np.maximum(at / size, 1.0)
        return read

    def of(self, method: str, ks: Sequence[int]) -> Floats:
        """What this method costs at k samples: `[Q, len(ks)]`."""
        return self.drawing(ks) if method in UNSCORED else self.drawing(ks) + self.scoring(ks)


def pool_flops(
    pool_runs: Sequence[Row], solutions: Sequence[Row], every_run: Sequence[Row], questions: Sequence[str]
) -> PoolFlops | None:
    """The FLOPs of a pool; None where the runs do not tell them.

    Args:
        pool_runs: a row a question of the run that drew the pool, with its costs.
        solutions: that run's solutions, with `question_id`, `steps` and `step_tokens`.
        every_run: rows of the same model and verifier (or of no verifier), which tell what a token of each costs.
        questions: the pool's questions, in its order.
    """
    rates = _rates(every_run)
    if rates is None:
        return None
    per_token, per_read = rates
    by_question = {row["question_id"]: row for row in pool_runs}
    rows = [by_question[name] for name in questions]
    fresh, generated, read, drawn = (
        np.array([float(value(row)) for row in rows])
        for value in (_fresh, _generated, _read, lambda row: max(row["solutions"], 1))
    )
    size = int(drawn.max())
    return PoolFlops(
        per_token * fresh, per_token * generated / drawn, per_read * _reading(read, fresh, solutions, questions, size)
    )


def _rates(rows: Sequence[Row]) -> tuple[float, float] | None:
    """FLOPs a token of the model and of the verifier, where the rows tell them apart and agree."""
    tokens = np.array([[_fresh(row) + _generated(row), _read(row)] for row in rows], dtype=np.float64)
    spent = np.array([float(row["cost_flops"]) for row in rows])
    if not spent.any():
        return None
    used = np.flatnonzero(tokens.any(axis=0))
    found, _, rank, _ = np.linalg.lstsq(tokens[:, used], spent, rcond=1e-6)
    if rank < used.size or np.abs(tokens[:, used] @ found - spent).max() > _RESIDUAL * spent.mean():
        return None
    rates = np.zeros(2)
    rates[used] = found
    return (float(rates[0]), float(rates[1])) if (rates >= -1e-9 * rates.max()).all() and rates[0] > 0 else None


def _reading(read: Floats, fresh: Floats, solutions: Sequence[Row], questions: Sequence[str], size: int) -> Floats:
    """Tokens that a verifier is expected to read to score 1 to `size` samples: `[Q, size]`.

    A step that c samples begin with is read if any of them is drawn. Where that does not give what was recorded for all
    samples (a verifier that reads each from its start), every sample costs alike.
    """
    ks = list(range(1, size + 1))
    beginnings: dict[str, dict[tuple[str, ...], list[int]]] = {name: {} for name in questions}
    for row in solutions:
        known = beginnings.get(row["question_id"])
        if known is not None:
            for depth, tokens in enumerate(row["step_tokens"], 1):
                known.setdefault(tuple(row["steps"][:depth]), [tokens, 0])[1] += 1
    shared = np.zeros((len(questions), size + 1))
    for place, name in enumerate(questions):
        for tokens, count in beginnings[name].values():
            shared[place, min(count, size)] += tokens
    drawn_at_all = pass_at_k(np.arange(size)[None, :] < np.arange(size + 1)[:, None], ks)
    expected: Floats = fresh[:, None] + shared @ drawn_at_all
    if np.allclose(expected[:, -1], read, rtol=0.01):
        return expected
    alike: Floats = read[:, None] * np.array(ks) / size
    return alike


def _fresh(row: Row) -> int:
    return int(row["cost_prompt_tokens"] - row["cost_cached_tokens"])


def _generated(row: Row) -> int:
    return int(row["cost_generated_tokens"])


def _read(row: Row) -> int:
    read = row["cost_verifier_prompt_tokens"] - row["cost_verifier_cached_tokens"]
    return int(read + row["cost_verifier_generated_tokens"])
