"""What a server keeps of its requests: every one a line in its log, every answer a trace in the store.

A log line has figures and words from short lists; texts of questions and answers are in it only where the server was told to log
them. A trace is entered before its answer is sent (`outlay.traces.journal`): what a client has seen is in the store.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from outlay.traces import Store
from outlay.traces.journal import Journal
from outlay.types import Trace

SETTLE_SECONDS, SETTLE_RUNS = 30.0, 2000
"""Entered runs are moved into Parquet parts after this time, or when there are so many."""


class Log:
    """One JSON object a line, on standard error unless another stream is given."""

    def __init__(self, texts: bool = False, stream: TextIO | None = None) -> None:
        self.texts, self._stream = texts, stream

    def line(self, event: str, texts: dict[str, Any] | None = None, **fields: Any) -> None:
        """Write one line; `texts` are what clients and models wrote, left out unless the log was told to keep them."""
        said = {"time": round(time.time(), 3), "event": event} | {k: v for k, v in fields.items() if v is not None}
        if self.texts and texts:
            said |= texts
        stream = sys.stderr if self._stream is None else self._stream
        with suppress(OSError, ValueError):  # a log that nobody reads any more is no reason to fail
            stream.write(json.dumps(said, default=str) + "\n")
            stream.flush()


class Recorder:
    """Keeps traces in a store, or a `share` of them. `lost` counts those that the disk did not take."""

    def __init__(self, folder: Path | None, share: float = 1.0) -> None:
        self.share, self.kept, self.lost, self.recovered = share, 0, 0, 0
        self._journal: Journal | None = None
        self._settling: asyncio.Task[None] | None = None
        if folder is not None and share > 0:
            self._journal = Journal(Store(folder))
            self.recovered = self._journal.recover()

    def start(self) -> None:
        """Begin to move what is entered into parts, from time to time."""
        self._settling = asyncio.create_task(self._settle())

    def keep(self, trace: Trace) -> bool:
        """Enter a trace; when this returns True it is in the store whatever becomes of the process.

        False: it was not chosen, or the disk did not take it.
        """
        if self._journal is None or (self.share < 1 and random.random() >= self.share):
            return False
        try:
            self._journal.enter(trace)
        except OSError:
            self.lost += 1
            return False
        self.kept += 1
        return True

    async def close(self) -> None:
        """Move everything into parts."""
        if self._settling is not None:
            self._settling.cancel()
            with suppress(asyncio.CancelledError):
                await self._settling
        if self._journal is not None:
            await asyncio.to_thread(self._journal.close)

    async def _settle(self) -> None:
        waited = 0.0
        while True:
            await asyncio.sleep(1.0)
            waited += 1.0
            journal = self._journal
            if journal is not None and (waited >= SETTLE_SECONDS or journal.waiting >= SETTLE_RUNS):
                waited = 0.0
                with suppress(OSError, Exception):  # a full disk: the journal keeps what it has, and it is tried again
                    await asyncio.to_thread(journal.settle)
