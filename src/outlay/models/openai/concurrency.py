"""How many calls are out at once: as many as make the server faster, and no more.

The number follows what is seen, a *round* of calls at a time (as many as may be out at once). While the number is used up and
throughput (tokens a second) grows with it, it doubles; where it stops growing, the smaller number is taken again and kept for
some rounds. It is halved at once where the server says that it is too much (429, 503), and shrinks by a quarter where replies
take much longer without more coming out. `Retry-After` holds everybody back, not only the call that was told.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

GAIN = 1.1
"""More throughput than this many times the former's is growth."""
SLOW = 2.0
"""Replies that take this many times the shortest round's, without growth, are a queue in the server."""
ROUNDS_KEPT = 8
"""Rounds for which a number is kept before a larger one is tried again."""


@dataclass(slots=True)
class Concurrency:
    """The number of calls that may be out, between 1 and `most`, and the queue of those that wait for their turn.

    >>> asyncio.run(Concurrency(start=4, most=64).enter())   # the first call goes out at once
    """

    start: int = 32
    most: int = 512
    clock: Callable[[], float] = time.monotonic
    limit: int = field(init=False)
    out: int = 0
    held_until: float = 0.0
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    _before: int = field(init=False, default=0)
    _best: float = 0.0
    _quickest: float = float("inf")
    _kept: int = 0
    _full: bool = False
    _since: float | None = None
    _units: float = 0.0
    _latencies: list[float] = field(default_factory=list)
    _shrunk: float = float("-inf")

    def __post_init__(self) -> None:
        """Begin with `start` calls."""
        self.limit = max(1, min(self.start, self.most))

    @property
    def waiting(self) -> int:
        """Calls that wait for their turn."""
        return len(self._waiting)

    async def enter(self) -> float:
        """Wait for a turn; the time at which it came. Every `enter` is followed by one `leave`."""
        if self.out >= self.limit or self._waiting:
            self._full = True
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn  # whoever leaves has counted this call in
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.out -= 1
                    self._next()
                else:
                    self._waiting.remove(turn)
                raise
        else:
            self.out += 1
        try:
            while (pause := self.held_until - self.clock()) > 0:
                await asyncio.sleep(pause)
        except asyncio.CancelledError:
            self.leave()
            raise
        now = self.clock()
        if self._since is None:
            self._since = now
        return now

    def leave(self, entered: float | None = None, units: float = 0.0) -> None:
        """A call is back: when it had `entered` and how many `units` (tokens) it brought, where it went well."""
        self.out -= 1
        if entered is not None:
            self._latencies.append(self.clock() - entered)
            self._units += units
            if len(self._latencies) >= self.limit:
                self._end_round()
        self._next()

    def too_much(self, retry_after: float | None = None) -> None:
        """The server refused for load: half as many, once for all that were out together; none before `retry_after` seconds."""
        now = self.clock()
        if retry_after is not None:
            self.held_until = max(self.held_until, now + retry_after)
        if now - self._shrunk > max(min(self._quickest, 10.0), retry_after or 0.0):
            self._take(max(1, self.limit // 2), now, keep=True)
            self._shrunk = now

    def _end_round(self) -> None:
        now = self.clock()
        seconds = max(now - (self._since if self._since is not None else now), 1e-9)
        rate, latency = self._units / seconds, median(self._latencies)
        self._quickest = min(self._quickest, latency)
        grew = rate > GAIN * self._best
        if grew:
            self._best = rate
        if not self._full:
            self._restart(now)  # nobody waited: this says nothing about a larger number
        elif self._kept > 0:
            self._kept -= 1
            if latency > SLOW * self._quickest and rate < self._best / GAIN:
                self._take(max(1, self.limit * 3 // 4), now, keep=True)
            else:
                self._restart(now)
        elif grew or not self._before:
            self._before = self.limit
            self._take(min(self.limit * 2, self.most), now)
        else:
            self._take(self._before, now, keep=True)
            self._best = max(rate, self._best / GAIN)  # so that a server that has become slower is believed in time

    def _take(self, limit: int, now: float, *, keep: bool = False) -> None:
        self.limit = limit
        if keep:
            self._kept, self._before = ROUNDS_KEPT, 0
        self._restart(now)

    def _restart(self, now: float) -> None:
        self._since, self._units, self._full = now, 0.0, bool(self._waiting)
        self._latencies.clear()

    def _next(self) -> None:
        while self._waiting and self.out < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.out += 1
                turn.set_result(None)
