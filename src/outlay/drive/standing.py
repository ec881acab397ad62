"""The standing driver: engines in this process that wait for work, for callers that come whenever they like.

It is the batching driver with an open end. One thread owns the engines (they are not safe in several); units of all callers share
their blocks, so a hundred questions at once take little more time than one. A unit that fails, fails alone.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from outlay.cost import Prices
from outlay.drive.batching import BatchingDriver, _Active
from outlay.drive.running import Pending
from outlay.drive.serving import Unit
from outlay.errors import OutlayError
from outlay.models.model import InProcessModel
from outlay.tasks import Task
from outlay.types import Trace
from outlay.verifiers.verifier import InProcessVerifier


@dataclass(slots=True)
class _Order:
    """A unit that somebody waits for."""

    unit: Unit
    deadline_seconds: float | None
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Trace] = field(repr=False)

    def settle(self, trace: Trace | None, error: BaseException | None) -> None:
        """Tell the caller, unless it has gone away."""

        def told() -> None:
            if self.future.done():
                return
            if error is not None:
                self.future.set_exception(error)
            elif trace is not None:
                self.future.set_result(trace)

        try:
            self.loop.call_soon_threadsafe(told)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return


class StandingDriver(BatchingDriver):
    """`start` it, `await solve_one(unit)` from an event loop as often as you like, `close` it.

    >>> driver = StandingDriver(task, model, verifier)          # doctest: +SKIP
    >>> driver.start()                                          # doctest: +SKIP
    >>> trace = await driver.solve_one(unit)                    # doctest: +SKIP
    """

    def __init__(
        self,
        task: Task,
        model: InProcessModel,
        verifier: InProcessVerifier | None = None,
        prices: Prices | None = None,
    ) -> None:
        super().__init__(task, model, verifier, prices)
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._open: dict[int, _Order] = {}
        self._thread = threading.Thread(target=self._work, name="outlay-engine", daemon=True)

    def start(self) -> None:
        """Begin to wait for work."""
        self._thread.start()

    def close(self) -> None:
        """End when what is under way has ended."""
        self._orders.put(None)
        self._thread.join()

    async def solve_one(self, unit: Unit, deadline_seconds: float | None = None) -> Trace:
        """The trace of this unit. Raises what the unit raises; `Served.given_up` (by its watch) ends it early."""
        loop = asyncio.get_running_loop()
        order = _Order(unit, deadline_seconds, loop, loop.create_future())
        self._orders.put(order)
        return await order.future

    def _work(self) -> None:
        open_ended = True
        while open_ended or self._open:
            open_ended = self._admit(open_ended)
            while self._ended:
                self._finish(self._ended.popleft())
            if self._open:
                try:
                    self._advance()
                except Exception as error:  # noqa: BLE001 an engine that fails, fails all that were in its block
                    self._fail_all(error)

    def _admit(self, open_ended: bool) -> bool:
        """Begin what has been ordered; where nothing is under way, wait for an order. False once `close` was asked for."""
        while open_ended:
            try:
                order = self._orders.get(block=not self._open and not self._ended)
            except queue.Empty:
                return True
            if order is None:
                return False
            self._begin(order)
            if self._ended:
                return True
        return False

    def _begin(self, order: _Order) -> None:
        self.deadline_seconds = order.deadline_seconds
        try:
            active = self._start(order.unit)
        except Exception as error:  # noqa: BLE001 whatever it is, it is this caller's
            order.settle(None, error)
            return
        self._open[id(active)] = order

    def _answer(self, active: _Active, pending: Pending, result: Callable[[], Any]) -> None:
        try:
            super()._answer(active, pending, result)
        except Exception as error:  # noqa: BLE001 whatever it is, it is this unit's
            active.error = error
            self._ended.append(active)

    def _finish(self, active: _Active) -> None:
        order = self._open.pop(id(active), None)
        if order is None:
            return
        try:
            if active.error is not None:
                raise active.error
            order.settle(active.served.trace(active.running), None)
        except Exception as error:  # noqa: BLE001 as above
            order.settle(None, error)

    def _fail_all(self, error: Exception) -> None:
        told = error if isinstance(error, OutlayError) else OutlayError(f"the engine failed ({type(error).__name__})")
        for order in self._open.values():
            order.settle(None, told)
        self._open.clear()
        self._ended.clear()
