"""Pools at other temperatures, read by every way of choosing at every N: strategies like any other, without runs of their own.

A policy may choose them, and they stand in every table beside the pool's own methods. Accuracy is the expectation over all
k-subsets of that pool's samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from outlay.study.deciding import STRATEGIES, Realised
from outlay.study.flops import PoolFlops
from outlay.study.measure import budgets_up_to, expected, with_probabilities
from outlay.study.pools import Pool

METHODS = ("majority", "best_of_n", "weighted")
"""Those that are strategies, so that a policy that chose one can be followed; coverage is no method, consensus no strategy."""


def methods_of(pool: Pool, sampling: Mapping[str, Any], flops: PoolFlops | None = None) -> list[Realised]:
    """One strategy for each method that the pool supports, with `sampling` (its temperature) among its options.

    >>> pool = Pool("sums", "m", ("q",), np.array([[True, False]]), np.array([[0, 1]]), can_vote=True)
    >>> [(run.spec, run.budgets, run.correct.tolist()) for run in methods_of(pool, {"temperature": 0.3})]
    [({'name': 'majority', 'temperature': 0.3}, (1, 2), [[0.5, 0.5]])]
    """
    pool = with_probabilities(pool)
    ks = budgets_up_to(pool.size)
    return [
        Realised(
            spec={"name": STRATEGIES.get(method, method), **sampling},
            budgets=ks,
            correct=table,
            cost=np.tile(np.array(ks, dtype=np.float64), (len(table), 1)),
            flops=None if flops is None else flops.of(method, ks),
        )
        for method, table in expected(pool, ks, only=METHODS)[0].items()
    ]
