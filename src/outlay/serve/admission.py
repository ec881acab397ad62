"""Who may begin now, who waits, and who is told to come back: a queue that is never longer than it is worth waiting for.

The expected delay of a newcomer is what is ahead of it times the mean time that a request took lately, over how many run at
once. Where that is more than `longest_wait`, it is refused with 429 and `Retry-After`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from outlay.serve.refusals import Refusal

REMEMBERED = 0.05
"""The weight of the newest request in the mean time."""


@dataclass
class Admission:
    """At most `at_once` requests run, the others wait in the order in which they came.

    >>> Admission(at_once=2, longest_wait=10.0).expected_delay()
    0.0
    """

    at_once: int
    longest_wait: float
    clock: Callable[[], float] = time.monotonic
    running: int = 0
    mean_seconds: float = 0.0
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def expected_delay(self) -> float:
        """Seconds that a newcomer would wait."""
        if self.running < self.at_once and not self._waiting:
            return 0.0
        return (len(self._waiting) + 1) * self.mean_seconds / self.at_once

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A request's turn. Raises Refusal (429) where it would have to wait too long."""
        delay = self.expected_delay()
        if delay > self.longest_wait:
            raise too_many(delay - self.longest_wait)
        await self._enter()
        began = self.clock()
        try:
            yield
        finally:
            self._leave(self.clock() - began)

    async def _enter(self) -> None:
        if self.running < self.at_once and not self._waiting:
            self.running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn  # whoever leaves has counted this one in
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.running -= 1
                self._next()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def _leave(self, seconds: float) -> None:
        self.running -= 1
        self.mean_seconds += (seconds - self.mean_seconds) * (REMEMBERED if self.mean_seconds else 1.0)
        self._next()

    def _next(self) -> None:
        while self._waiting and self.running < self.at_once:
            turn = self._waiting.popleft()
            if not turn.done():
                self.running += 1
                turn.set_result(None)


def too_many(seconds: float) -> Refusal:
    """429 with the time after which it is worth asking again."""
    after = max(1, math.ceil(seconds))
    return Refusal(
        429,
        f"the server has more to do than it can answer in time: ask again in {after} s",
        code="rate_limit_exceeded",
        headers={"Retry-After": str(after)},
    )
