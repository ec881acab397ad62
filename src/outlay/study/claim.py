"""A claim: a finding of the literature, asked of one set of runs, and whether they say that it holds.

Every claim compares two sides on the same questions; the mean difference has a 95% bootstrap interval over questions, and the
verdict follows from the interval alone. None is ordered to hold, and all that are asked are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from outlay.curves import paired_difference
from outlay.curves.intervals import resampled_means
from outlay.study.figures import plain
from outlay.study.pools import Floats
from outlay.study.settings import Settings

Verdict = Literal["holds", "does not hold", "cannot be told"]
Unit = Literal["points", "times"]

VERDICTS: tuple[Verdict, ...] = ("holds", "does not hold", "cannot be told")

FEWEST_DIFFERING = 6
"""On fewer questions that tell the two sides apart nothing is concluded: five of five one way happen by chance in 1 of 16."""

SAME = 0.001
"""Sides whose difference surely lies within a tenth of a point either way are the same."""

NEARLY = 0.02
"""Within two points either way one thing is nearly as good as another; fixed before any question was looked at."""

APART = 0.01
"""Two sides differ on a question where their (expected) accuracies there are at least a point apart."""


@dataclass(frozen=True)
class Finding:
    """What was found elsewhere: its name, the sentence that is claimed, and where it stands.

    `number` orders the findings as `docs/explanation/claims.md` tells them. `paper` is what its authors report, in their own
    figures where they give any.
    """

    number: int
    name: str
    says: str
    source: str
    paper: str = ""


@dataclass(frozen=True)
class Claim:
    """A finding asked of one task and model: `ahead` less `behind`, paired by question, and the verdict.

    Accuracies and differences are shares (0.01 is one point). `subject` says what is tried where one task has several (which
    search, which verifier), `on` on which questions and at which budget, `bins` by which kind of difficulty (None: all
    questions), `differing` on how many questions the two sides differ. With a `margin` the claim is that the two are nearly as
    good, without one that `ahead` is ahead: that the difference is above `level`. In `times` the figures are ratios and not
    differences (2.0 is half the compute), and an upper end may be infinite.
    """

    finding: Finding
    task: str
    model: str
    ahead: str
    behind: str
    subject: str
    on: str
    bins: str | None
    questions: int
    differing: int
    mean: float
    low: float
    high: float
    margin: float | None = None
    note: str = ""
    unit: Unit = "points"
    level: float = 0.0

    @property
    def same(self) -> bool:
        """Whether the two sides surely differ by no more than a tenth of a point."""
        within = self.low >= -SAME and self.high <= SAME
        return self.unit == "points" and self.differing >= FEWEST_DIFFERING and within

    @property
    def verdict(self) -> Verdict:
        """What the interval says."""
        return verdict_of(self.low, self.high, self.differing, self.margin, self.level)

    def as_dict(self) -> dict[str, Any]:
        """The claim as `summary.json` holds it."""
        few = f"they differ on {self.differing} questions only" if self.differing < FEWEST_DIFFERING else ""
        same = "the same, to within 0.1 point" if self.same else ""
        return {
            "finding": self.finding.number,
            "name": self.finding.name,
            "claim": self.finding.says,
            "source": self.finding.source,
            "paper": self.finding.paper,
            "task": self.task,
            "model": self.model,
            "ahead": self.ahead,
            "behind": self.behind,
            "subject": self.subject,
            "on": self.on,
            "bins": self.bins,
            "questions": self.questions,
            "differing": self.differing,
            "difference": {"mean": plain(self.mean), "low": plain(self.low), "high": plain(self.high)},
            "margin": self.margin,
            "unit": self.unit,
            "level": self.level,
            "verdict": self.verdict,
            "note": "; ".join(part for part in (few, same, self.note) if part),
        }


def verdict_of(low: float, high: float, differing: int, margin: float | None = None, level: float = 0.0) -> Verdict:
    """The verdict of an interval of `ahead` less `behind`.

    Without a margin: holds above the level, does not hold below. With one: holds within the margin, does not hold wholly outside.

    >>> verdict_of(0.01, 0.03, 50), verdict_of(-0.03, -0.01, 50), verdict_of(-0.01, 0.03, 50)
    ('holds', 'does not hold', 'cannot be told')
    >>> verdict_of(-0.01, 0.015, 50, margin=0.02), verdict_of(-0.09, -0.03, 50, margin=0.02)
    ('holds', 'does not hold')
    """
    if differing < FEWEST_DIFFERING:
        return "cannot be told"
    if margin is not None:
        if -margin <= low and high <= margin:
            return "holds"
        return "does not hold" if high < -margin or low > margin else "cannot be told"
    if low >= level - SAME and high <= level + SAME:
        return "cannot be told"
    return "holds" if low > level else "does not hold" if high < level else "cannot be told"


@dataclass(frozen=True)
class Asked:
    """Where claims are asked: of which task and model, and how differences are resampled."""

    task: str
    model: str
    settings: Settings

    def paired(
        self,
        finding: Finding,
        sides: tuple[str, str],
        values: tuple[Floats, Floats],
        subject: str,
        on: str,
        *,
        bins: str | None = None,
        margin: float | None = None,
        note: str = "",
    ) -> Claim:
        """The claim that the first of two sides is ahead of the second (with a margin: nearly as good).

        Args:
            finding: what is claimed.
            sides: what the two are called.
            values: their accuracies `[Q]` on the same questions, at least one.
            subject, on, bins, margin, note: as in `Claim`.
        """
        first, second = values
        found = paired_difference(first, second, resamples=self.settings.resamples, seed=self.settings.seed)
        differing = int((np.abs(first - second) >= APART).sum())
        mean, low, high = (float(part[0]) for part in (found.mean, found.low, found.high))
        return self._claim(finding, sides, (subject, on), len(first), differing, (mean, low, high), bins, margin, note)

    def unpaired(
        self,
        finding: Finding,
        sides: tuple[str, str],
        values: tuple[Floats, Floats],
        subject: str,
        on: str,
        *,
        note: str = "",
    ) -> Claim:
        """The claim that the mean of the first side is above the second's, where the questions are not the same.

        Both sides are resampled on their own. `values` are gains `[Q1]` and `[Q2]`; questions that gain or lose at
        least a point are those that differ.
        """
        first, second = values
        options = (self.settings.resamples, self.settings.seed), (self.settings.resamples, self.settings.seed + 1)
        means = [resampled_means(side[:, None], *one)[:, 0] for side, one in zip(values, options, strict=True)]
        mean = float(first.mean() - second.mean())
        low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
        differing = int((np.abs(first) >= APART).sum() + (np.abs(second) >= APART).sum())
        ends = mean, min(float(low), mean), max(float(high), mean)
        return self._claim(finding, sides, (subject, on), len(first) + len(second), differing, ends, None, None, note)

    def read(
        self,
        finding: Finding,
        sides: tuple[str, str],
        found: tuple[float, float, float],
        counts: tuple[int, int],
        subject: str,
        on: str,
        *,
        bins: str | None = None,
        margin: float | None = None,
        note: str = "",
        unit: Unit = "points",
        level: float = 0.0,
    ) -> Claim:
        """The claim of a figure that was computed elsewhere, with its interval.

        Args:
            finding, sides, subject, on, bins, margin, note, unit, level: as in `Claim`.
            found: mean and both ends of the interval; an upper end may be infinite where the unit is `times`.
            counts: how many questions there are, and on how many of them the two sides differ.
        """
        questions, differing = counts
        claim = self._claim(finding, sides, (subject, on), questions, differing, found, bins, margin, note)
        return replace(claim, unit=unit, level=level)

    def _claim(
        self,
        finding: Finding,
        sides: tuple[str, str],
        where: tuple[str, str],
        questions: int,
        differing: int,
        found: tuple[float, float, float],
        bins: str | None,
        margin: float | None,
        note: str,
    ) -> Claim:
        mean, low, high = found
        return Claim(
            finding, self.task, self.model, *sides, *where, bins, questions, differing, mean, low, high, margin, note
        )


def counted(claims: Sequence[Mapping[str, Any]]) -> str:
    """How many hold, do not, and cannot be told.

    >>> counted([{"verdict": "holds"}, {"verdict": "cannot be told"}])
    '1 holds, 0 do not, 1 cannot be told'
    """
    counts = Counter(claim["verdict"] for claim in claims)
    held, failed, untold = (counts[verdict] for verdict in VERDICTS)
    return (
        f"{held} {_agree(held, 'holds', 'hold')}, {failed} {_agree(failed, 'does', 'do')} not, {untold} cannot be told"
    )


def _agree(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
