"""P-values that hold at any number of questions: is the mean of bounded values above a threshold?

Every function tests the hypothesis "the mean is at most `threshold`" with values in [0, 1] of independent questions from one
source, and returns p such that P(p <= u) <= u for every u while the hypothesis is true: no approximation, no assumption on the
values' distribution. What they differ in is power (`docs/explanation/promises.md` has the measured table):

- `binomial` is exact and, for values of 0 and 1, uniformly most powerful. A value in between is rounded up with that probability
  first, which is the same as looking at one realised run of the question, so nothing is lost but the help of averaging.
- `betting` (Waudby-Smith & Ramdas, JRSS B 2024) gains from values that vary little: averages over many replays, costs, paired
  differences.
- `hoeffding_bentkus` (Bates et al., JACM 2021) is the classical choice of learn-then-test; `binomial` is never weaker on values of
  0 and 1, and it stands here to be compared with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Floats
from outlay.errors import UserError

MOST_STAKED = 0.95
"""The largest share of the capital that a bet may lose on one question."""


def binomial(values: ArrayLike, threshold: float, seed: int = 0) -> float:
    """The exact binomial p-value; values between 0 and 1 are rounded at random, up with probability equal to the value.

    Args:
        values: `[n]` in [0, 1].
        threshold: of the hypothesis "mean <= threshold".
        seed: of the rounding, which also depends on the values themselves: whoever tests other values rounds them by other lots.
            It plays no part where all values are 0 or 1.

    >>> binomial([1, 1, 1, 1, 1], 0.5)      # 0.5 ** 5
    0.03125
    """
    x = _values(values)
    ones = int((_lots(x, seed) < x).sum())
    return binomial_tail(ones, x.size, threshold)


def _lots(x: Floats, seed: int) -> Floats:
    """Uniform numbers for rounding, of these values' own: the same lots for everybody would make everybody's errors one error."""
    digest = blake2b((np.round(x, 9) + 0.0).tobytes(), digest_size=8).digest()
    lots: Floats = np.random.default_rng([seed, x.size, int.from_bytes(digest, "little"), 0xB1]).random(x.size)
    return lots


def binomial_tail(successes: int, trials: int, rate: float) -> float:
    """P(at least `successes` of `trials` at this rate).

    >>> round(binomial_tail(2, 3, 0.5), 12)
    0.5
    """
    if successes <= 0 or rate >= 1.0:
        return 1.0
    if rate <= 0.0 or successes > trials:
        return 0.0
    count = np.arange(successes, trials + 1)
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, trials + 1)))))
    log_terms = logs[trials] - logs[count] - logs[trials - count] + count * math.log(rate)
    log_terms = log_terms + (trials - count) * math.log1p(-rate)
    top = float(log_terms.max())
    return float(min(1.0, math.exp(top) * np.exp(log_terms - top).sum()))


def hoeffding_bentkus(values: ArrayLike, threshold: float) -> float:
    """The smaller of Hoeffding's and Bentkus' p-values.

    >>> round(hoeffding_bentkus([1.0] * 20, 0.5), 8)        # Hoeffding's 0.5 ** 20; Bentkus' is e times that
    9.5e-07
    """
    x = _values(values)
    n, mean = x.size, float(x.mean())
    if mean <= threshold:
        return 1.0
    if threshold <= 0.0:
        return 0.0
    hoeffding = math.exp(-n * _divergence(mean, threshold))
    bentkus = math.e * binomial_tail(math.ceil(n * mean - 1e-9), n, threshold)
    return min(1.0, hoeffding, bentkus)


def betting(values: ArrayLike, threshold: float, stakes: Sequence[float] = (0.25, 0.5, 1.0)) -> float:
    """The p-value of a bettor who stakes on every question in turn that its value is above the threshold.

    His capital multiplies by 1 + s (x - threshold) / threshold for a question of value x, and while the hypothesis is true it can
    only fall on average; so the chance that it ever grows k-fold is at most 1 / k (Ville), and p is one over the most that it ever
    was. Several stakes: the capital is shared among them equally. The questions must stand in an order that does not depend on
    their values.

    Args:
        values: `[n]` in [0, 1].
        threshold: of the hypothesis "mean <= threshold".
        stakes: shares of the capital that a value of 0 loses, each in [0, 0.95]; larger ones are cut. Fixed beforehand, or chosen
            on other questions (see `stakes_for`).

    >>> round(betting([1.0, 1.0, 1.0], 0.5, stakes=[0.5]), 3)     # 1 / 1.5 ** 3
    0.296
    """
    x = _values(values)
    if threshold >= 1.0:
        return 1.0
    if threshold <= 0.0:
        return 0.0 if float(x.max()) > 0.0 else 1.0
    shares = np.clip(np.asarray(stakes, dtype=np.float64), 0.0, MOST_STAKED)
    growth = np.cumsum(np.log1p(np.outer(x / threshold - 1.0, shares)), axis=0)
    best = float(growth.max())
    capital = np.exp(growth - best).mean(axis=1).max()
    return float(min(1.0, math.exp(-best) / capital))


def stakes_for(learned: ArrayLike, threshold: float, questions: int) -> tuple[float, ...]:
    """Stakes for `betting` on `questions` other questions like the learned ones.

    The stake that makes the capital grow fastest is about d / (v + d^2) with d the excess over the threshold and v the variance;
    half of it stands beside it, since what was learned is uncertain. No excess counts as less than one standard error of the
    coming test.

    >>> stakes_for([0.5, 0.9], threshold=0.6, questions=100)
    (0.444444, 0.222222)
    """
    x = _values(learned)
    variance = max(float(x.var()), 1.0 / (4 * x.size))
    excess = max(float(x.mean()) - threshold, math.sqrt(variance / questions))
    stake = round(min(MOST_STAKED, threshold * excess / (variance + excess**2)), 6)
    return stake, round(stake / 2, 6)


def _divergence(mean: float, threshold: float) -> float:
    """Kullback-Leibler divergence of coins with these rates, in nats."""
    found = 0.0
    if mean > 0.0:
        found += mean * math.log(mean / threshold)
    if mean < 1.0:
        found += (1.0 - mean) * math.log((1.0 - mean) / (1.0 - threshold))
    return found


def _values(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0 or not ((x >= 0.0) & (x <= 1.0)).all():
        raise UserError(
            f"A p-value needs values in [0, 1], one for each question and at least one; their shape is {x.shape}."
        )
    return x
