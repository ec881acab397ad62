"""Replays: what every beginning of every order of recorded samples shows, gives and costs.

A row is one order of one question's samples. Rows are looked at after each of the `stages` (numbers of samples), in the order of
asking; nothing is averaged over subsets, since a rule that looks before it decides is not a statistic of subsets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from outlay.curves.shapes import Floats, Ints
from outlay.policies.looking import look
from outlay.policies.samples import Samples


def stages_up_to(n: int) -> tuple[int, ...]:
    """After how many samples one looks: each of the first six, then in steps of about a quarter, up to n.

    >>> stages_up_to(64)
    (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64)
    """
    grid = [1, 2, 3, 4, 5, 6]
    step = 8
    while step <= n:
        grid += [step, step + step // 4, step + step // 2]
        step *= 2
    return tuple(k for k in sorted({*grid, n}) if k <= n)


@dataclass(frozen=True, eq=False)
class Prefixes:
    """R rows at T stages.

    `question` `[R]` is each row's place among the questions; `signals` `[R, T]` by name; `credit` `[R, T]` is how right the answer
    would be, `cost` `[R, T]` what has been spent by then, and `other` the same in other units. `alternative_credit`,
    `alternative_cost` `[R, J]` are what each alternative gives and costs from then on.
    """

    stages: tuple[int, ...]
    question: Ints
    signals: Mapping[str, Floats]
    credit: Floats
    cost: Floats
    alternative_credit: Floats
    alternative_cost: Floats
    other: Mapping[str, Floats] = field(default_factory=dict)
    alternative_other: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many orders of questions there are."""
        return int(self.question.size)

    def only(self, rows: Ints) -> Prefixes:
        """These rows alone."""
        return Prefixes(
            self.stages,
            self.question[rows],
            {name: values[rows] for name, values in self.signals.items()},
            self.credit[rows],
            self.cost[rows],
            self.alternative_credit[rows],
            self.alternative_cost[rows],
            {unit: cost[rows] for unit, cost in self.other.items()},
            {unit: cost[rows] for unit, cost in self.alternative_other.items()},
        )

    def switching(self, samples: Samples) -> Prefixes:
        """The same rows with a look before the first sample, and with what these samples may be switched to."""
        nothing = np.zeros((self.rows, 1))
        early = {name: values[:, :1] if name == "difficulty" else nothing for name, values in self.signals.items()}
        given, price, dear = _alternatives(samples, self.question)
        return Prefixes(
            (0, *self.stages),
            self.question,
            {name: np.concatenate([early[name], values], axis=1) for name, values in self.signals.items()},
            np.concatenate([nothing, self.credit], axis=1),
            np.concatenate([nothing, self.cost], axis=1),
            given,
            price,
            {
                unit: np.concatenate([_once(samples, unit, self.question), self.other[unit]], axis=1)
                for unit in samples.other
            },
            dear,
        )

    def at(self, stage: int) -> dict[str, Floats]:
        """The signals at one stage, `[R]` by name."""
        return {name: values[:, stage] for name, values in self.signals.items()}


def prefixes(samples: Samples, orders: Ints, stages: Sequence[int] | None = None) -> Prefixes:
    """What the beginnings of these orders `[O, Q, n]` show; a first stage of 0 is before any sample.

    Memory is 8 bytes x rows x stages x signals (about a dozen): 64 orders of 500 questions at 16 stages take 60 MB, so a million
    questions are taken in one order each, or in parts.
    """
    at = tuple(stages) if stages is not None else stages_up_to(samples.size)
    later = tuple(k for k in at if k)
    count, questions, n = orders.shape
    question = np.tile(np.arange(questions), count)
    flat = orders.reshape(count * questions, n)

    def taken(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else np.take_along_axis(array[question], flat, axis=1)

    answers, scores, worth = taken(samples.answers), taken(samples.scores), taken(samples.probabilities)
    correct = taken(samples.correct)
    assert correct is not None
    signals: dict[str, list[Floats]] = {}
    credit = []
    for k in later:

        def first(array: np.ndarray | None, k: int = k) -> np.ndarray | None:
            return None if array is None else array[:, :k]

        seen = look(samples.select, first(answers), first(scores), first(worth), correct[:, :k])
        for name, values in seen.signals.items():
            signals.setdefault(name, []).append(values)
        credit.append(seen.credit)
    stacked = {name: np.stack(values, axis=1) for name, values in signals.items()}
    if samples.difficulty is not None:
        stacked["difficulty"] = np.repeat(samples.difficulty[question][:, None], len(later), axis=1)
    paid = np.ones(flat.shape) if samples.cost is None else taken(samples.cost)
    assert paid is not None
    other = {}
    for unit, costs in samples.other.items():
        each = taken(costs)
        assert each is not None
        if unit in samples.by_place:
            each = each + samples.by_place[unit][question]
        other[unit] = _summed(each, later) + _once(samples, unit, question)
    given, price, dear = _alternatives(samples, question)
    found = Prefixes(
        later,
        question,
        stacked,
        np.stack(credit, axis=1),
        _summed(paid, later),
        given,
        price,
        other,
        dear,
    )
    return found if later == at else found.switching(samples)


def _once(samples: Samples, unit: str, question: Ints) -> Floats:
    """What each row pays once, before its first sample: `[R, 1]`."""
    return samples.base[unit][question][:, None] if unit in samples.base else np.zeros((len(question), 1))


def _alternatives(samples: Samples, question: Ints) -> tuple[Floats, Floats, dict[str, Floats]]:
    """What each alternative gives and costs each row, `[R, J]`, and costs it in other units."""
    ways = samples.alternatives
    none = np.zeros((len(question), 0))
    if not ways:
        return none, none, dict.fromkeys(samples.other, none)
    given, price = (np.stack(table, axis=1)[question] for table in ([w.correct for w in ways], [w.cost for w in ways]))
    return given, price, {unit: np.stack([w.other[unit] for w in ways], axis=1)[question] for unit in samples.other}


def _summed(each: Floats, at: Sequence[int]) -> Floats:
    """What the first k samples cost, at every stage k: `[R, T]`."""
    total = np.concatenate([np.zeros((len(each), 1)), np.cumsum(each, axis=1)], axis=1)
    found: Floats = total[:, np.array(at)]
    return found


@dataclass(frozen=True, eq=False)
class Ended:
    """Where each row ended: `stage` `[R]` and the alternative that it switched to then, `switched` `[R]`, -1 for none."""

    stage: Ints
    switched: Ints

    def credit(self, rows: Prefixes) -> Floats:
        """How right each row's answer is."""
        return self._read(rows.credit, rows.alternative_credit, add=False)

    def cost(self, rows: Prefixes) -> Floats:
        """What each row cost."""
        return self._read(rows.cost, rows.alternative_cost, add=True)

    def other(self, rows: Prefixes, unit: str) -> Floats:
        """What each row cost in another unit."""
        return self._read(rows.other[unit], rows.alternative_other[unit], add=True)

    def _read(self, stopped: Floats, switched: Floats, *, add: bool) -> Floats:
        every = np.arange(self.stage.size)
        own = stopped[every, self.stage]
        if switched.shape[1] == 0:
            return own
        there = switched[every, np.maximum(self.switched, 0)]
        return np.where(self.switched >= 0, there + (own if add else 0.0), own)
