"""The batching driver: thousands of questions at once over engines in this process.

Every unit runs at its own pace; there is no barrier between questions or between the steps of one search, so strategies at
quite different depths share one block of the engine. New units are admitted while the engine has room. Results depend on
the seed and the question alone: not on how many units run at once, in which order they came, or when they were served.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from outlay.cost import Ledger, Prices
from outlay.drive.running import Pending, Running
from outlay.drive.serving import Served, Unit
from outlay.errors import OutlayError
from outlay.models.model import InProcessModel
from outlay.tasks import Task
from outlay.types import Sample, Score, Solution, Trace
from outlay.verifiers.verifier import InProcessVerifier, reads_of

MODEL_AHEAD, VERIFIER_AHEAD = 8, 2
"""Units are admitted until an engine has work for so many times its capacity. The model needs more: a new unit offers work for one
lane until its prompt has been read, and with few units waiting lanes stand idle (at 2, up to 9% more time; no gain beyond 8)."""


@dataclass(slots=True)
class _Active:
    served: Served
    running: Running
    error: Exception | None = None


class BatchingDriver:
    """Runs units over one model and one verifier; `solve` yields each trace as its unit ends.

    >>> driver = BatchingDriver(task, model, verifier)                                 # doctest: +SKIP
    >>> traces = list(driver.solve([Unit(question, BestOfN(), Budget(generations=16))]))   # doctest: +SKIP

    `deadline_seconds` is each unit's own, from its start on `clock`: after it no request of its is served any more, and what was
    finished by then is chosen from.
    """

    def __init__(
        self,
        task: Task,
        model: InProcessModel,
        verifier: InProcessVerifier | None = None,
        prices: Prices | None = None,
        *,
        deadline_seconds: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.task, self.model, self.verifier = task, model, verifier
        self.deadline_seconds, self.clock = deadline_seconds, clock
        self.prices = prices or Prices(
            parameters=model.parameters, verifier_parameters=verifier.parameters if verifier else 0
        )
        self.tokens_generated = 0
        self._ended: deque[_Active] = deque()

    def solve(self, units: Iterable[Unit]) -> Iterator[Trace]:
        """Traces in the order of ending; an error in any unit ends the whole."""
        waiting = iter(units)
        under_way = 0
        exhausted = False
        while True:
            while (
                not exhausted
                and self.model.backlog < MODEL_AHEAD * self.model.capacity
                and (self.verifier is None or self.verifier.backlog < VERIFIER_AHEAD * self.verifier.capacity)
            ):
                unit = next(waiting, None)
                if unit is None:
                    exhausted = True
                    break
                self._start(unit)
                under_way += 1
            while self._ended:
                active = self._ended.popleft()
                under_way -= 1
                yield active.served.trace(active.running)
            if not under_way and exhausted:
                return
            if under_way:
                self._advance()

    def _start(self, unit: Unit) -> _Active:
        length = self.model.question_tokens
        ledger = Ledger(
            unit.budget,
            self.prices,
            length(unit.question),
            self.model.max_tokens,
            prompt_tokens=length,
            reads=reads_of(self.verifier),
        )
        served = Served(
            unit,
            self.task,
            ledger,
            self.model.name,
            self.verifier.name if self.verifier else None,
            self.deadline_seconds,
            self.clock,
        )
        active: _Active

        def submit(pending: Pending) -> None:
            admitted = served.admit(pending)
            if admitted is None:
                return
            if isinstance(admitted.request, Sample):
                keys = served.keys(admitted.address, admitted.request.n)
                self.model.begin(admitted.request, keys, (active, admitted))
            elif self.verifier is not None and isinstance(admitted.request, Score):
                self.verifier.begin(admitted.request, (active, admitted))

        active = _Active(served, Running(unit.strategy.solve(unit.question, unit.budget), submit))
        active.running.start()
        if active.running.finished:
            self._ended.append(active)
        return active

    def _advance(self) -> None:
        """One block of whichever engine has the most to do: the verifier waits until it can fill a block."""
        verifier = self.verifier
        if verifier is not None and not verifier.idle and (self.model.idle or verifier.backlog >= verifier.capacity):
            for (active, pending), scores in verifier.advance():
                self._answer(active, pending, partial(active.served.scored, pending, scores))
        elif not self.model.idle:
            for (active, pending), solutions in self.model.advance():
                self._answer(active, pending, partial(self._sampled, active, pending, solutions))
        else:
            raise OutlayError("units are waiting but neither engine has work: a strategy's request was lost")

    def _sampled(self, active: _Active, pending: Pending, solutions: list[Solution]) -> list[Solution]:
        ledger = active.served.ledger
        before = ledger.spent.generated_tokens
        sampled = active.served.sampled(pending, solutions)
        self.tokens_generated += ledger.spent.generated_tokens - before
        return sampled

    def _answer(self, active: _Active, pending: Pending, result: Callable[[], Any]) -> None:
        """Give a unit what it waits for."""
        pending.done(result())
        if active.running.finished:
            self._ended.append(active)
