"""Answers compared by the library math-verify, each comparison within a time limit, in a process of its own.

Its parser and simplifier may take minutes, or all memory, on an answer that a model made up. So one worker process (the module
`math_verify_worker`) answers one comparison after the other; when it is late it is killed, the comparison counts as undecided,
and the next one gets a new worker. Starting one takes a second or two, once.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import selectors
import subprocess
import sys
import threading
from functools import lru_cache
from importlib.util import find_spec

from outlay.errors import OutlayError

SECONDS = 5.0
"""Wall time that one comparison may take."""
STARTING_SECONDS = 120.0
"""Wall time in which a worker has to say that it is ready."""

log = logging.getLogger(__name__)


def installed() -> bool:
    """Whether math-verify is there (the extra `math`)."""
    return find_spec("math_verify") is not None


@lru_cache(maxsize=1 << 16)
def verified(answer: str, reference: str, seconds: float = SECONDS) -> bool | None:
    """Whether math-verify finds them equal; None where it does not know in time.

    >>> verified("\\\\sin^2 x + \\\\cos^2 x", "1")        # doctest: +SKIP
    True

    Raises OutlayError where no worker can be started.
    """
    return _worker().compare(answer, reference, seconds)


class Worker:
    """The process that compares, started when it is first needed and again after it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def compare(self, answer: str, reference: str, seconds: float) -> bool | None:
        """The worker's verdict; None where it does not know within `seconds`, or dies on it."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps([answer, reference]).encode() + b"\n")
                process.stdin.flush()
            except OSError:
                self.stop()
                return None
            told = _line(process, seconds)
            if told is None:
                log.info("math-verify did not decide %r against %r within %g s", answer[:60], reference[:60], seconds)
                self.stop()
                return None
            verdict = json.loads(told)
            return verdict if isinstance(verdict, bool) else None

    def stop(self) -> None:
        """Kill the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "outlay.tasks.math_verify_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            if _line(self._process, STARTING_SECONDS) is None:
                self.stop()
                raise OutlayError(
                    "the process that runs math-verify does not start; see what `python -m outlay.tasks.math_verify_worker` says"
                )
        return self._process


def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes | None:
    """The next line of its output; None where none comes in time. The worker writes one short line at once."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(seconds):
            return None
    return process.stdout.readline() or None


_workers: dict[int, Worker] = {}


def _worker() -> Worker:
    """This process's worker; a fork does not share its parent's."""
    worker = _workers.get(os.getpid())
    if worker is None:
        worker = _workers[os.getpid()] = Worker()
        atexit.register(worker.stop)
    return worker
