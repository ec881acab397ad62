"""Ways of spending inference on a question, and how far a budget goes with each.

A way is a method at rising sizes (N samples, a beam search with N generations), with what each achieves and costs on every
question. Budgets are means over questions: who serves a model pays for all questions together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Floats, Ints
from outlay.errors import UserError

_EQUAL = 1e-9


@dataclass(frozen=True, eq=False)
class Spending:
    """A method at K sizes on Q questions.

    `n` int `[K]` rises; `accuracy` and `flops` are `[Q, K]`; mean FLOPs rise with n. `any_size` says whether one more sample
    is a size of its own (a pool of samples); else sizes double (a search was run at some budgets only).
    """

    method: str
    n: Ints
    accuracy: Floats
    flops: Floats
    any_size: bool = True

    def __post_init__(self) -> None:
        for name, kind in (("n", np.int64), ("accuracy", np.float64), ("flops", np.float64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=kind))
        if self.accuracy.shape != self.flops.shape or self.accuracy.ndim != 2 or self.accuracy.shape[1] != self.n.size:
            raise UserError(
                f"{self.method}: accuracy {self.accuracy.shape} and FLOPs {self.flops.shape} must both be "
                f"[questions, {self.n.size} sizes]"
            )
        if (np.diff(self.n) <= 0).any():
            raise UserError(f"{self.method}: sizes must rise; they are {self.n.tolist()}")

    @property
    def mean_flops(self) -> Floats:
        """Mean FLOPs a question at each size: `[K]`."""
        means: Floats = self.flops.mean(axis=0)
        return means

    def on(self, questions: ArrayLike) -> Spending:
        """The same on these questions (indices or a mask)."""
        rows = np.asarray(questions)
        return Spending(self.method, self.n, self.accuracy[rows], self.flops[rows], self.any_size)


@dataclass(frozen=True)
class Matched:
    """How far a budget goes: the place of the largest size that it pays for, and whether it would have paid for more.

    `place` is None where not even the smallest size fits. `beyond` says that the budget exceeds what was drawn: what stands
    at `place` is then what the largest size gives, not what the budget would.
    """

    place: int | None
    beyond: bool


def matched(spending: Spending, budget: float) -> Matched:
    """The largest size of a method whose mean cost is within the budget (FLOPs a question).

    >>> drawn = Spending("best_of_n", [1, 2, 4], [[0.2, 0.4, 0.6]], [[10.0, 20.0, 40.0]])
    >>> matched(drawn, 25.0), matched(drawn, 55.0), matched(drawn, 5.0)
    (Matched(place=1, beyond=False), Matched(place=2, beyond=True), Matched(place=None, beyond=False))
    """
    means = spending.mean_flops
    fits = np.flatnonzero(means <= budget * (1 + _EQUAL))
    if fits.size == 0:
        return Matched(None, False)
    place = int(fits[-1])
    if place + 1 < means.size:
        return Matched(place, False)
    largest = int(spending.n[-1])
    following = means[-1] * ((largest + 1) / largest if spending.any_size else 2.0)
    return Matched(place, bool(following <= budget * (1 + _EQUAL)))
