"""Worker processes: started so that an interrupt cannot tear their start, watched so that a death is noticed, ended for certain.

Promises: an interrupt of the terminal (which goes to every process) reaches the parent alone; a worker that dies is told in one
sentence; no worker outlives its parent, however that ended; when `running` is left, no worker runs any more. They say things
through a queue; what they do is the caller's.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from outlay.errors import OutlayError

SECONDS_BETWEEN_LOOKS = 0.5
"""How often the workers are looked at while they say nothing."""

SECONDS_TO_END = 5.0
"""A worker that was asked to end and has not after this is killed: it may be stuck in the disk or in foreign code."""

INTERRUPTS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def queues(count: int) -> list[Any]:
    """Queues between this process and its workers. The process that keeps track of them is out of an interrupt's reach too."""
    context = multiprocessing.get_context("spawn")
    with held_back():
        return [context.Queue() for _ in range(count)]


@contextmanager
def running(count: int, work: Callable[..., None], arguments: Sequence[Any]) -> Iterator[Sequence[BaseProcess]]:
    """`count` processes that call `work(*arguments)` while the block lasts; afterwards none of them is left."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_worker, args=(work, *arguments), daemon=True) for _ in range(count)]
    started: list[BaseProcess] = []
    try:
        with held_back(), _one_blas_thread():
            for process in processes:
                process.start()
                started.append(process)
        yield started
    finally:
        with held_back():
            _end(started)


def heard(said: Any, processes: Sequence[BaseProcess]) -> Iterator[Any]:
    """What workers put into the queue `said`, until the caller has heard enough.

    Raises OutlayError where one of them died, after everything that was said before.
    """
    while True:
        lost = [process for process in processes if process.exitcode not in (None, 0)]
        try:
            message = said.get(timeout=SECONDS_BETWEEN_LOOKS / 5 if lost else SECONDS_BETWEEN_LOOKS)
        except queue.Empty:
            if lost:
                raise OutlayError(_obituary(int(lost[0].exitcode or 0))) from None
            continue
        yield message


def _obituary(code: int) -> str:
    if code == -signal.SIGKILL:
        how = "was killed (SIGKILL), most likely because memory ran out"
    elif code < 0:
        how = f"was ended by the signal {signal.Signals(-code).name}"
    else:
        how = f"ended with exit code {code}"
    return f"a worker process {how}; finished work is kept: give the same command again, with fewer --workers"


def _worker(work: Callable[..., None], *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _unblocked()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)  # nobody is left to hear of it; parts of the store are whole at every moment


def _end(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(SECONDS_TO_END)
        if process.is_alive():
            process.kill()
            process.join()


@contextmanager
def held_back() -> Iterator[None]:
    """Interrupts wait until the block is left. Processes that are started in it hold them back too, until `_unblocked`.

    The signal mask is what a new process inherits; it is a thread's own, though, and a signal that another thread gets is
    still handled by this one, so the handlers are exchanged as well (which Python allows in the main thread only).
    """
    came: list[int] = []
    handlers = {}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    if threading.current_thread() is threading.main_thread():
        for number in INTERRUPTS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                handlers[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _unblocked() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)


class _one_blas_thread:
    """While processes are started: their BLAS reads its number of threads from the environment once, when it loads."""

    NAMES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self.NAMES}
        os.environ.update(dict.fromkeys(self.NAMES, "1"))

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
