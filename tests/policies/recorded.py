"""Recorded samples with known truth, for policies that look before they decide."""

from __future__ import annotations

import numpy as np

from outlay.policies import Alternative, Samples


def voting(questions=60, size=16, seed=0, select="weighted", told=1.0):
    """Questions of every difficulty; `told` is how much scores tell (0: nothing). Wrong answers spread over five."""
    generator = np.random.default_rng(seed)
    rate = generator.beta(0.8, 0.8, questions)
    correct = generator.random((questions, size)) < rate[:, None]
    answers = np.where(correct, 0, generator.integers(1, 6, correct.shape))
    answers[generator.random(correct.shape) < 0.05] = -1
    correct &= answers >= 0
    scores = 1 / (1 + np.exp(-(2 * told * (correct - 0.5) + generator.normal(0, 1, correct.shape))))
    scores = np.where(answers < 0, -np.inf, scores)
    return Samples(
        correct=correct,
        select=select,
        answers=answers if select != "best_of_n" else None,
        scores=scores if select != "majority" else None,
        task="toy",
        model="small",
        verifier=None if select == "majority" else "prm",
        strategy={"name": "majority" if select == "majority" else "best_of_n"},
    )


def with_large(samples, rate=0.9, cost=6.0, seed=1):
    """The same with a larger model that is right at `rate` and costs `cost`."""
    right = np.random.default_rng(seed).random(samples.questions) < rate
    large = Alternative("large, greedy", "large", {"name": "greedy"}, 6, right.astype(float), np.full(right.size, cost))
    return Samples(**{**samples.__dict__, "alternatives": (large,)})


def texts_of(samples, question, order, k):
    """The first k answers and scores of a question in an order, as a live question has them."""
    chosen = order[:k]
    answers = ()
    if samples.answers is not None:
        answers = tuple(None if a < 0 else f"answer {a}" for a in samples.answers[question, chosen])
    scores = () if samples.scores is None else tuple(float(s) for s in samples.scores[question, chosen])
    return answers, scores
