"""A recorded pool of a small model whose questions' words say which are hard, and a larger model that is right on most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from outlay.study.deciding import Realised
from outlay.study.flops import PoolFlops
from outlay.study.pools import Pool
from outlay.study.runs import Larger, Recorded

LARGE = "large"


def with_a_larger_model(questions=240, samples=8, *, counts=6.0, told=True, seed=0) -> Recorded:
    """Half of the questions are hard; where `told`, their words say so. A large answer counts for `counts` samples."""
    generator = np.random.default_rng(seed)
    hard = generator.random(questions) < 0.5
    rate = np.where(hard, generator.beta(1, 6, questions), generator.beta(9, 1, questions))
    right = generator.random((questions, samples)) < rate[:, None]
    answers = np.where(right, 0, generator.integers(1, 6, right.shape))
    noise = generator.standard_normal(right.shape)
    scores = 1 / (1 + np.exp(-(1.5 * right - 0.75 + noise)))
    by_large = (generator.random(questions) < 0.9).astype(float)[:, None]
    pool = Pool(
        task="toy",
        model="small",
        questions=tuple(f"{place:04d}" for place in range(questions)),
        correct=right,
        answers=answers,
        scores=scores,
        can_vote=True,
    )
    spent = counts * (1 + 0.2 * generator.uniform(-1, 1, questions))
    greedy = Realised({"name": "greedy"}, (1,), by_large, np.ones((questions, 1)), spent[:, None])
    words = np.where(hard & told, "prove", "add")
    flops = PoolFlops(np.zeros(questions), np.ones(questions), np.zeros((questions, samples)))
    return Recorded(
        pool,
        None,
        (),
        "prm",
        {},
        flops,
        {},
        larger=(Larger(LARGE, greedy, 10.0),),
        texts=tuple(f"{word} the numbers {place} and {place % 7}" for place, word in enumerate(words)),
    )


def without_scores(found: Recorded) -> Recorded:
    """The same without a verifier."""
    return replace(found, pool=replace(found.pool, scores=None), verifier=None)
