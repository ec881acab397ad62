"""Is what comes in still like what the policy was calibrated on? A test that may be looked at after every request.

For each statistic of an answered question (agreement of its samples, the verifier's best score, the cost) a `Reference` in the
policy file holds how the calibration's questions were spread over a fixed grid of levels. A `Monitor` compares: each new value
gets its rank among *all* values so far, the calibration's and the later ones, ties broken at random. While all of them are
exchangeable (come from one source, in no order) these ranks are independent and uniform, whatever the source is and however few
questions the reference holds (Vovk, Gammerman & Shafer, "Algorithmic learning in a random world", chapter 8). A bettor who
stakes on low or on high ranks, from a start that he does not know, then cannot get rich: the chance that his capital ever
exceeds k / level is at most level / k (Ville). With k statistics the alarm is raised when any of their bettors gets there, and
stays: a false alarm, ever, has at most probability `level`.

It does not promise to notice every change: it sees what moves these statistics up or down, and the sooner the larger the move.
"""

from __future__ import annotations

import math
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from outlay.errors import UserError

LEVEL = 0.01
"""How likely a false alarm may be, over all time."""
STAKES = (-1.9, -1.0, -0.5, 0.5, 1.0, 1.9)
"""Slopes of the bets 1 + s (rank - 1/2); positive ones win on high ranks."""
PATIENCE = 200.0
"""A bettor has begun to bet by this many observations with probability one half, whenever the change comes."""
RECENT = 200.0
"""Observations over which the recent mean is taken (exponentially weighted)."""
_WORD = (1 << 64) - 1
WORDS = {
    "agreement": "the samples' agreement",
    "score": "the verifier's best score",
    "cost": "the cost of a question",
    "confidence": "the confidence of answers",
}


class Spread(BaseModel):
    """How the calibration's values of one statistic are spread: `counts[i]` of them lie below `edges[i]` and not below the edge
    before it.

    The last count has no upper edge. Edges come from other questions than the counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    edges: tuple[float, ...]
    counts: tuple[int, ...] = Field(min_length=1)
    mean: float = Field(description="of the values themselves")

    @model_validator(mode="after")
    def _tables_fit(self) -> Spread:
        if len(self.counts) != len(self.edges) + 1 or any(count < 0 for count in self.counts) or sum(self.counts) < 1:
            raise ValueError("`counts` need one entry more than `edges`, none below 0 and not all 0")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("`edges` must rise")
        return self

    def level(self, value: float) -> int:
        """The place of a value among `counts`."""
        return bisect_right(self.edges, value)


class Reference(BaseModel):
    """What the calibration's questions looked like: a `Spread` for each statistic; `about` says which plan it is of.

    >>> reference = Reference.of({"cost": [4.0, 8.0]}, {"cost": [4.0, 4.0, 8.0]})
    >>> reference.statistics["cost"].counts
    (2, 1)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    statistics: dict[str, Spread] = Field(min_length=1)
    questions: int = Field(ge=1)
    about: str = Field("", description="the plan whose answered questions these are")

    @classmethod
    def of(
        cls,
        learned: Mapping[str, Sequence[float]],
        tested: Mapping[str, Sequence[float]],
        *,
        levels: int = 16,
        about: str = "",
    ) -> Reference:
        """Edges between the quantiles of the learned questions' values, counts of the tested ones.

        Raises UserError where there are no values of a statistic.
        """
        spreads = {}
        for name, values in tested.items():
            x, known = np.asarray(values, dtype=np.float64), np.unique(np.asarray(learned[name], dtype=np.float64))
            if x.size == 0 or known.size == 0:
                raise UserError(f"A reference for drift needs values of {name}; there are none.")
            cuts = (known[1:] + known[:-1]) / 2
            if cuts.size >= levels:
                cuts = np.unique(
                    np.quantile(np.asarray(learned[name], dtype=np.float64), np.arange(1, levels) / levels)
                )
            edges = tuple(round(float(cut), 9) for cut in cuts)
            counts = np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1)
            spreads[name] = Spread(edges=edges, counts=tuple(int(c) for c in counts), mean=round(float(x.mean()), 6))
        return cls(statistics=spreads, questions=max(sum(spread.counts) for spread in spreads.values()), about=about)


@dataclass(frozen=True)
class Status:
    """What a monitor knows: the alarm is raised when `evidence` reaches 1 / level, and stays.

    `by_statistic` is the capital of each statistic's bettor, who began with 1; `evidence` is the largest of them, divided by how
    many there are. `sentence` says what changed, or that no change is shown.
    """

    observed: int
    evidence: float
    alarm: bool
    by_statistic: Mapping[str, float]
    sentence: str


@dataclass
class _Bettor:
    """One statistic's bettor: `asleep` has not begun to bet; `awake[i]` is what is staked on `STAKES[i]`."""

    counts: list[float]
    asleep: float = 1.0
    awake: list[float] = field(default_factory=lambda: [0.0] * len(STAKES))
    seen: int = 0
    recent: float | None = None

    @property
    def capital(self) -> float:
        return self.asleep + sum(self.awake)

    def bet(self, level: int, uniform: float) -> None:
        """Bet on the rank of a value at this level, among all values so far and itself."""
        same = self.counts[level] + 1.0
        rank = (sum(self.counts[:level]) + uniform * same) / (sum(self.counts) + 1.0)
        waking = self.asleep / (PATIENCE + self.seen + 1.0)
        self.asleep -= waking
        self.awake = [
            min((capital + waking / len(STAKES)) * (1.0 + stake * (rank - 0.5)), 1e250)
            for capital, stake in zip(self.awake, STAKES, strict=True)
        ]
        self.counts[level] += 1.0
        self.seen += 1


class Monitor:
    """Watches a stream of answered questions for a change since calibration; not for several threads at once.

    >>> reference = Reference.of({"cost": [1.0, 2.0, 3.0, 4.0]}, {"cost": [1.0, 2.0, 3.0, 4.0] * 25})
    >>> monitor = Monitor(reference)
    >>> for _ in range(60):
    ...     status = monitor.observe({"cost": 4.0})
    >>> status.alarm, status.sentence
    (True, 'Since calibration the cost of a question has become higher: recently 4 on average, 2.5 then.')
    """

    def __init__(self, reference: Reference, *, level: float = LEVEL, seed: int = 0) -> None:
        """`level`: how likely a false alarm may be, ever. `seed`: of the breaking of ties.

        Raises UserError for a level outside (0, 1).
        """
        if not 0.0 < level < 1.0:
            raise UserError(f"The level of a drift alarm lies between 0 and 1 (0.01 is usual); it is {level:g}.")
        self.reference, self.level, self.seed = reference, level, seed
        self.reset()

    def reset(self) -> None:
        """Forget what was observed, and the alarm."""
        self._bettors = {
            name: _Bettor([float(count) for count in spread.counts])
            for name, spread in self.reference.statistics.items()
        }
        self._alarm: str | None = None
        self._observed = 0

    def observe(self, values: Mapping[str, float]) -> Status:
        """Enter one answered question, and say how things stand. Statistics that the reference lacks, and NaN, are passed over."""
        for name, bettor in self._bettors.items():
            value = values.get(name, math.nan)
            if math.isnan(value):
                continue
            spread = self.reference.statistics[name]
            bettor.bet(spread.level(value), _uniform(self.seed, name, bettor.seen))
            share = 1.0 / min(bettor.seen, RECENT)
            bettor.recent = value if bettor.recent is None else bettor.recent + share * (value - bettor.recent)
        self._observed += 1
        if self._alarm is None and self._evidence() >= 1.0 / self.level:
            self._alarm = self._what_changed()
        return self.status()

    def status(self) -> Status:
        """How things stand."""
        capitals = {name: bettor.capital for name, bettor in self._bettors.items()}
        sentence = self._alarm or f"No change since calibration is shown by {self._observed} answered questions."
        return Status(self._observed, self._evidence(), self._alarm is not None, capitals, sentence)

    def state(self) -> dict[str, Any]:
        """Everything observed, as plain numbers: for `restore` after a restart."""
        return {
            "level": self.level,
            "seed": self.seed,
            "alarm": self._alarm,
            "observed": self._observed,
            "bettors": {
                name: {"counts": b.counts, "asleep": b.asleep, "awake": b.awake, "seen": b.seen, "recent": b.recent}
                for name, b in self._bettors.items()
            },
        }

    @classmethod
    def restore(cls, reference: Reference, state: Mapping[str, Any]) -> Monitor:
        """The monitor whose `state` this is.

        Raises UserError where the state is of another reference.
        """
        monitor = cls(reference, level=state["level"], seed=state["seed"])
        kept = state["bettors"]
        fits = kept.keys() == reference.statistics.keys() and all(
            len(kept[name]["counts"]) == len(spread.counts) for name, spread in reference.statistics.items()
        )
        if not fits:
            raise UserError(
                "The kept state of the drift monitor belongs to another policy file; delete it to begin anew."
            )
        monitor._bettors = {name: _Bettor(**kept[name]) for name in reference.statistics}
        monitor._alarm, monitor._observed = state["alarm"], int(state["observed"])
        return monitor

    def _evidence(self) -> float:
        return max(bettor.capital for bettor in self._bettors.values()) / len(self._bettors)

    def _what_changed(self) -> str:
        name = max(self._bettors, key=lambda one: self._bettors[one].capital)
        bettor, then = self._bettors[name], self.reference.statistics[name].mean
        up = sum(c for c, s in zip(bettor.awake, STAKES, strict=True) if s > 0) >= bettor.capital / 2
        now = bettor.recent if bettor.recent is not None else math.nan
        return (
            f"Since calibration {WORDS.get(name, name)} has become {'higher' if up else 'lower'}: recently {now:.3g} on average, "
            f"{then:.3g} then."
        )


def _uniform(seed: int, name: str, place: int) -> float:
    """A number in [0, 1) for this statistic's observation at this place, the same after a restart (SplitMix64)."""
    mixed = (
        seed * 0x9E3779B97F4A7C15 + zlib.crc32(name.encode()) * 0xD1B54A32D192ED03 + place + 1
    ) * 0x9E3779B97F4A7C15
    mixed &= _WORD
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
    return ((mixed ^ (mixed >> 31)) >> 11) / float(1 << 53)


def statistics(
    answers: Sequence[str | None], scores: Sequence[float | None] | None, generations: float
) -> dict[str, float]:
    """What a monitor observes of one answered question: agreement, best score and cost; what is not known is left out.

    Args:
        answers: of the samples drawn, equal texts for equal answers, None for one without.
        scores: the verifier's, of the same samples; NaN, None or infinite where there is none.
        generations: what was spent.

    >>> statistics(["4", "4", "5", None], [0.9, 0.8, 0.1, None], 4)
    {'cost': 4.0, 'agreement': 0.5, 'score': 0.9}
    """
    found = {"cost": float(generations)}
    if len(answers) > 1:
        counts: dict[str, int] = {}
        for answer in answers:
            if answer is not None:
                counts[answer] = counts.get(answer, 0) + 1
        found["agreement"] = max(counts.values(), default=0) / len(answers)
    rated = [score for score in scores or () if score is not None and math.isfinite(score)]
    if rated:
        found["score"] = float(max(rated))
    return found
