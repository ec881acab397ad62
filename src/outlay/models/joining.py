"""What is asked for at the same time is computed together, in a thread, so that the event loop stays free.

For models and verifiers that run on a tensor library in this process: one batch at a time, as full as what waits allows.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Queue(Generic[Item, Result]):
    """What waits in one event loop."""

    waiting: deque[tuple[Item, asyncio.Future[Result]]] = field(default_factory=deque)
    working: asyncio.Task[None] | None = None


class Joining(Generic[Item, Result]):
    """Items from anybody who waits, given to `work` up to `most` at a time, in the order of asking.

    `work` gives one result for each item. What it raises is raised to everybody whose item was in that batch, so what can be
    wrong with a single item is checked before. Batches never run side by side, also with several event loops.

    >>> together = Joining(lambda items: [2 * item for item in items], most=8)
    >>> asyncio.run(together([1, 2, 3]))
    [2, 4, 6]
    """

    def __init__(self, work: Callable[[list[Item]], Sequence[Result]], most: int) -> None:
        self.most = most
        self._work = work
        self._one_at_a_time = threading.Lock()
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue[Item, Result]] = WeakKeyDictionary()

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        """The results of these items, in their order."""
        loop = asyncio.get_running_loop()
        queue: _Queue[Item, Result] = self._queues.setdefault(loop, _Queue())
        futures: list[asyncio.Future[Result]] = [loop.create_future() for _ in items]
        queue.waiting.extend(zip(items, futures, strict=True))
        if queue.working is None or queue.working.done():
            queue.working = loop.create_task(self._until_empty(queue))
        return list(await asyncio.gather(*futures))

    async def _until_empty(self, queue: _Queue[Item, Result]) -> None:
        while queue.waiting:
            await asyncio.sleep(0)  # whoever is ready as well may join the batch
            batch: list[tuple[Item, asyncio.Future[Result]]] = []
            while queue.waiting and len(batch) < self.most:
                item, future = queue.waiting.popleft()
                if not future.done():  # else who asked has gone away
                    batch.append((item, future))
            if not batch:
                continue
            try:
                results = await asyncio.to_thread(self._alone, [item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 it is raised to those who wait
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)

    def _alone(self, items: list[Item]) -> Sequence[Result]:
        with self._one_at_a_time:
            return self._work(items)
