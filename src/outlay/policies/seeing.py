"""What a live question's samples show, from their texts and scores: the one-row form of `outlay.policies.looking`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import model_validator

from outlay.curves.shapes import Floats
from outlay.errors import UserError
from outlay.policies.looking import look
from outlay.policies.observed import State
from outlay.policies.parts import Part
from outlay.policies.samples import Select


class ScoreMap(Part):
    """P(right) for raw scores, by straight lines between points; the ends are level."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.scores) != len(self.probabilities) or not self.scores:
            raise ValueError("a score map needs as many probabilities as scores, at least one")
        if list(self.scores) != sorted(self.scores):
            raise ValueError("a score map's scores must rise")
        return self

    def __call__(self, scores: ArrayLike) -> Floats:
        """P(right) of these scores; 0 for what is not finite."""
        raw = np.asarray(scores, dtype=np.float64)
        finite = np.isfinite(raw)
        return np.where(finite, np.interp(np.where(finite, raw, 0.0), self.scores, self.probabilities), 0.0)


class _Nothing(dict[str, Floats]):
    """The signals before any sample: zeros."""

    def __init__(self) -> None:
        super().__init__(answered=np.zeros(1))

    def __missing__(self, name: str) -> Floats:
        return np.zeros(1)


@dataclass(frozen=True, eq=False)
class Seen:
    """The signals of one question, arrays of length 1 by name, and the sample that carries the answer."""

    signals: Mapping[str, Floats]
    place: int

    @classmethod
    def of(cls, select: Select, state: State, score_map: ScoreMap | None = None) -> Seen:
        """What a state's samples show.

        Raises:
            UserError: answers or scores that the rule needs are missing, or of another number.

        >>> seen = Seen.of("majority", State(budget=4, answers=("7", "8", "7")))
        >>> seen.place, round(float(seen.signals["agreement"][0]), 3)
        (0, 0.667)
        """
        votes, scored = select != "best_of_n", select != "majority"
        n = state.samples
        if n == 0:
            return cls(_Nothing(), 0)
        if (votes and len(state.answers) != n) or (scored and len(state.scores) != n):
            missing = "answers" if votes and len(state.answers) != n else "scores"
            raise UserError(
                f"This policy needs the `{missing}` of all {n} samples drawn so far, in the order of asking."
            )
        numbers: dict[str, int] = {}
        answers = None
        if len(state.answers) == n and votes:
            answers = np.array([[-1 if a is None else numbers.setdefault(a, len(numbers)) for a in state.answers]])
        scores = probabilities = None
        if scored:
            told = [-math.inf if math.isnan(score) else score for score in state.scores]
            if answers is not None:
                told = [score if a is not None else -math.inf for score, a in zip(told, state.answers, strict=True)]
            scores = np.array([told])
            finite = np.isfinite(scores)
            probabilities = score_map(scores) if score_map is not None else np.where(finite, scores, 0.0)
        seen = look(select, answers, scores, probabilities)
        return cls(seen.signals, int(seen.place[0]))
