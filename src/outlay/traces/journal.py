"""The journal of a store: a run is in it the moment it is entered, and becomes part of the Parquet parts some time later.

A part a run would be a file a request; a batch in memory would be lost with the process. So a server enters each run as one line
of a file of its own (one `write`, some microseconds) before it answers: whatever becomes of the process then, `kill -9`
included, the line is there, and every reader of the store counts it. `settle` moves lines into parts and drops the file; the
journals of processes that were killed are settled by the next one that opens the folder.

Promises: an entered run survives the death of its process at any moment, and is counted once. Limit: a line is in the machine's
memory until the system writes it, so the last seconds may be lost when the *machine* loses power; parts are flushed to the disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from outlay.errors import UserError
from outlay.traces.files import reason
from outlay.traces.rows import to_rows
from outlay.traces.schema import RUNS, SOLUTIONS
from outlay.traces.store import Store
from outlay.types import Trace

LINES_A_PIECE = 32
"""Lines that are turned into Arrow at a time: a server's other threads wait as long as one piece takes (a millisecond or two)."""


class Journal:
    """What one process enters into the store; `close` it, or leave it to the next process.

    >>> journal = Journal(store)         # doctest: +SKIP
    >>> journal.enter(trace)             # doctest: +SKIP
    >>> journal.settle()                 # doctest: +SKIP
    1

    Raises UserError where the folder cannot be written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.path / FOLDER
        self._lock, self._settling = threading.Lock(), threading.Lock()
        self.waiting = 0
        self._path, self._file = self._opened()

    def enter(self, trace: Trace) -> None:
        """Keep this run. When it returns, the death of the process cannot lose it. Raises OSError where the disk is full."""
        solutions, run = to_rows(trace, uuid.uuid4().hex)
        line = json.dumps({"run": run, "solutions": solutions}, ensure_ascii=True, separators=(",", ":")) + "\n"
        with self._lock:
            _write_whole_line(self._file, line.encode("ascii"))
            self.waiting += 1

    def settle(self) -> int:
        """Move what was entered so far into parts of the store; how many runs. For a thread of its own."""
        with self._settling:
            with self._lock:
                if not self.waiting:
                    return 0
                path, file, self.waiting = self._path, self._file, 0
                self._path, self._file = self._opened()
            try:
                return _moved(self._store, path)
            finally:
                os.close(file)  # and where it could not be moved, `recover` may take it up later

    def close(self) -> None:
        """Settle, and leave no file behind."""
        self.settle()
        with self._lock:
            self._path.unlink(missing_ok=True)
            os.close(self._file)

    def recover(self) -> int:
        """Settle the journals of processes that are gone; how many runs they held."""
        found = 0
        for path in sorted(self._folder.glob(NAMES)):
            if path == self._path:
                continue
            with suppress(OSError):  # another process was faster
                file = os.open(path, os.O_RDWR)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    found += _moved(self._store, path, anew=True)
                finally:
                    os.close(file)
        return found

    def _opened(self) -> tuple[Path, int]:
        path = self._folder / f"journal-{os.getpid():07d}-{uuid.uuid4().hex}.jsonl"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"{path.parent} cannot be written ({reason(error)}); give another folder, or make room there."
            ) from error
        return path, file


FOLDER, NAMES = "journal", "journal-*.jsonl"


def journalled(store_path: Path, kind: str, columns: list[str] | None = None) -> pa.Table | None:
    """The rows of `kind` ("runs" or "solutions") in a store's journals; None where it has none."""
    folder = store_path / FOLDER
    schema = {"runs": RUNS, "solutions": SOLUTIONS}[kind]
    wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob(NAMES)) if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # settled meanwhile: its rows are in the parts, which are read after this
            for line in _lines(path):
                rows += [line["run"]] if kind == "runs" else line["solutions"]
    return pa.Table.from_pylist(rows, schema=wanted) if rows else None


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal; a last one that was cut off by a full disk is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                with suppress(ValueError):
                    yield json.loads(line)


def _moved(store: Store, path: Path, *, anew: bool = False) -> int:
    """Write a journal's lines as parts and remove it; how many runs. Killed in between it loses nothing.

    `anew` gives every run another identifier: its process may have been killed when the solutions were in a part already, and
    solutions that are there twice under one identifier would not be what their run's row promises. The run itself counts once.
    """
    runs: list[pa.Table] = []
    solutions: list[pa.Table] = []
    piece: list[dict[str, Any]] = []

    def convert() -> None:
        runs.append(pa.Table.from_pylist([line["run"] for line in piece], schema=RUNS))
        solutions.append(pa.Table.from_pylist([row for line in piece for row in line["solutions"]], schema=SOLUTIONS))
        piece.clear()

    for line in _lines(path):
        if anew:
            line["run"]["run_id"] = own = uuid.uuid4().hex
            line["solutions"] = [row | {"run_id": own} for row in line["solutions"]]
        piece.append(line)
        if len(piece) == LINES_A_PIECE:
            convert()
    if piece:
        convert()
    if runs:
        store.append_tables(pa.concat_tables(solutions), pa.concat_tables(runs))
    path.unlink(missing_ok=True)
    return sum(table.num_rows for table in runs)


def _write_whole_line(file: int, line: bytes) -> None:
    """One `write`, and more only where the system took less; a line that could not be finished is ended: the next is whole."""
    done = 0
    try:
        while done < len(line):
            done += os.write(file, line[done:])
    except OSError:
        if done:
            with suppress(OSError):
                os.write(file, b"\n")
        raise
