"""What the samples so far show: signals that a stopping rule may look at, and the answer that would be given now.

The same function serves a live question (one row) and replays (all orders of all questions at once), so what is fitted is what is
served. Signals are plain numbers by name:

`answered` share of samples with an answer · `agreement`, `runner_up` shares of all samples that the winning and the next best
answer have · `distinct` different answers a sample · `streak` how many of the newest samples in a row have one and the same answer
·
`best_score`, `second_score`, `mean_score`, `spread` of the samples' P(right) · `winner_share` the winner's share of all votes as
they are weighed · `winner_mass`, `runner_mass` votes a sample · `winner_best` the highest score of a sample with the winning
answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from outlay.curves.shapes import Bools, Floats, Ints
from outlay.policies.samples import Select

_GRID = float(1 << 20)
CODET_SIZE_POWER = 0.5
"""CodeT (Chen et al., arXiv 2207.10397) damps the size of a behaviour class by its square root."""

ROWS_AT_ONCE = 1 << 21
"""Numbers in one table of classes: rows are taken in parts that keep to it."""


@dataclass(frozen=True, eq=False)
class Look:
    """What R rows of k samples show.

    `signals` are arrays `[R]` by name; `place` `[R]` is the sample that carries the answer (the first of equals), and `credit`
    `[R]` how right the answer is: ties shared, an answer's credit its samples' mean; zeros where correctness was not given.
    """

    signals: Mapping[str, Floats]
    place: Ints
    credit: Floats


def look(
    select: Select,
    answers: Ints | None,
    scores: Floats | None,
    probabilities: Floats | None,
    correct: Bools | None = None,
) -> Look:
    """What these samples show: arrays `[R, k]`, each row the samples of one question in the order of asking.

    >>> seen = look("majority", np.array([[0, 1, 0]]), None, None)
    >>> round(float(seen.signals["agreement"][0]), 3), int(seen.place[0])
    (0.667, 0)
    """
    given = answers if answers is not None else scores
    assert given is not None
    rows, k = given.shape
    classes = int(answers.max(initial=0)) + 1 if answers is not None else 1
    part = max(1, ROWS_AT_ONCE // max(classes, k))
    if rows <= part:
        return _look(select, answers, scores, probabilities, correct, classes)

    parts = []
    for start in range(0, rows, part):
        cut = slice(start, start + part)
        parts.append(
            _look(
                select,
                None if answers is None else answers[cut],
                None if scores is None else scores[cut],
                None if probabilities is None else probabilities[cut],
                None if correct is None else correct[cut],
                classes,
            )
        )
    return Look(
        {name: np.concatenate([one.signals[name] for one in parts]) for name in parts[0].signals},
        np.concatenate([one.place for one in parts]),
        np.concatenate([one.credit for one in parts]),
    )


def _look(
    select: Select,
    answers: Ints | None,
    scores: Floats | None,
    probabilities: Floats | None,
    correct: Bools | None,
    classes: int,
) -> Look:
    signals: dict[str, Floats] = {}
    place: Ints | None = None
    credit: Floats | None = None
    if scores is not None and probabilities is not None:
        signals |= _of_scores(scores, probabilities)
        if select == "best_of_n":
            tied = scores == scores.max(axis=1, keepdims=True)
            place = tied.argmax(axis=1)
            if correct is not None:
                credit = (tied & correct).sum(axis=1) / tied.sum(axis=1)
    if answers is not None:
        votes = _Votes(select, answers, scores, probabilities, classes)
        signals |= votes.signals(place)
        if place is None:
            place = votes.place
            credit = None if correct is None else votes.credit(correct)
    assert place is not None
    return Look(signals, place, np.zeros(len(place)) if credit is None else credit)


def _of_scores(scores: Floats, probabilities: Floats) -> dict[str, Floats]:
    k = scores.shape[1]
    rated = np.isfinite(scores)
    worth = np.where(rated, probabilities, 0.0)
    second = np.partition(worth, k - 2, axis=1)[:, k - 2] if k > 1 else np.zeros(len(worth))
    return {
        "answered": rated.mean(axis=1),
        "best_score": worth.max(axis=1),
        "second_score": second,
        "mean_score": worth.mean(axis=1),
        "spread": worth.std(axis=1),
    }


class _Votes:
    """Tables `[R, C]` of what each answer has: samples, votes."""

    def __init__(
        self, select: Select, answers: Ints, scores: Floats | None, probabilities: Floats | None, classes: int
    ) -> None:
        self.answers, self.probabilities = answers, probabilities
        self.rows, self.k = answers.shape
        self.shape = (self.rows, classes)
        self.given = answers >= 0
        self.flat = (np.arange(self.rows)[:, None] * classes + answers)[self.given]
        self.count = self._sum(None)
        if select == "majority" or probabilities is None:
            self.worth = self.count
        elif select == "consensus" and scores is not None:
            raw = self._sum(np.rint(np.where(np.isfinite(scores), scores, 0.0) * _GRID)[self.given])
            self.worth = raw / np.maximum(self.count, 1.0) ** (1.0 - CODET_SIZE_POWER) / _GRID
        else:
            self.worth = self._sum(np.rint(probabilities * _GRID)[self.given]) / _GRID
        self.standing = np.where(self.count > 0, self.worth, -1.0)
        self.top = self.standing.max(axis=1)
        self.winners = (self.standing == self.top[:, None]) & (self.count > 0)
        self.winner = self.winners.argmax(axis=1)

    def _sum(self, weights: Floats | None) -> Floats:
        total = np.bincount(self.flat, weights, minlength=self.shape[0] * self.shape[1])
        table: Floats = total.astype(np.float64).reshape(self.shape)
        return table

    @property
    def place(self) -> Ints:
        """The winning answer's best sample, the first of equals; the first sample where none has an answer."""
        carries = self.given & (self.answers == self.winner[:, None])
        worth = np.ones(self.answers.shape) if self.probabilities is None else self.probabilities
        found: Ints = np.where(carries, worth, -1.0).argmax(axis=1)
        return found

    def credit(self, correct: Bools) -> Floats:
        """How right the winning answer is."""
        right = self._sum(correct[self.given].astype(np.float64))
        shares = np.where(self.winners, right / np.maximum(self.count, 1.0), 0.0).sum(axis=1)
        found: Floats = shares / np.maximum(self.winners.sum(axis=1), 1)
        return np.where(self.winners.any(axis=1), found, correct.mean(axis=1))

    def signals(self, place: Ints | None) -> dict[str, Floats]:
        """Votes of the winner (of the chosen sample's answer, where that was chosen by score) and of the next best."""
        every = np.arange(self.rows)
        winner = self.winner if place is None else np.maximum(self.answers[every, place], 0)
        own = self.standing[every, winner]
        rest = self.standing.copy()
        rest[every, winner] = -1.0
        runner = rest.argmax(axis=1)
        total = np.maximum(self.worth.sum(axis=1), 1e-9)
        some = self.given.any(axis=1)
        newest = self.answers[:, -1:]
        alike = ((self.answers == newest) & (newest >= 0))[:, ::-1]
        found = {
            "answered": self.given.mean(axis=1),
            "agreement": np.where(some, self.count[every, winner], 0.0) / self.k,
            "runner_up": np.where(rest[every, runner] >= 0, self.count[every, runner], 0.0) / self.k,
            "distinct": (self.count > 0).sum(axis=1) / self.k,
            "streak": np.where(alike.all(axis=1), self.k, alike.argmin(axis=1)).astype(np.float64),
            "winner_share": np.where(some, np.maximum(own, 0.0), 0.0) / total,
            "winner_mass": np.where(some, np.maximum(own, 0.0), 0.0) / self.k,
            "runner_mass": np.maximum(rest[every, runner], 0.0) / self.k,
        }
        if self.probabilities is not None:
            carries = self.given & (self.answers == winner[:, None])
            found["winner_best"] = np.where(carries, self.probabilities, 0.0).max(axis=1)
        return found
