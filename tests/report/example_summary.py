"""A summary like those that a run leaves: three groups, of which one can say much and one almost nothing.

The curves follow simple laws (a single-sample success rate per bin, a verifier that is right most of the time), so that
they have the shapes of real ones: diminishing returns, a search that leads early and falls late, a policy in between.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from report.example_exchange import example_exchange

BEAM = json.dumps({"name": "beam_search", "width": 4}, sort_keys=True)
LOOKAHEAD = json.dumps({"name": "lookahead", "steps": 1, "width": 4}, sort_keys=True)
BUDGETS = np.array([1, 2, 4, 8, 16, 32, 64])
RATES = np.array([0.78, 0.44, 0.22, 0.10, 0.03])


def example_summary() -> dict[str, Any]:
    """Three groups: countdown with everything, arithmetic with votes, chains that make things worse."""
    return {
        "headline": (
            "On countdown, deciding per question from four pilot samples needs 1.9 times less compute than best-of-N "
            "for the same accuracy (95% interval 1.3 to 2.8)."
        ),
        "groups": [_countdown(), _arithmetic(), _chains()],
        "exchange": [example_exchange()],
        "warnings": ["One training seed: what another seed would give is not known."],
        "seed": 0,
        "versions": {"outlay": "0.1.0", "numpy": "2.3.1"},
        "seconds": 214.0,
        "machine": {"cpu": "AMD EPYC 9B14", "blas": "OpenBLAS 0.3.29"},
    }


def per_bin(kind: str) -> np.ndarray:
    """Accuracy per bin and budget, [5, 7], of one method of the example."""
    n = BUDGETS[None, :]
    coverage = 1 - (1 - RATES[:, None]) ** (0.55 * n + 0.45)
    doubt = np.log2(n)
    if kind == "pass":
        return coverage
    if kind == "best_of_n":
        skill = 0.93 - 0.035 * doubt
        return np.clip(RATES[:, None] + (coverage - RATES[:, None]) * skill, 0, 1)
    if kind == "majority":
        return np.clip(RATES[:, None] + (coverage - RATES[:, None]) * 0.45 * (RATES[:, None] > 0.2), 0, 1)
    if kind == "weighted":
        return np.clip(RATES[:, None] + (coverage - RATES[:, None]) * 0.8, 0, 1)
    lead = np.array([0.02, 0.05, 0.13, 0.14, 0.09])[:, None] * np.minimum(doubt, 2) / 2
    loss = np.array([0.030, 0.024, 0.016, 0.006, 0.0])[:, None] * np.maximum(doubt - 3, 0)
    factor = 1.0 if kind == "beam" else 0.8
    return np.clip(per_bin("best_of_n") * (0.97 if kind == "beam" else 0.93) + factor * lead - loss, 0, 1)


def banded(values: np.ndarray, questions: int) -> dict[str, Any]:
    """Means with the 95% interval of a share among that many questions."""
    half = 1.96 * np.sqrt(np.maximum(values * (1 - values), 1e-4) / questions)
    return {
        "mean": values.round(4).tolist(),
        "low": np.clip(values - half, 0, 1).round(4).tolist(),
        "high": np.clip(values + half, 0, 1).round(4).tolist(),
    }


def estimate(value: float, half: float) -> dict[str, float]:
    """A value with a symmetric interval."""
    return {"mean": value, "low": round(value - half, 4), "high": round(min(value + half, 1.0), 4)}


def _curve(kind: str, questions: int, budgets: slice = slice(None)) -> dict[str, Any]:
    n = BUDGETS[budgets]
    return {"n": n.tolist(), "cost": n.astype(float).tolist(), **banded(per_bin(kind).mean(0)[budgets], questions)}


def _bin_curve(kind: str, questions: int, budgets: slice = slice(None)) -> dict[str, Any]:
    return {"n": BUDGETS[budgets].tolist(), **banded(per_bin(kind)[:, budgets], questions // 5)}


def _policy(
    gain: float, questions: int, ratio: float | None, choices: bool = False, difficulty_cost: float = 0.0
) -> dict[str, Any]:
    accuracy = per_bin("best_of_n").mean(0) + gain * np.array([0, 0.6, 1, 1, 0.8, 0.7, 0.7])
    bands = banded(accuracy, questions)
    policy: dict[str, Any] = {
        "budget": BUDGETS.tolist(),
        "accuracy": [
            {"mean": m, "low": lo, "high": hi} for m, lo, hi in zip(bands["mean"], bands["low"], bands["high"])
        ],
        "cost": (BUDGETS * np.array([1, 1, 1, 0.95, 0.8, 0.62, 0.5])).tolist(),
    }
    if gain:
        policy["gain"] = [estimate(round(gain * f, 4), 0.02) for f in (0, 0.6, 1, 1, 0.8, 0.7, 0.7)]
    if difficulty_cost:
        policy |= {
            "difficulty_cost": difficulty_cost,
            "cost_without_difficulty": policy["cost"],
            "cost": [cost + difficulty_cost for cost in policy["cost"]],
        }
    if ratio is not None:
        grown = [ratio * 0.5, *(ratio * f for f in (0.7, 0.9, 1.0, 1.2, 1.3, 1.6))]
        policy["compute_ratio"] = _ratios(grown)
        if difficulty_cost:
            policy["compute_ratio_without_difficulty"] = _ratios([5 * r for r in grown])
    if choices:
        policy["choices"] = [[_chosen(int(budget), b) for b in range(5)] for budget in BUDGETS]
    return policy


def _ratios(values: list[float]) -> list[dict[str, Any]]:
    return [
        {"value": r, "low": 0.7 * r, "high": float("inf") if i == 6 else 1.5 * r, "censored": i == 6}
        for i, r in enumerate(values)
    ]


def _chosen(budget: int, difficulty: int) -> str:
    if difficulty == 0 or budget < 4:
        return f"best_of_n@{min(budget, 8)}"
    return BEAM if difficulty > 1 or budget < 32 else f"best_of_n@{budget}"


def _countdown() -> dict[str, Any]:
    questions, searched = 500, slice(2, 7, 2)
    confusion = [[71, 22, 6, 1, 0], [21, 46, 24, 8, 1], [6, 23, 42, 22, 7], [2, 8, 21, 43, 26], [0, 1, 7, 26, 66]]
    return {
        "task": "countdown",
        "model": "embedded:countdown-small",
        "questions": questions,
        "samples": 64,
        "pass_at_1": estimate(0.314, 0.031),
        "curves": {
            "pass": _curve("pass", questions),
            "best_of_n": _curve("best_of_n", questions),
            BEAM: _curve("beam", questions, searched),
            LOOKAHEAD: _curve("lookahead", questions, searched),
            "greedy": {"n": [1], "mean": [0.472], "low": [0.428], "high": [0.516], "cost": [1.0]},
        },
        "bins": {
            "oracle": {
                "count": [100] * 5,
                "pass_at_1": RATES.tolist(),
                "curves": {
                    "pass": _bin_curve("pass", questions),
                    "best_of_n": _bin_curve("best_of_n", questions),
                    BEAM: _bin_curve("beam", questions, searched),
                    LOOKAHEAD: _bin_curve("lookahead", questions, searched),
                },
            },
            "predicted": {
                "count": [100] * 5,
                "pass_at_1": [0.71, 0.43, 0.24, 0.14, 0.05],
                "agreement": {"confusion": confusion, "accuracy": 0.536, "precision": [0.71, 0.46, 0.42, 0.43, 0.66]},
            },
        },
        "policies": {
            "uniform_best_of_n": _policy(0.0, questions, None),
            "best_fixed": _policy(0.01, questions, 1.1),
            "per_bin_oracle": _policy(0.055, questions, 0.5, choices=True, difficulty_cost=32.0),
            "per_bin_pilot": _policy(0.035, questions, 1.9, choices=True),
            "per_bin_shuffled": _policy(0.008, questions, 0.4, difficulty_cost=32.0),
        },
        "verifier": {
            "auc": estimate(0.958, 0.006),
            "auc_within_question": estimate(0.893, 0.017),
            "accuracy": estimate(0.914, 0.008),
            "brier": 0.067,
            "per_bin": {
                "auc_within_question": {
                    "mean": [0.97, 0.95, 0.91, 0.84, 0.71],
                    "low": [0.94, 0.93, 0.88, 0.79, 0.49],
                    "high": [0.99, 0.97, 0.94, 0.89, 0.90],
                }
            },
            "reliability": {
                "predicted": [0.03, 0.14, 0.25, 0.36, 0.45, 0.55, 0.66, 0.75, 0.86, 0.97],
                "observed": [0.02, 0.10, 0.19, 0.27, 0.38, 0.47, 0.55, 0.66, 0.79, 0.94],
                "low": [0.01, 0.08, 0.15, 0.21, 0.31, 0.40, 0.48, 0.60, 0.75, 0.92],
                "high": [0.03, 0.12, 0.23, 0.33, 0.45, 0.54, 0.62, 0.72, 0.83, 0.96],
                "count": [15200, 3100, 1700, 1150, 920, 880, 910, 1240, 2100, 4800],
            },
        },
        "sentences": ["Beam search leads at small budgets and on hard questions; best-of-N leads on easy ones at 64."],
        "warnings": ["Answers are nearly all distinct, so they cannot vote: majority and weighted are absent."],
    }


def _arithmetic() -> dict[str, Any]:
    questions = 500
    return {
        "task": "arithmetic",
        "model": "embedded:arithmetic-small",
        "questions": questions,
        "samples": 64,
        "pass_at_1": estimate(0.40, 0.03),
        "curves": {
            "pass": _curve("pass", questions),
            "majority": _curve("majority", questions),
            "best_of_n": _curve("best_of_n", questions),
            "weighted": _curve("weighted", questions),
        },
        "warnings": [],
    }


def _chains() -> dict[str, Any]:
    accuracy = np.array([0.420, 0.382, 0.390, 0.392, 0.354, 0.338])
    return {
        "task": "math500",
        "model": "phi-4-mini",
        "questions": 500,
        "samples": 6,
        "pass_at_1": estimate(0.42, 0.043),
        "chains": {
            "position": list(range(6)),
            "accuracy": banded(accuracy, 500),
            "transitions": {"right_to_wrong": [46, 35, 30, 44, 41], "wrong_to_right": [27, 39, 31, 25, 33]},
            "sentence": "Revising makes this model worse: spend nothing on it.",
        },
        "warnings": ["There are no scores, so there is no best-of-N and no verifier to report on."],
    }
