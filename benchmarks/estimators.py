"""The estimators' times and peak memory, each row in a process of its own, on one core.

    python benchmarks/estimators.py [--quick]

The pools are random: solve rates spread over (0, 1), wrong answers in a long tail (some 40 classes a question at 256
samples), scores that know a little. "Seconds" are CPU seconds of the call alone, so that a busy machine disturbs them
little; "peak" is the resident memory of the whole process beyond what importing the package takes, inputs included.
The sum of the rows over 10,000 questions is held to 20 seconds and each to 1 GiB: exit status 1 when it is not met.
--quick runs a twentieth of the questions and holds nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from outlay import curves

SECONDS = 20.0
GIBIBYTES = 1.0
RESAMPLES = 2000
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the questions")
    parser.add_argument("--row", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row is not None:
        print(json.dumps(measure(ROWS[arguments.row], arguments.quick)))
        return 0
    return report(arguments.quick)


def report(quick: bool) -> int:
    table = Table(title="Estimators, one core" + (", quick: a twentieth of the questions" if quick else ""))
    for heading in ("what", "questions x samples", "seconds", "peak MiB"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    total, largest = 0.0, 0.0
    for number, row in enumerate(ROWS):
        seconds, peak = in_a_process(number, quick)
        total += seconds * row.counted
        largest = max(largest, peak)
        table.add_row(row.name, f"{sized(row, quick):,} x {row.samples}", f"{seconds:.2f}", f"{peak / 2**20:,.0f}")
    Console().print(table)
    print(
        f"10,000 x 256 together: {total:.1f} s (held to {SECONDS:g}); largest peak {largest / 2**30:.2f} GiB (held to 1)"
    )
    return 0 if quick or (total <= SECONDS and largest <= GIBIBYTES * 2**30) else 1


def in_a_process(number: int, quick: bool) -> tuple[float, float]:
    command = [sys.executable, __file__, "--row", str(number), *(["--quick"] if quick else [])]
    done = subprocess.run(command, env={**os.environ, **ONE_CORE}, check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    return answer["seconds"], answer["peak"]


def measure(row: Row, quick: bool) -> dict[str, float]:
    before = peak_bytes()
    call = row.prepare(Pool.draw(sized(row, quick), row.samples))
    start = time.process_time()
    call()
    return {"seconds": time.process_time() - start, "peak": peak_bytes() - before}


def peak_bytes() -> int:
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def sized(row: Row, quick: bool) -> int:
    return max(2, row.questions // 20) if quick else row.questions


if __name__ == "__main__":
    sys.exit(main())
