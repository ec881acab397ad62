"""How much a program may use, and how its run ended."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["passed", "failed", "timed out", "out of memory", "too much output", "crashed", "ended early"]
"""`failed`: an exception, a failed assertion among them. `ended early`: the program left before its tests had run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use; `memory` and `files` hold for each of its `processes`.

    Seconds of computing time, seconds on the clock, bytes of address space, processes and threads at once, bytes of standard output
    and error together, bytes of one file, bytes in its private /tmp.
    """

    cpu_seconds: float = 3.0
    wall_seconds: float = 10.0
    memory: int = 1 << 30
    processes: int = 16
    output: int = 1 << 16
    file: int = 1 << 24
    temporary: int = 1 << 26

    @classmethod
    def of(cls, seconds: float) -> Limits:
        """Limits for a program that may compute for so long; the clock allows three times that, for a busy machine."""
        return cls(cpu_seconds=seconds, wall_seconds=3 * seconds + 1)


@dataclass(frozen=True, slots=True)
class Ran:
    """One program's run: how it ended, in what words, what it printed (cut at the limit), and how long it took on the clock."""

    verdict: Verdict
    detail: str
    output: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether it ran to its end without an exception."""
        return self.verdict == "passed"


def of_exit(status: int) -> tuple[Verdict, str]:
    """The verdict on a program that said nothing of how it ended, from its exit status (128 + n: killed by signal n)."""
    number = -status if status < 0 else status - 128
    if number in (signal.SIGXCPU, signal.SIGALRM):
        return "timed out", "used up its computing time"
    if number == signal.SIGXFSZ:
        return "too much output", "wrote a file beyond the limit"
    if number in set(signal.Signals):
        return "crashed", f"killed by {signal.Signals(number).name}"
    return "ended early", f"left with exit status {status} before its tests had run"
