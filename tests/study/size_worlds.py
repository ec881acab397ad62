"""Models of 0.16 and 1.26 million parameters, whose addresses tell that; what their runs cost and gave is made up."""

from dataclasses import replace
from typing import Any

import numpy as np
from claim_worlds import QUESTIONS, SAMPLES, evidence, pool

from outlay import models
from outlay.study.deciding import Realised
from outlay.study.evidence import Evidence
from outlay.study.flops import PoolFlops
from outlay.study.pools import Pool
from outlay.study.runs import Larger

SMALL, LARGE, TOKENS = "embedded:countdown-small", "embedded:countdown-large", 10.0
COUNT = {name: float(models.load(name).parameters) for name in (SMALL, LARGE)}
HALF = np.arange(QUESTIONS) % 2 == 0


def price(model: str, tokens: float = TOKENS, samples: int = SAMPLES) -> PoolFlops:
    """Every sample costs so many tokens of the model, and nothing reads them."""
    count = float(models.load(model).parameters)
    return PoolFlops(np.zeros(QUESTIONS), np.full(QUESTIONS, 2 * count * tokens), np.zeros((QUESTIONS, samples)))


def larger(right: np.ndarray, tokens: float = TOKENS, own: Pool | None = None) -> Larger:
    flops = np.full((QUESTIONS, 1), 2 * COUNT[LARGE] * tokens)
    greedy = Realised({"name": "greedy"}, (1,), right[:, None].astype(float), np.ones((QUESTIONS, 1)), flops, False)
    return Larger(LARGE, greedy, tokens, own, None if own is None else price(LARGE, tokens, own.size))


def world(right: np.ndarray, small: Pool | None = None, tokens: float = TOKENS, **changes: Any) -> Evidence:
    """Every sample of the small model costs TOKENS tokens, nothing reads them, and four of sixteen are right."""
    drawn = replace(small or pool(), model=SMALL)
    told = {"verifier": "random:0", "larger": (larger(right, tokens),), **changes}
    return evidence(pool=drawn, flops=price(SMALL), **told)
