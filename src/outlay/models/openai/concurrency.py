"""How many calls are out at once: as many as make the server faster, and no more.

The number follows what is seen, a *round* of calls at a time. While the number is used up, twice as many are tried: where that
gives more throughput (tokens a second) it is tried again, where not, the smaller number is taken again and kept for some rounds.
It shrinks where the server says of some of a round's calls that they are too many (429, 503), and where replies take much longer
without more coming out. `Retry-After` holds everybody back, not only the call that was told.
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
SLOW, ROUNDS_SLOW = 2.0, 3
"""Replies that take so many times the shortest round's, with less throughput, for so many rounds: a queue in the server."""
ROUNDS_KEPT, ROUNDS_AFTER_REFUSAL = 8, 2
"""Rounds for which a number is kept before a larger one is tried: one that was best, and one after a refusal."""
REFUSED = 0.1
"""The share of a round's calls that are refused at which there are too many; at five times as many, half of them are too many."""
CALLS = 16
"""Calls that a round has at least: of fewer the throughput says little."""


@dataclass(slots=True)
class Concurrency:
    """The number of calls that may be out, between 1 and `most`, and the queue of those that wait for their turn.

    >>> Concurrency(start=1000, most=64).limit
    64
    """

    start: int = 32
    most: int = 512
    clock: Callable[[], float] = time.monotonic
    limit: int = field(init=False)
    out: int = 0
    held_until: float = 0.0
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    _before: tuple[int, float] | None = None
    _settled: float = 0.0
    _quickest: float = float("inf")
    _kept: int = 1
    _slow: int = 0
    _full: bool = False
    _since: float | None = None
    _units: float = 0.0
    _latencies: list[float] = field(default_factory=list)
    _returned: int = 0
    _refused: int = 0

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
                elif turn in self._waiting:
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
        self._returned += 1
        if entered is not None:
            self._latencies.append(self.clock() - entered)
            self._units += units
        if self._returned >= max(self.limit, CALLS):
            self._end_round()
        self._next()

    def too_much(self, retry_after: float | None = None) -> None:
        """The server refused a call for load: it counts in this round, and none goes out before `retry_after` seconds."""
        self._refused += 1
        if retry_after is not None:
            self.held_until = max(self.held_until, self.clock() + retry_after)

    def _end_round(self) -> None:
        """Decide by the round that ended; one in which nobody waited says nothing about a larger number."""
        seconds = max(self.clock() - (self._since if self._since is not None else 0.0), 1e-9)
        rate, latency = self._units / seconds, median(self._latencies or [0.0])
        if self._latencies:
            self._quickest = min(self._quickest, latency)
        share = self._refused / self._returned
        if share >= REFUSED:
            self._take(self.limit // 2 if share >= 5 * REFUSED else self.limit * 3 // 4, keep=ROUNDS_AFTER_REFUSAL)
        elif self._refused and self._before is not None:
            self._take(self._before[0], keep=ROUNDS_AFTER_REFUSAL)
        elif not self._full:
            self._restart()
        elif self._before is not None:
            smaller, its_rate = self._before
            if rate > GAIN * its_rate:
                self._try_more(rate)
            else:
                self._settled = its_rate
                self._take(smaller, keep=ROUNDS_KEPT)
        elif self._kept > 1:
            self._kept -= 1
            slow = latency > SLOW * self._quickest and rate * GAIN < self._settled
            self._slow = self._slow + 1 if slow else 0
            if self._slow >= ROUNDS_SLOW:
                self._take(self.limit * 3 // 4, keep=ROUNDS_KEPT)
            else:
                self._restart()
        else:
            self._try_more(rate)

    def _try_more(self, rate: float) -> None:
        if self.limit >= self.most:
            self._settled = rate
            self._take(self.limit, keep=ROUNDS_KEPT)
        else:
            self._before = (self.limit, rate)
            self.limit = min(self.limit * 2, self.most)
            self._restart()

    def _take(self, limit: int, keep: int) -> None:
        self.limit, self._kept, self._before, self._slow = max(limit, 1), keep, None, 0
        self._restart()

    def _restart(self) -> None:
        self._since, self._units, self._returned, self._full = self.clock(), 0.0, 0, bool(self._waiting)
        self._refused = 0
        self._latencies.clear()

    def _next(self) -> None:
        while self._waiting and self.out < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.out += 1
                turn.set_result(None)
