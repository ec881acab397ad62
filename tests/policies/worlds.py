"""Worlds in which the best choice is known."""

from __future__ import annotations

import numpy as np

from outlay.policies import Candidates

EASY_WANTS, HARD_WANTS = "best_of_n", "beam_search"


def two_kinds(questions=200, noise=0.0, seed=0):
    """Easy questions (difficulty value 1) are solved by best-of-N at 4, hard ones (0) by beam search at 16 only.

    Returns (candidates, difficulty values).
    """
    generator = np.random.default_rng(seed)
    ease = (np.arange(questions) % 2).astype(float)
    rates = {
        ("best_of_n", 4): (0.1, 0.9),
        ("best_of_n", 16): (0.2, 0.9),
        ("beam_search", 4): (0.2, 0.5),
        ("beam_search", 16): (0.7, 0.5),
    }
    accuracy = np.stack([np.where(ease == 1, easy, hard) for hard, easy in rates.values()], axis=1)
    if noise:
        accuracy = (generator.random(accuracy.shape) < accuracy).astype(float)
    budget = np.array([n for _, n in rates], dtype=float)
    return (
        Candidates(
            names=tuple(f"{name} x {n}" for name, n in rates),
            specs=tuple({"name": name} for name, _ in rates),
            budget=budget,
            accuracy=accuracy,
            cost=np.tile(budget, (questions, 1)),
            reuses_pilot=tuple(name == "best_of_n" for name, _ in rates),
            task="toy",
            model="small",
            verifier="prm",
        ),
        ease,
    )


def coin_flips(questions=60, candidates=20, seed=0):
    """Candidates that are all right half of the time, by independent coin flips: nothing to choose between."""
    generator = np.random.default_rng(seed)
    budget = np.full(candidates, 4.0)
    return Candidates(
        names=tuple(f"coin {i}" for i in range(candidates)),
        specs=tuple({"name": "coin", "side": i} for i in range(candidates)),
        budget=budget,
        accuracy=(generator.random((questions, candidates)) < 0.5).astype(float),
        cost=np.tile(budget, (questions, 1)),
    )
