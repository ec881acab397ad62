"""An exchange like those that a run leaves: 500 questions in five bins, 0.16 million parameters against 14.5 times as many.

Accuracies follow simple laws, so that the picture has the shape of a real one: much test-time compute beats the larger
model on easy questions, and little does not; on the hardest questions the larger model stays ahead. Prices are exact:
6 FLOPs a parameter and token of pretraining, 2 a parameter and token of inference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SMALL, LARGE, VERIFIER = 155904, 2256192, 152128
SCALE = LARGE / SMALL
TOKENS, POOL = 22.0, 128
SINGLE = np.array([0.80, 0.45, 0.22, 0.10, 0.02])
LARGER = np.array([0.97, 0.85, 0.62, 0.41, 0.22])
RATIOS = (0.16, 0.79, 22.0)
SAMPLE = 2 * (SMALL + VERIFIER) * TOKENS
ANSWER = {"small": 2 * SMALL * TOKENS, "large": 2 * LARGE * TOKENS}


def example_exchange() -> dict[str, Any]:
    """One task and pair of models, with every part that an exchange can have."""
    return {
        "task": "countdown",
        "small": "embedded:countdown-small",
        "large": "embedded:countdown-large",
        "questions": 500,
        "parameters": {"small": SMALL, "large": LARGE, "verifier": VERIFIER},
        "scale": SCALE,
        "answer_flops": ANSWER,
        "verifier_tuning": 0.0,
        "bins": {"source": "oracle", "count": [100] * 5, "names": None},
        "large_greedy": {"accuracy": _point(LARGER.mean(), 500), "bins": [_point(value, 100) for value in LARGER]},
        "small_greedy": {"accuracy": _point(SINGLE.mean(), 500), "bins": [_point(value, 100) for value in SINGLE]},
        "ratios": [_ratio(ratio) for ratio in RATIOS],
        "curves": _curves(),
        "joint": [_joint(ratio) for ratio in RATIOS],
        "sentences": [
            "At R = 22 the small model with 8 samples is 6.1 points ahead of the large model's greedy answer (2.4 to 9.8)."
        ],
        "warnings": ["At R = 0.16 the budget would buy more than the 128 samples that were drawn."],
    }


def _right(single: np.ndarray, n: float, skill: float = 0.9) -> np.ndarray:
    """Accuracy of choosing among n samples by a verifier that finds the right one with probability `skill`."""
    found: np.ndarray = single + (1 - (1 - single) ** n - single) * skill
    return found


def _ratio(ratio: float) -> dict[str, Any]:
    factor = SCALE + 3 * (SCALE - 1) / ratio
    budget = factor * ANSWER["small"]
    rows = [
        _row(method, skill, budget)
        for method, skill in (("weighted", 0.9), ("best_fixed", 0.92), ("per_bin_oracle", 0.95))
    ]
    return {"ratio": ratio, "label": f"R = {ratio:g}", "factor": factor, "budget": budget, "rows": rows}


def _row(method: str, skill: float, budget: float) -> dict[str, Any]:
    wanted = int(budget // SAMPLE)
    n = min(wanted, POOL)
    bins = _right(SINGLE, n, skill)
    return {
        "method": method,
        "n": None if method == "per_bin_oracle" else n,
        "flops": n * SAMPLE,
        "beyond": wanted > POOL,
        "questions": 500,
        "pool": POOL,
        **_compared(float(bins.mean()), float(LARGER.mean()), 500),
        "latency": None if method == "per_bin_oracle" else 1.6 / SCALE,
        "bins": [{"questions": 100, **_compared(float(s), float(large), 100)} for s, large in zip(bins, LARGER)],
    }


def _compared(small: float, large: float, questions: int) -> dict[str, Any]:
    half = 1.96 * np.sqrt(0.18 / questions)
    gap = small - large
    difference = {"mean": round(gap, 4), "low": round(gap - half, 4), "high": round(gap + half, 4)}
    return {"accuracy": _point(small, questions), "large": _point(large, questions), "difference": difference}


def _point(value: float, questions: int) -> dict[str, float]:
    half = 1.96 * float(np.sqrt(max(value * (1 - value), 1e-3) / questions))
    return {
        "mean": round(float(value), 4),
        "low": round(max(value - half, 0.0), 4),
        "high": round(min(value + half, 1.0), 4),
    }


def _curve(single: np.ndarray, parameters: float, skill: float = 0.9, share: float | None = None) -> dict[str, Any]:
    sizes = 2 ** np.arange(9)
    points = [_point(float(_right(single, n, skill).mean()), 500) for n in sizes]
    prices = sizes * 2.0 * (parameters + VERIFIER) * TOKENS + (share or 0.0)
    shape = {"n": sizes.tolist(), "flops" if share is None else "total": prices.tolist()}
    return shape | {part: [point[part] for point in points] for part in ("mean", "low", "high")}


def _greedy(single: np.ndarray, side: str) -> dict[str, Any]:
    return {"n": [1], "flops": [ANSWER[side]]} | {part: [value] for part, value in _point(single.mean(), 500).items()}


def _curves() -> dict[str, Any]:
    small = {
        "greedy": _greedy(SINGLE, "small"),
        "weighted": _curve(SINGLE, SMALL),
        "best_of_n": _curve(SINGLE, SMALL, 0.86),
    }
    return {"small": small, "large": {"greedy": _greedy(LARGER, "large"), "weighted": _curve(LARGER - 0.1, LARGE)}}


def _joint(ratio: float) -> dict[str, Any]:
    shares = {name: 6 * parameters * TOKENS / ratio for name, parameters in (("small", SMALL), ("large", LARGE))}
    return {
        "ratio": ratio,
        "label": f"R = {ratio:g}",
        "small": {"method": "weighted", **_curve(SINGLE, SMALL, share=shares["small"])},
        "large": {"method": "weighted", **_curve(LARGER - 0.1, LARGE, share=shares["large"])},
    }
