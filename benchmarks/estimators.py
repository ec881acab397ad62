"""The estimators' times and peak memory, each row in a process of its own.

The pools are random: solve rates spread over (0, 1), wrong answers in a long tail (some 40 classes a question at 256
samples), scores that know a little. Together the rows over 10,000 questions are held to 20 seconds, and each to 1 GiB.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.measuring import peak_mib
from outlay import curves

RESAMPLES = 2000


@dataclass(frozen=True)
class Pool:
    """Random samples `[Q, n]` and the subset sizes that are asked for."""

    correct: np.ndarray
    answers: np.ndarray
    scores: np.ndarray
    ks: list[int]

    @classmethod
    def draw(cls, questions: int, samples: int) -> Pool:
        generator = np.random.default_rng([questions, samples])
        shape = (questions, samples)
        correct = generator.random(shape) < generator.beta(0.5, 0.5, questions)[:, None]
        wrong = np.minimum(generator.geometric(0.05, shape), samples)
        answers = np.where(correct, 0, np.where(generator.random(shape) < 0.02, -1, wrong))
        scores = np.clip(generator.normal(0.5 + 0.2 * correct, 0.2), 0.0, 1.0)
        ks = [2**power for power in range(samples.bit_length()) if 2**power <= samples]
        return cls(correct, answers, scores, sorted({*ks, samples}))

    @property
    def values(self) -> np.ndarray:
        """What intervals are taken over: a curve's values by question."""
        return curves.pass_at_k(self.correct, self.ks)


@dataclass(frozen=True)
class Row:
    """One line of the table. `prepare` is not timed."""

    name: str
    questions: int
    samples: int
    counted: bool
    prepare: Callable[[Pool], Callable[[], object]]


LARGE = (10_000, 256, True)
ROWS = (
    Row("pass@k", *LARGE, lambda p: lambda: curves.pass_at_k(p.correct, p.ks)),
    Row("best-of-k", *LARGE, lambda p: lambda: curves.best_of_k(p.correct, p.scores, p.ks)),
    Row(
        "weighted, 256 permutations",
        *LARGE,
        lambda p: lambda: curves.weighted_at_k(p.correct, p.answers, p.scores, p.ks),
    ),
    Row(
        "interval, 2,000 resamples", *LARGE, lambda p: with_values(p, lambda v: curves.interval(v, resamples=RESAMPLES))
    ),
    Row(
        "paired difference, 2,000 resamples",
        *LARGE,
        lambda p: with_values(p, lambda v: curves.paired_difference(v, v[:, ::-1], resamples=RESAMPLES)),
    ),
    Row(
        "compute ratio, 2,000 resamples",
        *LARGE,
        lambda p: with_values(p, lambda v: curves.compute_ratio(p.ks, v, p.ks, v, resamples=RESAMPLES)),
    ),
    Row("AUC within question", *LARGE, lambda p: lambda: curves.auc_within_question(p.correct, p.scores)),
    *(
        Row(
            "majority, exact",
            questions,
            samples,
            False,
            lambda p: lambda: curves.majority_at_k(p.correct, p.answers, p.ks),
        )
        for questions, samples in ((500, 64), (164, 100), (1319, 256))
    ),
)


def with_values(pool: Pool, call: Callable[[np.ndarray], object]) -> Callable[[], object]:
    """A call over a curve's values, which are made before the clock starts."""
    values = pool.values
    return lambda: call(values)


def measure(number: int, quick: bool) -> dict[str, Any]:
    """One row: CPU seconds of the call alone, and peak MiB beyond what importing the package takes."""
    row = ROWS[number]
    before = peak_mib()
    questions = max(2, row.questions // 20) if quick else row.questions
    call = row.prepare(Pool.draw(questions, row.samples))
    start = time.process_time()
    call()
    seconds = time.process_time() - start
    return {"questions": questions, "cpu_seconds": seconds, "beyond_import_mib": peak_mib() - before}
