"""Which test a claim gets, and what it can be expected to show: decided on questions other than those it is made on.

A `Test` is fixed on the learning questions (binomial or betting, and the stakes); its p-value and its bound come from the others.
`power` and `questions_needed` are plain estimates (normal approximations) that decide nothing about validity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Floats
from outlay.promises.p_values import betting, binomial, stakes_for

STEPS = 400
"""Bounds are looked for in so many steps from 0 to 1, and rounded to the safe side."""

MOST_QUESTIONS = 1_000_000
"""Beyond this many questions a claim is said to be out of reach."""

Kind = Literal["binomial", "betting"]


@dataclass(frozen=True)
class Test:
    """How "the mean is above the threshold" is tested; `stakes` are a bettor's."""

    __test__ = False  # no test case of pytest's

    kind: Kind
    stakes: tuple[float, ...] = ()

    @classmethod
    def choose(cls, learned: ArrayLike, threshold: float, questions: int, level: float = 0.95) -> Test:
        """The test with more power on `questions` questions like the learned ones.

        >>> Test.choose([0, 1] * 100, 0.4, 300).kind, Test.choose([0.45, 0.55] * 100, 0.48, 300).kind
        ('binomial', 'betting')
        """
        x = np.asarray(learned, dtype=np.float64)
        options = (cls("binomial"), cls("betting", stakes_for(x, threshold, questions)))
        return max(options, key=lambda test: test.power(x, threshold, questions, level))

    def p_value(self, values: ArrayLike, threshold: float, seed: int = 0) -> float:
        """P-value of "the mean is at most the threshold"."""
        if self.kind == "binomial":
            return binomial(values, threshold, seed)
        return betting(values, threshold, self.stakes)

    def lower_bound(self, values: ArrayLike, level: float = 0.95, seed: int = 0) -> float:
        """What the mean is above, with confidence `level`: every smaller threshold is rejected.

        A multiple of 1/400, rounded down; 0 where nothing can be said.

        >>> Test("binomial").lower_bound([1] * 100)      # exactly 0.05 ** (1 / 100) = 0.9705
        0.97
        """
        x = np.asarray(values, dtype=np.float64)
        rejected, accepted = 0, STEPS
        while accepted - rejected > 1:
            middle = (rejected + accepted) // 2
            if self._rejects(x, middle / STEPS, level, seed):
                rejected = middle
            else:
                accepted = middle
        return rejected / STEPS

    def power(self, expected: ArrayLike, threshold: float, questions: float, level: float = 0.95) -> float:
        """About how likely the test is to reject on `questions` questions, if they are like the `expected` ones."""
        x = np.asarray(expected, dtype=np.float64)
        if self.kind == "binomial":
            mean = min(max(float(x.mean()), 1e-6), 1 - 1e-6)
            room = max(threshold * (1 - threshold), 1e-9)
            reach = (mean - threshold) * math.sqrt(questions) - NormalDist().inv_cdf(level) * math.sqrt(room)
            return NormalDist().cdf((reach - 0.5 / math.sqrt(questions)) / math.sqrt(mean * (1 - mean)))
        return max(_crossing(x, threshold, stake, questions, level) for stake in self.stakes)

    def _rejects(self, values: Floats, threshold: float, level: float, seed: int) -> bool:
        return self.p_value(values, threshold, seed) <= 1 - level


def questions_needed(expected: ArrayLike, threshold: float, level: float = 0.95, power: float = 0.8) -> int | None:
    """About how many questions the better test needs to reject with this power; None where a million would not do.

    >>> questions_needed([0, 1, 1, 1] * 50, 0.67) in range(150, 260), questions_needed([0, 1] * 50, 0.6)
    (True, None)
    """
    x = np.asarray(expected, dtype=np.float64)

    def enough(count: int) -> bool:
        tests = (Test("binomial"), Test("betting", stakes_for(x, threshold, count)))
        return any(test.power(x, threshold, count, level) >= power for test in tests)

    low, high = 1, 2
    while not enough(high):
        low, high = high, high * 2
        if high > MOST_QUESTIONS:
            return None
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _crossing(values: Floats, threshold: float, stake: float, questions: float, level: float) -> float:
    """Chance that the capital of one bettor reaches 1 / (1 - level) within so many questions: a Brownian path with drift."""
    steps = np.log1p(stake * (values / max(threshold, 1e-9) - 1.0))
    drift, spread = float(steps.mean()), max(float(steps.std()), 1e-9)
    goal = -math.log(1 - level)
    width = spread * math.sqrt(questions)
    direct = NormalDist().cdf((drift * questions - goal) / width)
    exponent = 2 * drift * goal / spread**2
    tail = NormalDist().cdf((-drift * questions - goal) / width)
    return min(1.0, direct + (math.exp(min(exponent, 700.0)) * tail if tail > 0.0 else 0.0))
