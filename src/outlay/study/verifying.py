"""How good the scores are, overall and in each difficulty bin; only solutions with an answer are judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from outlay.curves import accuracy, auc, auc_by_question, auc_within_question, brier, reliability
from outlay.study.figures import as_curve, as_estimate, binned, listed, plain
from outlay.study.pools import Floats, Ints, Pool
from outlay.study.settings import Settings


def verifier_quality(pool: Pool, views: Sequence[tuple[Pool, Ints]], settings: Settings) -> dict[str, Any]:
    """The `verifier` part of a group.

    `views` are pools with the oracle bin of each question, taken from other samples. Accuracy, Brier score and
    reliability read the scores as probabilities (mapped to them, where they are none).
    """
    assert pool.scores is not None
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    valid = np.isfinite(pool.scores)
    found: dict[str, Any] = {
        "auc": as_estimate(auc(pool.correct, pool.scores, valid=valid, **options)),
        "auc_within_question": as_estimate(auc_within_question(pool.correct, pool.scores, valid=valid, **options)),
    }
    if pool.probabilities is not None:
        curve = reliability(pool.correct, pool.probabilities, valid=valid, **options)
        found["accuracy"] = as_estimate(accuracy(pool.correct, pool.probabilities, valid=valid, **options))
        found["brier"] = as_estimate(brier(pool.correct, pool.probabilities, valid=valid, **options))
        found["reliability"] = {
            "predicted": listed(curve.predicted),
            "observed": listed(curve.observed),
            "low": listed(curve.low),
            "high": listed(curve.high),
            "count": curve.count.tolist(),
            "expected_calibration_error": plain(curve.expected_calibration_error),
        }
    if views:
        found["per_bin"] = _per_bin(views, settings)
    return {name: value for name, value in found.items() if value is not None}


def _per_bin(views: Sequence[tuple[Pool, Ints]], settings: Settings) -> dict[str, Any]:
    bins = [b for _, b in views]
    count = int(max(b.max() for b in bins)) + 1
    per_question: dict[str, list[Floats]] = {"auc_within_question": []}
    for pool, _ in views:
        assert pool.scores is not None
        valid = np.isfinite(pool.scores)
        per_question["auc_within_question"].append(auc_by_question(pool.correct, pool.scores, valid=valid))
        if pool.probabilities is not None:
            right = np.where(valid, (pool.probabilities > 0.5) == pool.correct, 0.0)
            off = np.where(valid, (pool.probabilities - pool.correct) ** 2, 0.0)
            with np.errstate(invalid="ignore"):
                per_question.setdefault("accuracy", []).append(right.sum(axis=1) / valid.sum(axis=1))
                per_question.setdefault("brier", []).append(off.sum(axis=1) / valid.sum(axis=1))
    found: dict[str, Any] = {}
    for name, values in per_question.items():
        parts = [
            as_curve(one)
            for one in binned([v[:, None] for v in values], bins, count, settings.resamples, settings.seed)
        ]
        found[name] = {key: [part[key][0] for part in parts] for key in ("mean", "low", "high")}
    both = [~np.isnan(v) for v in per_question["auc_within_question"]]
    found["questions_with_both"] = [
        round(float(np.mean([(known & (b == number)).sum() for known, b in zip(both, bins)])))
        for number in range(count)
    ]
    return found
