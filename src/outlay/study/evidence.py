"""What claims about one task and model are measured on: tables of the pool, searches, and difficulty bins from other samples.

Bins come from samples that measure nothing. Where something has to be chosen (the best N, the best split of a budget), it is chosen
on one half of the questions and measured on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from outlay import difficulty
from outlay.strategies.names import short_names
from outlay.study.binning import difficulty_values
from outlay.study.claim import Asked
from outlay.study.deciding import Realised, baseline_method, keyed
from outlay.study.measure import budgets_up_to, expected, with_probabilities
from outlay.study.pools import Bools, Floats, Ints, Pool
from outlay.study.runs import Recorded
from outlay.study.settings import Settings

BINS = 5
"""With this many bins or more easy and hard questions are two bins each, with fewer (equal values leave fewer) one each."""

FEWEST_SAMPLES = 4
"""Below this many samples a question a pool is not halved."""


@dataclass(frozen=True)
class Evidence:
    """One task and model: what was recorded, and how it is to be read."""

    found: Recorded
    settings: Settings

    @property
    def asked(self) -> Asked:
        """Where the claims of this task and model are asked."""
        return Asked(self.found.pool.task, self.found.pool.model, self.settings)

    @cached_property
    def pool(self) -> Pool:
        """The pool, its scores as probabilities beside them."""
        return with_probabilities(self.found.pool, self.settings.seed)

    @property
    def called(self) -> str:
        """The task, and the model without its scheme."""
        return f"{self.pool.task} ({self.pool.model.removeprefix('embedded:')})"

    @cached_property
    def ks(self) -> tuple[int, ...]:
        """The numbers of samples at which the pool is read."""
        return budgets_up_to(self.pool.size)

    @cached_property
    def tables(self) -> Mapping[str, Floats]:
        """Every method's accuracy `[Q, len(ks)]`."""
        return expected(self.pool, self.ks, self.settings.seed)[0]

    @cached_property
    def baseline(self) -> str | None:
        """The method that a search is compared with: weighted best-of-N where answers can vote, else best-of-N."""
        return baseline_method(self.tables)

    def at(self, method: str, n: int) -> Floats:
        """Accuracy `[Q]` of a method of the pool at n samples."""
        return self.tables[method][:, self.ks.index(n)]

    @cached_property
    def runs(self) -> Mapping[str, Realised]:
        """Everything that a policy may choose and that was run on its own, by key."""
        return keyed([run for run in self.found.runs if run.candidate], list(self.tables))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Short names of methods and runs, no two alike."""
        return short_names([*self.tables, *self.runs])

    def beams(self) -> Mapping[str, Realised]:
        """The beam searches, by name."""
        return {self.names[key]: run for key, run in self.runs.items() if run.spec["name"] == "beam_search"}

    @cached_property
    def values(self) -> Mapping[str, Floats]:
        """Difficulty of each question by oracle and by prediction, from the samples drawn for that; empty without them."""
        judging = self.found.difficulty_pool
        if judging is None:
            return {}
        found = difficulty_values(with_probabilities(judging, self.settings.seed))
        return {kind: values for kind, values in found.items() if kind in ("oracle", "predicted")}

    @cached_property
    def bins(self) -> Mapping[str, Ints]:
        """The bin of each question, 0 the easiest, by each kind of difficulty."""
        return {
            kind: difficulty.Bins.fit(values, self.settings.bins).assign(values) for kind, values in self.values.items()
        }

    def parts(self) -> list[Part]:
        """Easy, middle, hard and hardest questions by each kind of difficulty; those parts that hold any question."""
        found = []
        for kind, places in self.bins.items():
            found += [part for part in parts_of(kind, places) if part.inside.any()]
        return found

    def part(self, name: str) -> list[Part]:
        """The parts of this name (`easy`, `middle`, `hard`, `hardest`), one for each kind of difficulty."""
        return [part for part in self.parts() if part.name == name]


def evidence_of_samples(pool: Pool, settings: Settings) -> Evidence | None:
    """Samples of which nothing but their outcomes is known: one half of them tells difficulty, the other half is measured.

    None where there are too few samples for that, or all are alike.
    """
    if pool.size < FEWEST_SAMPLES or not 0 < pool.correct.mean() < 1:
        return None
    judging, measured = (pool.columns(half) for half in difficulty.halves(pool.size))
    return Evidence(
        Recorded(
            pool=measured,
            difficulty_pool=judging,
            runs=(),
            verifier=None if pool.scores is None else "the recorded score",
            sampling={},
            flops=None,
            cost={},
        ),
        settings,
    )


@dataclass(frozen=True)
class Part:
    """Some of the questions: `inside` `[Q]` says which; `bins` is the kind of difficulty, `says` names them in words."""

    name: str
    bins: str
    inside: Bools
    says: str


def parts_of(kind: str, places: Ints) -> list[Part]:
    """Easy, middle, hard and hardest questions; of five bins the two easiest, the third, the two hardest, the hardest."""
    count = int(places.max()) + 1
    if count < 2:
        return []
    end = 2 if count >= BINS else 1
    told = kind if count >= BINS else f"{kind}, of {count} bins"
    inside = {
        "easy": places < end,
        "middle": (places >= end) & (places < count - end),
        "hard": places >= count - end,
        "hardest": places == count - 1,
    }
    return [Part(name, kind, rows, f"{name} ({told})") for name, rows in inside.items()]


def chosen_elsewhere(table: Floats, columns: Sequence[int], settings: Settings) -> Floats:
    """Each question's accuracy `[Q]` in the best of these columns, chosen on the other half of the questions.

    Random halves are drawn `splits` times and averaged; of equal columns the first is taken.

    >>> chosen_elsewhere(np.array([[0.0, 1.0]] * 4), [0, 1], Settings()).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    generator = np.random.default_rng([settings.seed, 0xE15E])
    allowed, total = table[:, list(columns)], np.zeros(len(table))
    for _ in range(settings.splits):
        fold = generator.permutation(len(table)) % 2
        for side in range(2):
            choosing, measured = allowed[fold != side], np.flatnonzero(fold == side)
            best = int(choosing.mean(axis=0).argmax()) if len(choosing) else len(columns) - 1
            total[measured] += allowed[measured, best]
    chosen: Floats = total / settings.splits
    return chosen
