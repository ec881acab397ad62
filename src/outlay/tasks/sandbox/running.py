"""Runs programs, one or many at once, and says how each ended.

`Sandbox.found()` tries bubblewrap once on this machine. The supervisor stands outside: it kills what runs too long or prints
too much, and with it, since they have a process namespace of their own, everything that it started.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import secrets
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

from outlay.errors import OutlayError, UserError
from outlay.tasks.sandbox import bubblewrap, system_calls
from outlay.tasks.sandbox.verdicts import Limits, Ran, Verdict, of_exit

UNSAFE = "OUTLAY_UNSAFE_NO_SANDBOX"
"""The environment variable that allows programs to run uncontained; `--unsafe-no-sandbox` sets it."""

MOST_USERS = 1 << 16
log = logging.getLogger(__name__)
_numbers = itertools.count()
_sharing = 1


def share_cores(processes: int) -> None:
    """Say that so many processes like this one run programs on this machine: each has its share of the cores."""
    global _sharing
    _sharing = processes


def at_once() -> int:
    """How many programs this process may run side by side: one a core that it may use, at least one."""
    return max(_cores() // _sharing, 1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Sandbox:
    """A way to run programs: bubblewrap at `bwrap`, or uncontained where that is None.

    >>> Sandbox.found().run("assert 1 + 1 == 3").verdict        # doctest: +SKIP
    'failed'
    """

    bwrap: str | None

    @classmethod
    def found(cls) -> Sandbox:
        """The sandbox of this machine.

        Raises UserError where bubblewrap is missing or cannot make namespaces, unless `UNSAFE` is set.
        """
        if os.environ.get(UNSAFE) == "1":
            log.warning("programs run without a sandbox, with your rights, because %s is set", UNSAFE)
            return cls(None)
        return cls(_working_bubblewrap())

    @property
    def contains(self) -> bool:
        """Whether what runs is contained."""
        return self.bwrap is not None

    def run(self, program: str, limits: Limits | None = None) -> Ran:
        """Run one program (Python source, its tests at its end).

        Raises OutlayError where the sandbox itself fails, whatever the program does.
        """
        limits = limits or Limits()
        began = time.monotonic()
        with contextlib.ExitStack() as open_files:
            reading, writing = os.pipe()
            report = open_files.enter_context(os.fdopen(reading, "rb"))
            filter_file = open_files.enter_context(_filter_file()) if self.bwrap else None
            try:
                process = self._started(limits, writing, filter_file)
            finally:
                os.close(writing)
            secret = secrets.token_hex(16)
            killed, output = _supervised(process, f"{secret}\n{program}".encode("utf-8", "replace"), limits)
            said = report.read(1 << 16).decode("utf-8", "replace")
        seconds = time.monotonic() - began
        if killed is None and not said.startswith("started\n"):
            raise OutlayError(f"the sandbox does not start a program ({output.strip()[-300:]}); see `outlay doctor`")
        verdict, detail = killed or _told(said, secret) or of_exit(process.returncode)
        return Ran(verdict, detail, output, seconds)

    def run_all(
        self, programs: Iterable[str], limits: Limits | None = None, workers: int | None = None
    ) -> Iterator[Ran]:
        """Run many, `workers` at a time (None: one a core); the results come in the order of the programs."""
        with ThreadPoolExecutor(workers or at_once()) as pool:
            yield from pool.map(lambda program: self.run(program, limits), programs)

    def _started(self, limits: Limits, report: int, filter_file: IO[bytes] | None) -> subprocess.Popen[bytes]:
        if self.bwrap is None:
            command = bubblewrap.interpreter(str(bubblewrap.INSIDE), limits, report, 0, 0)
            passed: tuple[int, ...] = (report,)
        else:
            user = bubblewrap.NOBODY + next(_numbers) % MOST_USERS if os.geteuid() == 0 else 0
            filter_at = None if filter_file is None else filter_file.fileno()
            command = bubblewrap.command(self.bwrap, limits, report, filter_at, user)
            passed = (report,) if filter_at is None else (report, filter_at)
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=passed,
            start_new_session=True,
            env=bubblewrap.ENVIRONMENT,
            cwd=tempfile.gettempdir() if self.bwrap is None else None,
            bufsize=0,
        )


@lru_cache(maxsize=1)
def _working_bubblewrap() -> str:
    """bubblewrap, once it has run a program; a UserError that says what to do where it does not."""
    allow = "or allow programs to run uncontained with --unsafe-no-sandbox"
    bwrap = bubblewrap.found()
    if bwrap is None:
        raise UserError(
            "running programs needs bubblewrap, which is not installed: run `apt install bubblewrap` (or your system's "
            f"equivalent), {allow}."
        )
    try:
        ran = Sandbox(bwrap).run("print(1)", Limits(wall_seconds=60))
    except OutlayError as error:
        raise UserError(
            f"bubblewrap cannot contain programs on this machine ({error}); it needs version 0.7 or newer and the right to "
            f"make namespaces (in a container: --cap-add SYS_ADMIN --security-opt seccomp=unconfined), {allow}."
        ) from error
    if not ran.passed:
        raise UserError(
            f"bubblewrap runs, but a program in it ends with {ran.verdict} ({ran.detail}); mend it, {allow}."
        )
    return bwrap


@contextlib.contextmanager
def _filter_file() -> Iterator[IO[bytes] | None]:
    program = system_calls.program()
    if program is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(program)
        file.flush()
        file.seek(0)
        yield file


def _supervised(
    process: subprocess.Popen[bytes], given: bytes, limits: Limits
) -> tuple[tuple[Verdict, str] | None, str]:
    """Hand over the program, watch clock and output until it ends; (why it was killed, if it was, and what it printed)."""
    assert process.stdin is not None and process.stdout is not None
    deadline = time.monotonic() + limits.wall_seconds
    printed = bytearray()
    killed: tuple[Verdict, str] | None = None
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector, process.stdout, process.stdin:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while process.stdout in {key.fileobj for key in selector.get_map().values()}:
            left = deadline - time.monotonic()
            if left <= 0:
                killed = "timed out", f"ran for more than {limits.wall_seconds:g} seconds"
                break
            for key, _ in selector.select(min(left, 1.0)):
                if key.fileobj is process.stdin:
                    given = _written(process.stdin, given)
                    if not given:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                elif chunk := os.read(process.stdout.fileno(), 1 << 16):
                    printed += chunk
                else:
                    selector.unregister(process.stdout)
            if len(printed) > limits.output:
                killed = "too much output", f"printed more than {limits.output} bytes"
                break
            if process.poll() is not None and not selector.select(0):
                break  # it has ended, though something that it started holds its output open
        if killed is None and process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.01))
        if process.poll() is None:
            killed = killed or ("timed out", f"ran for more than {limits.wall_seconds:g} seconds")
        _end(process)
    return killed, bytes(printed[: limits.output]).decode("utf-8", "replace")


def _written(pipe: IO[bytes], given: bytes) -> bytes:
    """What is left to be written; nothing where nobody reads any more."""
    try:
        return given[os.write(pipe.fileno(), given[: 1 << 16]) :]
    except BlockingIOError:
        return given
    except BrokenPipeError:
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill its process group (the supervisor of the sandbox, and so its namespace), ended or not, and collect it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _told(said: str, secret: str) -> tuple[Verdict, str] | None:
    """The verdict that the program's own process gave, known by the secret."""
    for line in said.splitlines():
        mark, _, outcome = line.partition(" ")
        if mark == secret:
            kind, _, detail = outcome.partition(" ")
            if kind == "memory":
                return "out of memory", "MemoryError"
            if kind == "left":
                return "ended early", f"left by {detail} before its tests had run"
            return ("passed", "") if kind == "passed" else ("failed", detail)
    return None
