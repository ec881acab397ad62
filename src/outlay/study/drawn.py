"""A recorded pool with its price: how many samples a budget buys, what they are worth, and how long the longest is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from outlay.curves.coverage import none_right
from outlay.exchange import Spending
from outlay.study.flops import PoolFlops
from outlay.study.measure import expected
from outlay.study.pools import Floats, Ints, Pool


@dataclass(frozen=True)
class Drawn:
    """A pool with its price, and the places of its questions among all."""

    pool: Pool
    flops: PoolFlops
    rows: Ints

    def spending(self, method: str, ks: Sequence[int], seed: int) -> Spending:
        """A way of choosing among k samples, at these k."""
        accuracy = expected(self.pool, ks, seed, (method,))[0][method]
        return Spending(method, np.asarray(ks), accuracy, self.flops.of(method, list(ks)))

    def affordable(self, method: str, budget: float) -> int:
        """The most samples whose mean cost is within the budget; beyond the pool in proportion; 0 if not even one."""
        size = self.pool.size
        means = self.flops.of(method, range(1, size + 1)).mean(axis=0)
        within = int(np.searchsorted(means, budget * (1 + 1e-9), side="right"))
        return within if within < size else int(size * budget / means[-1] * (1 + 1e-9))

    def priced(self, a_token: float, a_token_read: float) -> Drawn:
        """The same in another currency: factors from the model's FLOPs, and from the verifier's, to that currency."""
        flops = self.flops
        return replace(
            self, flops=PoolFlops(flops.prompt * a_token, flops.sample * a_token, flops.reading * a_token_read)
        )


@dataclass(frozen=True)
class Bought:
    """What a budget buys of one way of choosing: `n` samples of `drawn`, of `wanted` that it would pay for.

    `accuracy` `[Q]` is of the questions of `drawn`, `flops` the mean cost (in the currency of `drawn`).
    """

    drawn: Drawn
    n: int
    wanted: int
    accuracy: Floats
    flops: float


def bought(method: str, budget: float, drawn: Drawn, deeper: Drawn | None, seed: int) -> Bought | None:
    """As many samples as the budget buys, of the deeper pool where the pool is too small; None where it buys none."""
    wanted = drawn.affordable(method, budget)
    if wanted > drawn.pool.size and deeper is not None:
        drawn = deeper
        wanted = drawn.affordable(method, budget)
    if wanted < 1:
        return None
    n = min(wanted, drawn.pool.size)
    spent = drawn.spending(method, [n], seed)
    return Bought(drawn, n, wanted, spent.accuracy[:, 0], float(spent.mean_flops[0]))


def expected_longest(tokens: Ints, n: int) -> float:
    """Mean over questions of the longest of n samples, over all n-subsets of each pool `[Q, pool]`, in tokens.

    >>> expected_longest(np.array([[1, 2, 3]]), 2)      # subsets: 2, 3, 3
    2.6666666666666665
    """
    longest_first = -np.sort(-tokens.astype(np.float64), axis=1)
    none = none_right(tokens.shape[1], n)  # that none of the first j is among the n
    first = none[:-1] - none[1:]
    return float((longest_first @ first).mean())
