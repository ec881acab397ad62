"""Searches through `BatchingDriver`, where every question goes at its own pace, beside the same searches in lock step.

In lock step all beams of all questions (or of so many questions at a time) take a step together: a round of sampling ends when its
slowest sequence has ended, then everything is scored, and only then does anybody go on. That is how published search code works.
In waves, sequences are also handed to the engine by the full block, which empties before the next one begins, as without
continuous batching. All do the same work: the same solutions, token for token, or the benchmark stops.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from outlay import models, tasks, verifiers
from outlay.cost import Ledger, Prices
from outlay.drive.batching import BatchingDriver
from outlay.drive.running import Pending, Running
from outlay.drive.serving import Served, Unit
from outlay.strategies import from_spec
from outlay.types import Budget, Sample, Score, Trace

IN_FLIGHT = 256
Asked = tuple[Served, Pending]


@dataclass(frozen=True)
class Way:
    """A way to drive: each at its `own_pace`, or in lock step, `together` questions at a time (None: all), in waves or not."""

    name: str
    own_pace: bool = False
    together: int | None = None
    waves: bool = False


WAYS = (
    Way("each at its own pace (`BatchingDriver`)", own_pace=True),
    Way("lock step, all questions together"),
    Way("lock step, four questions at a time", together=4),
    Way("lock step, all questions together, in waves of 256", waves=True),
)


def search(family: str, spec: dict[str, Any], n: int, questions: int, way: int) -> dict[str, Any]:
    """CPU and wall seconds of a search over so many questions, what the slots of both engines did, and a digest of all solutions.

    `way` is a place in WAYS.
    """
    task = tasks.load(family)
    model = models.load(f"embedded:{family}-small", slots=IN_FLIGHT)
    verifier = verifiers.load(f"embedded:{family}-prm", slots=IN_FLIGHT)
    strategy = from_spec(spec)
    units = [Unit(q, strategy, Budget(generations=n)) for q in task.questions("validation", questions)]
    driving = WAYS[way]
    cpu, wall = time.process_time(), time.perf_counter()
    if driving.own_pace:
        traces = list(BatchingDriver(task, model, verifier).solve(units))
    else:
        rounds = LockStep(task, model, verifier, wave=IN_FLIGHT if driving.waves else None)
        size = driving.together or len(units)
        traces = [t for at in range(0, len(units), size) for t in rounds.solve(units[at : at + size])]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    traces.sort(key=lambda trace: trace.question.id)
    counted = {"model": model._engine.counters, "verifier": verifier._engine.counters}
    texts = "\n".join(f"{t.question.id} {t.answer} {[s.text for s in t.solutions]}" for t in traces)
    return {
        "cpu_seconds": cpu,
        "wall_seconds": wall,
        "accuracy": sum(bool(t.correct) for t in traces) / len(traces),
        "tokens": sum(t.cost.generated_tokens for t in traces),
        "wasted": sum(one.slots - one.busy for one in counted.values()),
        "blocks": sum(one.blocks for one in counted.values()),
        "read": sum(one.tokens_read for one in counted.values()),
        "occupancy": {who: one.occupancy for who, one in counted.items()},
        "digest": hashlib.sha256(texts.encode()).hexdigest(),
    }


class LockStep:
    """All units together, round by round: what all of them ask is served before any of them goes on."""

    def __init__(self, task: Any, model: Any, verifier: Any, wave: int | None) -> None:
        self.task, self.model, self.verifier, self.wave = task, model, verifier, wave
        self._samples: list[Asked] = []
        self._scores: list[Asked] = []

    def solve(self, units: list[Unit]) -> list[Trace]:
        """The traces of all units."""
        under_way = [self._start(unit) for unit in units]
        while self._samples or self._scores:
            self._round(self._samples, self.model, self._begin_sample)
            self._round(self._scores, self.verifier, lambda asked: self.verifier.begin(asked[1].request, asked))
        return [served.trace(running) for served, running in under_way]

    def _start(self, unit: Unit) -> tuple[Served, Running]:
        length = self.model.question_tokens
        prices = Prices(self.model.parameters, self.verifier.parameters)
        ledger = Ledger(unit.budget, prices, length(unit.question), self.model.max_tokens, prompt_tokens=length)
        served = Served(unit, self.task, ledger, self.model.name, self.verifier.name)

        def submit(pending: Pending) -> None:
            admitted = served.admit(pending)
            if admitted is not None:
                waiting = self._samples if isinstance(admitted.request, Sample) else self._scores
                waiting.append((served, admitted))

        running = Running(unit.strategy.solve(unit.question, unit.budget), submit)
        running.start()
        return served, running

    def _begin_sample(self, asked: Asked) -> None:
        served, pending = asked
        assert isinstance(pending.request, Sample)
        self.model.begin(pending.request, served.keys(pending.address, pending.request.n), asked)

    def _round(self, waiting: list[Asked], engine: Any, begin: Callable[[Asked], None]) -> None:
        """Serve all that waits, and hand it out once the last of it is there."""
        asked, waiting[:] = list(waiting), []
        done: dict[int, tuple[Asked, Any]] = {}
        while asked:
            sequences = 0
            while asked and (self.wave is None or sequences < self.wave):
                request = asked[0][1].request
                sequences += len(request.solutions) if isinstance(request, Score) else request.n
                begin(asked.pop(0))
            while not engine.idle:
                for one, result in engine.advance():
                    done[id(one)] = one, result
        for (served, pending), result in done.values():
            pending.done(served.sampled(pending, result) if isinstance(pending.request, Sample) else result)
