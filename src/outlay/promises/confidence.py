"""How sure an answer is: P(it is right), calibrated, from what was drawn for the question.

Two steps. A logistic regression weighs what the samples show (votes for the answer against the others, its lead over the next,
how many were drawn, the verifier's scores of it); then an isotonic map (Zadrozny & Elkan, 2002) turns its output into the share
that is really right, fitted on outputs for questions that the regression had not seen. Both are small tables of numbers in the
policy file.

`outlay.promises.fitting_confidence` fits and measures it. It holds for questions like
those it was fitted on; a drift monitor watches for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, model_validator

from outlay.curves.shapes import Floats, Ints

Selection = Literal["majority", "weighted", "best_of_n"]

_EDGE = 1e-3
"""Scores nearer to 0 or 1 than this are read as this near."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What had been drawn when R answers were given: classes of answers (-1 for none) and scores `[R, n]`, NaN where fewer were
    drawn.

    `scores` are probabilities (minus infinity where there is no answer), or None without a verifier; `drawn` `[R]` counts samples;
    `chosen` `[R]` is the class of the answer that was given. `difficulty` `[R]`, in (0, 1) and higher = easier, is what was known
    before anything was drawn, or None.
    """

    answers: Ints
    scores: Floats | None
    drawn: Ints
    chosen: Ints
    difficulty: Floats | None = None


class Reliability(BaseModel):
    """How good the confidence was on questions that it had not seen, with 95% intervals over questions.

    `calibration_error` is the expected calibration error over ten bins of equal size (finite bins make it larger than nothing
    even for a perfect map); `brier` the mean squared error; `base` the Brier score of always saying the overall accuracy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: int = Field(ge=1)
    brier: float
    brier_low: float
    brier_high: float
    base: float
    calibration_error: float
    calibration_error_low: float
    calibration_error_high: float


class Confidence(BaseModel):
    """A calibrated P(the answer is right); `of` applies it.

    `features` names what is read, in the order of `means`, `scales` and `weights`; `knots` are where the isotonic map has a block
    (of the regression's log-odds), `values` its value there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    selection: Selection = Field(description="how the answer is chosen where the caller does not say which was given")
    features: tuple[str, ...] = Field(description="what is read off the samples")
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    knots: tuple[float, ...] = Field(min_length=1, description="log-odds, rising")
    values: tuple[float, ...] = Field(min_length=1, description="P(right) at the knots, rising")
    floor: float | None = Field(
        None,
        gt=0,
        le=1,
        description="P(right) where no sample has an answer: half a question of all; null where no sample carries the answer",
    )
    score_knots: tuple[float, ...] = Field((), description="where scores are no probabilities: scores, rising ...")
    score_values: tuple[float, ...] = Field((), description="... and the P(right) that they stand for")
    most_drawn: int = Field(ge=1, description="the most samples that it was fitted with")
    reliability: Reliability | None = None

    @model_validator(mode="after")
    def _tables_fit(self) -> Confidence:
        sizes = {len(self.features), len(self.means), len(self.scales), len(self.weights)}
        if len(sizes) > 1 or set(self.features) - set(FEATURES):
            raise ValueError(
                f"`features`, `means`, `scales` and `weights` need the same length, and names among {', '.join(FEATURES)}"
            )
        if len(self.knots) != len(self.values) or list(self.knots) != sorted(self.knots):
            raise ValueError("`knots` must rise, one for each of `values`")
        if list(self.values) != sorted(self.values) or not all(0 <= value <= 1 for value in self.values):
            raise ValueError("`values` must rise within [0, 1]")
        if len(self.score_knots) != len(self.score_values) or list(self.score_knots) != sorted(self.score_knots):
            raise ValueError("`score_knots` must rise, one for each of `score_values`")
        if any(scale <= 0 for scale in self.scales):
            raise ValueError("`scales` must be above 0")
        return self

    @property
    def reads_scores(self) -> bool:
        """Whether it needs a verifier's scores."""
        return any(name in SCORED for name in self.features)

    def of(
        self,
        answers: Sequence[str | None],
        scores: Sequence[float | None] | None = None,
        chosen: str | None = None,
        difficulty: float | None = None,
    ) -> float | None:
        """P(the answer is right), from the samples so far; None where nothing was drawn, or scores are needed and missing.

        Args:
            answers: of every sample, equal texts for equal answers, None for one without.
            scores: the verifier's, of the same samples, as it gives them; NaN or None for one that could not be rated.
            chosen: the answer that is given; where it is None, the one that `selection` chooses.
            difficulty: what was known of the question before, where that is read.

        None too for a `chosen` answer that no sample has: nothing was fitted to such. Where no sample has an answer it is `floor`.
        """
        if DIFFICULTY in self.features and difficulty is None:
            return None
        told = None if difficulty is None else np.array([difficulty])
        if not answers and self.floor is None:
            return float(self.of_drawn(nothing_drawn(1, told, scored=self.reads_scores))[0])
        if not answers or (self.reads_scores and not scores) or (chosen is not None and chosen not in answers):
            return None
        classes: dict[str, int] = {}
        numbers = [-1 if answer is None else classes.setdefault(answer, len(classes)) for answer in answers]
        rated = None
        if self.reads_scores and scores:
            rated = self._probabilities(scores)
        held = np.array([numbers], dtype=np.int64)
        place = chosen_class(held, rated, self.selection) if chosen is None else np.array([classes[chosen]])
        drawn = Drawn(held, rated, np.array([len(answers)]), place, told)
        return float(self.of_drawn(drawn)[0])

    def _probabilities(self, scores: Sequence[float | None]) -> Floats:
        """Scores of one question's samples as P(right) `[1, n]`, NaN where there is none."""
        raw = np.array([[np.nan if score is None else score for score in scores]], dtype=np.float64)
        if not self.score_knots:
            return raw
        return np.where(np.isfinite(raw), np.interp(raw, self.score_knots, self.score_values), raw)

    def of_drawn(self, drawn: Drawn) -> Floats:
        """P(right) of many answers at once `[R]`."""
        values = np.interp(self.log_odds(drawn), self.knots, self.values)
        if self.floor is None:
            return np.asarray(values, dtype=np.float64)
        voted = ((drawn.answers == drawn.chosen[:, None]) & (drawn.chosen >= 0)[:, None]).any(axis=1)
        return np.where(voted, values, self.floor)

    def log_odds(self, drawn: Drawn) -> Floats:
        """The regression's output `[R]`, before the isotonic map."""
        standard = (read(drawn, self.features) - np.array(self.means)) / np.array(self.scales)
        odds: Floats = standard @ np.array(self.weights) + self.intercept
        return odds


DIFFICULTY = "difficulty"
FEATURES = ("votes", "drawn", "lead", "best_score", "score_share", DIFFICULTY)
"""What can be read: log-odds of the answer's share of votes, log of how many were drawn, its lead over the next answer as a
share; with scores the log-odds of its best score and of its share of all scores; and those of the difficulty known before."""
SCORED = ("best_score", "score_share")


def read(drawn: Drawn, features: Sequence[str]) -> Floats:
    """The features of R answers: `[R, F]`."""
    same = (drawn.answers == drawn.chosen[:, None]) & (drawn.chosen >= 0)[:, None]
    votes, total = same.sum(axis=1), drawn.drawn
    columns: dict[str, Floats] = {
        "votes": np.log((votes + 0.5) / (total - votes + 0.5)),
        "drawn": np.log(np.maximum(total, 1)),
        "lead": (votes - _next(drawn)) / np.maximum(total, 1),
    }
    if drawn.difficulty is not None:
        columns[DIFFICULTY] = _log_odds(drawn.difficulty)
    if drawn.scores is not None and any(name in SCORED for name in features):
        rated = np.isfinite(drawn.scores)
        scores = np.where(rated, drawn.scores, 0.0)
        best = np.where(same & rated, drawn.scores, 0.0).max(axis=1)
        mass = np.where(same, scores, 0.0).sum(axis=1)
        columns["best_score"] = _log_odds(best)
        columns["score_share"] = np.log((mass + 0.05) / (scores.sum(axis=1) - mass + 0.05))
    return np.stack([columns[name] for name in features], axis=1)


def chosen_class(answers: Ints, scores: Floats | None, selection: Selection) -> Ints:
    """The class that the selection rule chooses in each row `[R]`, ties to the first that was asked for; -1 where there is no
    answer.
    """
    rows = len(answers)
    counted = np.ones(answers.shape) if scores is None or selection == "majority" else np.nan_to_num(scores, neginf=0.0)
    if selection == "best_of_n" and scores is not None:
        rated = np.where((answers >= 0) & np.isfinite(scores), scores, -np.inf)
        best = rated.argmax(axis=1)
        return np.where(rated.max(axis=1) > -np.inf, answers[np.arange(rows), best], -1)
    worth = _by_class(answers, counted)
    present = _by_class(answers, np.ones(answers.shape)) > 0
    worth = np.where(present, worth, -1.0)
    return np.where(present.any(axis=1), worth.argmax(axis=1), -1)


def only(drawn: Drawn, rows: ArrayLike) -> Drawn:
    """These answers alone (indices or a mask)."""
    at = np.asarray(rows)
    scores, told = (None if one is None else one[at] for one in (drawn.scores, drawn.difficulty))
    return Drawn(drawn.answers[at], scores, drawn.drawn[at], drawn.chosen[at], told)


def nothing_drawn(rows: int, difficulty: Floats | None = None, *, scored: bool = False) -> Drawn:
    """What there is where an answer was given before anything was drawn."""
    none = np.full((rows, 1), -1, dtype=np.int64)
    scores = np.full((rows, 1), np.nan) if scored else None
    return Drawn(none, scores, np.zeros(rows, dtype=np.int64), np.full(rows, -1, dtype=np.int64), difficulty)


def _next(drawn: Drawn) -> Floats:
    """Votes of the largest class that was not chosen."""
    counts = _by_class(drawn.answers, np.ones(drawn.answers.shape))
    rows = np.arange(len(counts))
    chosen = drawn.chosen >= 0
    counts[rows[chosen], drawn.chosen[chosen]] = 0.0
    largest: Floats = counts.max(axis=1)
    return largest


def _by_class(answers: Ints, weights: Floats) -> Floats:
    """Sum of weights of each class of answers in each row: `[R, classes]`."""
    rows = len(answers)
    classes = max(int(answers.max(initial=0)) + 1, 1)
    kept = answers >= 0
    place = (np.broadcast_to(np.arange(rows)[:, None], answers.shape)[kept], answers[kept])
    total = np.bincount(place[0] * classes + place[1], weights=weights[kept], minlength=rows * classes)
    return total.astype(np.float64).reshape(rows, classes)


def _log_odds(p: Floats) -> Floats:
    clipped = np.clip(p, _EDGE, 1 - _EDGE)
    odds: Floats = np.log(clipped / (1 - clipped))
    return odds
