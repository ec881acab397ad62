"""What sequential policies are fitted to and replayed on: recorded samples of one model, and what could be switched to.

An array a fact, `[Q, n]`: n samples of each of Q questions, in the order of asking. Where samples are independent every order of a
question's pool is as likely as the recorded one, so replays take random orders; a ladder of models has one order only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Bools, Floats, Ints
from outlay.errors import UserError

Select = Literal["majority", "best_of_n", "weighted", "consensus"]
"""How the answer is chosen among the samples so far; `consensus` is class size x score, damped as in CodeT."""


@dataclass(frozen=True, eq=False)
class Alternative:
    """What one may switch to instead of drawing more: a search, or another model; its answer is then the answer.

    `correct` `[Q]` in [0, 1] and `cost` `[Q]`, what it costs from then on, in the unit of the samples' costs; `other` the same
    cost in other units.
    """

    name: str
    model: str
    strategy: Mapping[str, Any]
    generations: int
    correct: Floats
    cost: Floats
    other: Mapping[str, Floats] = field(default_factory=dict)

    def on(self, rows: Ints) -> Alternative:
        """The same on these questions."""
        other = {unit: cost[rows] for unit, cost in self.other.items()}
        return replace(self, correct=self.correct[rows], cost=self.cost[rows], other=other)


@dataclass(frozen=True, eq=False)
class Samples:
    """n recorded samples of each of Q questions.

    Attributes:
        correct: bool `[Q, n]`.
        select: how the answer is chosen when sampling stops.
        answers: int `[Q, n]`, the same number for equal answers, -1 for none; None where answers cannot vote.
        scores: float `[Q, n]`, higher is better, minus infinity for none; None without a verifier.
        probabilities: the scores as P(right), in [0, 1]; the scores themselves where they are that already.
        cost: float `[Q, n]`, what each sample costs; 1 (a generation) where it is not given.
        other: the same costs in other units, `{"flops": [Q, n]}`.
        by_place: what the k-th sample asked adds in those units whichever it is, `[Q, n]`: reading samples that share beginnings.
        base: what is paid once a question in those units, `[Q]`.
        difficulty: `[Q]`, an estimate that was made before any sample (higher = easier), if there is one.
        alternatives: what may be switched to.
        task, model, verifier, strategy: where they come from; `strategy` draws them.
    """

    correct: Bools
    select: Select
    answers: Ints | None = None
    scores: Floats | None = None
    probabilities: Floats | None = None
    cost: Floats | None = None
    other: Mapping[str, Floats] = field(default_factory=dict)
    by_place: Mapping[str, Floats] = field(default_factory=dict)
    base: Mapping[str, Floats] = field(default_factory=dict)
    difficulty: Floats | None = None
    alternatives: tuple[Alternative, ...] = ()
    task: str = ""
    model: str = ""
    verifier: str | None = None
    strategy: Mapping[str, Any] = field(default_factory=lambda: {"name": "best_of_n"})

    def __post_init__(self) -> None:
        shape = self.correct.shape
        if len(shape) != 2 or 0 in shape:
            raise UserError(f"Samples' `correct` must be [questions, samples]; its shape is {shape}.")
        for name in ("answers", "scores", "probabilities", "cost"):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise UserError(f"Samples' `{name}` must have the shape of `correct`, {shape}; it has {array.shape}.")
        needs = {"majority": ("answers",), "best_of_n": ("scores",), "weighted": ("answers", "scores")}
        for name in needs.get(self.select, ("answers", "scores")):
            if getattr(self, name) is None:
                raise UserError(f"Choosing by {self.select} needs the samples' {name}, which are not known.")
        if self.scores is not None and self.probabilities is None:
            finite = self.scores[np.isfinite(self.scores)]
            if finite.size and (finite.min() < 0 or finite.max() > 1):
                raise UserError(
                    f"Scores run from {finite.min():.3g} to {finite.max():.3g} and are no probabilities: give these too."
                )
            object.__setattr__(self, "probabilities", np.where(np.isfinite(self.scores), self.scores, 0.0))

    @property
    def questions(self) -> int:
        """How many questions."""
        return int(self.correct.shape[0])

    @property
    def size(self) -> int:
        """Samples a question."""
        return int(self.correct.shape[1])

    def on(self, questions: ArrayLike) -> Samples:
        """The same samples of these questions (indices or a mask)."""
        chosen = np.asarray(questions)
        rows: Ints = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)

        def kept(array: Any) -> Any:
            return None if array is None else array[rows]

        return replace(
            self,
            correct=self.correct[rows],
            answers=kept(self.answers),
            scores=kept(self.scores),
            probabilities=kept(self.probabilities),
            cost=kept(self.cost),
            other={unit: cost[rows] for unit, cost in self.other.items()},
            by_place={unit: cost[rows] for unit, cost in self.by_place.items()},
            base={unit: cost[rows] for unit, cost in self.base.items()},
            difficulty=kept(self.difficulty),
            alternatives=tuple(one.on(rows) for one in self.alternatives),
        )

    def switching_to(self, names: Sequence[str]) -> Samples:
        """The same with these alternatives alone, in this order.

        Raises:
            UserError: one that was not recorded.
        """
        known = {one.name: one for one in self.alternatives}
        for name in names:
            if name not in known:
                raise UserError(
                    f"What {name} gives was not recorded for these questions, so switching to it cannot be replayed."
                )
        return replace(self, alternatives=tuple(known[name] for name in names))

    def orders(self, count: int, seed: int = 0) -> Ints:
        """`count` random orders of each question's samples: `[count, Q, n]`.

        A question's orders do not depend on which questions stand beside it only where their places are the same; draw them for
        all questions and take rows.
        """
        generator = np.random.default_rng([seed, 0x0DE5])
        return np.stack([np.argsort(generator.random(self.correct.shape), axis=1) for _ in range(count)])
