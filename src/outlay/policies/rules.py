"""Published stopping rules, each a threshold on one signal: baselines that a sequential policy has to beat.

- `fixed`: N samples, whatever they show.
- `adaptive_consistency` (Aggarwal et al., arXiv 2305.11860): stop when the most frequent answer is so likely to stay ahead of the
  second, by a Beta posterior over their counts; where votes are weighed, over those of the two answers that have the most votes.
- `window` (Li et al., arXiv 2401.10480): stop when the newest w samples agree.
- `score_threshold`: stop when the best sample's P(right) is high enough.
- `agreement_threshold`: stop when the winner's share of the (weighed) votes is high enough; two samples are the least, since one
  always agrees with itself.
- `threshold`: the best of the last two and of the winner's best score, with a least number of samples: the tuned threshold rule.
- `cascade`: as `threshold`; what has not stopped by then is handed to another model (FrugalGPT, arXiv 2305.05176).

Threshold, least and most samples are tuned on the questions that fit, for each mean budget; a rule may also never stop early.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, inf

import numpy as np

from outlay.curves.shapes import Floats, Ints
from outlay.policies.prefixes import Ended, Prefixes

RULES = {
    "fixed": (),
    "adaptive_consistency": ("beta",),
    "window": ("streak",),
    "score_threshold": ("best_score",),
    "agreement_threshold": ("winner_share",),
    "threshold": ("best_score", "winner_share", "winner_best"),
    "cascade": ("best_score", "winner_share", "winner_best"),
}
"""Each rule with the signals that it may look at."""

LEAST: Mapping[str, tuple[int, ...]] = {
    "threshold": (1, 2, 4),
    "cascade": (1, 2, 4),
    "agreement_threshold": (2, 3, 4),
}
"""The least numbers of samples that are tried; 1 for the other rules."""

THRESHOLDS = 20


@dataclass(frozen=True)
class Threshold:
    """Stop after at least `least` samples once `signal` is at least `threshold`; at `most` samples in any case.

    `switch` is the alternative (its place) that is taken at `most` samples where the threshold was not reached; None answers.
    """

    signal: str
    threshold: float
    least: int
    most: int
    switch: int | None = None

    def end(self, rows: Prefixes) -> Ended:
        """Where it ends each row."""
        stages = np.array(rows.stages)
        last = int(np.flatnonzero(stages <= self.most)[-1])
        met = np.full(rows.rows, len(stages))
        if self.threshold < inf:
            met = _first(signal_of(rows, self.signal), rows.stages, self.threshold, self.least)
        switched = np.full(rows.rows, -1, dtype=np.int64)
        if self.switch is not None:
            switched[met > last] = self.switch
        return Ended(np.minimum(met, last), switched)


def _first(values: Floats, stages: Sequence[int], threshold: float, least: int) -> Ints:
    """The first stage with at least `least` samples at which the signal is high enough; the number of stages where there is
    none."""
    high = (values >= threshold - 1e-12) & (np.array(stages) >= least)
    return np.where(high.any(axis=1), high.argmax(axis=1), len(stages))


def signal_of(rows: Prefixes, signal: str) -> Floats:
    """A signal of the rows, `[R, T]`; `beta` is made of the counts."""
    if signal != "beta":
        return rows.signals[signal]
    k = np.array(rows.stages, dtype=np.float64)
    first = np.rint(rows.signals["agreement"] * k).astype(np.int64)
    second = np.rint(rows.signals["runner_up"] * k).astype(np.int64)
    return stays_ahead(first, second)


def stays_ahead(first: Ints, second: Ints) -> Floats:
    """P(the first answer is the more frequent of the two), from their counts: 1 - I_{1/2}(first + 1, second + 1).

    >>> stays_ahead(np.array([3, 1]), np.array([0, 1])).tolist()       # 1 - 1/16, and even odds
    [0.9375, 0.5]
    """
    table = np.array([[_ahead(a, b) for b in range(int(second.max()) + 1)] for a in range(int(first.max()) + 1)])
    found: Floats = table[first, second]
    return found


@cache
def _ahead(a: int, b: int) -> float:
    """P(Beta(a + 1, b + 1) > 1/2) = P(Binomial(a + b + 1, 1/2) <= a)."""
    trials = a + b + 1
    return sum(comb(trials, j) for j in range(a + 1)) / float(2**trials)


def tuned(rule: str, rows: Prefixes, budgets: Sequence[float], cascade_to: Sequence[int] = ()) -> list[Threshold]:
    """The rule with the best accuracy on these rows for each mean budget, among those whose mean cost fits.

    Where even a single sample costs more, that is what is left.
    """
    settings, accuracy, cost = _tried(rule, rows, cascade_to)
    cheapest = Threshold("", inf, 1, next(k for k in rows.stages if k))
    best = []
    for budget in budgets:
        fits = cost <= budget * (1 + 1e-9)
        if not fits.any():
            best.append(cheapest)
            continue
        top = accuracy[fits].max()
        equal = fits & (accuracy >= top - 1e-12)
        best.append(Threshold(*settings[int(np.flatnonzero(equal)[np.argmin(cost[equal])])]))
    return best


def _tried(
    rule: str, rows: Prefixes, cascade_to: Sequence[int]
) -> tuple[list[tuple[str, float, int, int, int | None]], Floats, Floats]:
    """Every setting of a rule, with its accuracy and its cost on these rows: `Threshold`'s fields `[S]`, and `[S]`, `[S]`."""
    places = [place for place, most in enumerate(rows.stages) if most]
    settings: list[tuple[str, float, int, int, int | None]] = [("", inf, 1, rows.stages[last], None) for last in places]
    accuracy, cost = [rows.credit[:, places].mean(axis=0)], [rows.cost[:, places].mean(axis=0)]
    ways: list[int | None] = list(cascade_to) if rule == "cascade" else [None]
    for signal in RULES[rule] if ways else ():
        if signal != "beta" and signal not in rows.signals:
            continue
        thresholds = _grid(signal, rows)
        values = signal_of(rows, signal)
        leasts = [least for least in LEAST.get(rule, (1,)) if least <= rows.stages[-1]]
        found = [_outcomes(values, thresholds, least, rows, ways) for least in leasts]
        for j, threshold in enumerate(thresholds):
            for least, (gives, costs) in zip(leasts, found, strict=True):
                after = [place for place in places if rows.stages[place] >= least]
                settings += [(signal, threshold, least, rows.stages[last], way) for last in after for way in ways]
                accuracy.append(gives[j][after].ravel())
                cost.append(costs[j][after].ravel())
    return settings, np.concatenate(accuracy), np.concatenate(cost)


def _outcomes(
    values: Floats, thresholds: Sequence[float], least: int, rows: Prefixes, ways: Sequence[int | None]
) -> tuple[Floats, Floats]:
    """Mean accuracy and cost `[J, T, W]` of stopping at each of J thresholds, with each of the T stages as the last one, and each
    of the ways of handing over what has not stopped by then (None: it answers).

    A row has met the thresholds up to the highest value that it has shown, so counting rows by that value gives all thresholds
    at once.
    """
    allowed = np.array(rows.stages) >= least
    highest = np.maximum.accumulate(np.where(allowed, values, -inf), axis=1)
    met = np.searchsorted(np.asarray(thresholds) - 1e-12, highest, side="right")  # thresholds met by each stage
    before = np.concatenate([np.zeros((rows.rows, 1), dtype=np.int64), met[:, :-1]], axis=1)
    size, stages = len(thresholds) + 1, len(rows.stages)

    def unmet(counts: Ints, weights: Floats) -> Floats:
        """The sum of the weights of the rows that have not met a threshold: `[J, T]`."""
        flat = (counts + np.arange(stages) * size).ravel()
        table = np.bincount(flat, weights.ravel(), minlength=stages * size).astype(np.float64)
        found: Floats = np.cumsum(table.reshape(stages, size), axis=1)[:, :-1].T
        return found

    def stopped(weights: Floats) -> tuple[Floats, Floats]:
        """The sum over the rows that stopped at a stage or before, each where it stopped; and over those that go on."""
        still = unmet(met, weights)
        return np.cumsum(unmet(before, weights) - still, axis=1), still

    (right, unstopped), (paid, unpaid) = stopped(rows.credit), stopped(rows.cost)
    accuracy, cost = [], []
    for way in ways:
        if way is None:
            accuracy.append(right + unstopped)
            cost.append(paid + unpaid)
        else:
            shape = rows.credit.shape
            accuracy.append(right + unmet(met, np.broadcast_to(rows.alternative_credit[:, [way]], shape)))
            cost.append(paid + unpaid + unmet(met, np.broadcast_to(rows.alternative_cost[:, [way]], shape)))
    return np.stack(accuracy, axis=2) / rows.rows, np.stack(cost, axis=2) / rows.rows


def _grid(signal: str, rows: Prefixes) -> list[float]:
    if signal == "streak":
        return [float(w) for w in (2, 3, 4, 5, 6, 8, 10, 12, 16) if w <= rows.stages[-1]]
    if signal == "beta":
        return [0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999]
    values = rows.signals[signal]
    shares = np.unique(np.round(np.quantile(values, np.linspace(0.02, 0.995, THRESHOLDS)), 6))
    return [float(value) for value in shares]


def available(signals: Mapping[str, Floats], alternatives: int) -> list[str]:
    """The rules that these signals allow."""
    found = []
    for rule, looks in RULES.items():
        needs = ("agreement",) if looks == ("beta",) else looks
        if looks and not any(signal in signals for signal in needs):
            continue
        if rule == "cascade" and not alternatives:
            continue
        found.append(rule)
    return found
