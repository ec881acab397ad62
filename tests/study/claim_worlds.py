"""Worlds for claims: recorded runs whose accuracies on easy and hard questions are what a test wants them to be.

There are 50 questions, ten a bin; difficulty is told by a pool of its own, and is exact. Question i belongs to bin i // 10.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from outlay.study.claim import Claim
from outlay.study.deciding import Realised
from outlay.study.evidence import Evidence
from outlay.study.pools import Pool
from outlay.study.runs import Recorded
from outlay.study.settings import Settings

QUESTIONS, BINS, SAMPLES = 50, 5, 16
FAST = Settings(resamples=400, splits=2)
BIN = np.arange(QUESTIONS) // (QUESTIONS // BINS)
EASY, MIDDLE, HARD, HARDEST = BIN < 2, BIN == 2, BIN > 2, BIN == 4


def judging() -> Pool:
    """Ten samples a question, fewer of them right in each bin than in the one before; scores agree."""
    right = np.arange(10)[None, :] < (9 - 2 * BIN)[:, None]
    return Pool("toy", "small", names(), right, scores=np.where(right, 0.9, 0.1))


def names() -> tuple[str, ...]:
    return tuple(f"q{i:02}" for i in range(QUESTIONS))


def pool(first_right: int = 4, misled: np.ndarray | None = None) -> Pool:
    """`first_right` of the samples of every question are right; scores find them, but in questions that are `misled`.

    There one of the wrong samples scores highest, so that best-of-N falls as N grows.
    """
    right = np.broadcast_to(np.arange(SAMPLES) < first_right, (QUESTIONS, SAMPLES)).copy()
    scores = np.where(right, 0.8, 0.2)
    if misled is not None:
        scores[misled, SAMPLES - 1] = 0.95
    return Pool("toy", "small", names(), right, scores=scores)


def run(name: str, budgets: tuple[int, ...], accuracy: dict[int, Any], **options: Any) -> Realised:
    """A strategy that is right on the questions (a mask, or all alike) that `accuracy` names for each budget."""
    columns = [np.broadcast_to(np.asarray(accuracy[n], dtype=float), QUESTIONS) for n in budgets]
    correct = np.stack(columns, axis=1)
    return Realised(
        {"name": name, **options}, budgets, correct, np.tile(np.array(budgets, dtype=float), (QUESTIONS, 1))
    )


def recorded(**changes: Any) -> Recorded:
    found = Recorded(
        pool=pool(), difficulty_pool=judging(), runs=(), verifier="judge", sampling={}, flops=None, cost={}
    )
    return replace(found, **changes)


def evidence(settings: Settings = FAST, **changes: Any) -> Evidence:
    return Evidence(recorded(**changes), settings)


def of(claims: list[Claim], name: str, on: str = "") -> list[Claim]:
    """The claims of this name, on what begins so."""
    return [claim for claim in claims if claim.finding.name == name and claim.on.startswith(on)]


def verdicts(claims: list[Claim], name: str, on: str = "") -> list[str]:
    return [claim.verdict for claim in of(claims, name, on)]
