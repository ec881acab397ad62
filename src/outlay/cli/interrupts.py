"""Interrupts: Ctrl-C, and the signals that ask a program to end, become one exception, one sentence and one exit code.

The exit code is 128 and the signal's number, as shells have it: 130 after Ctrl-C (SIGINT), 143 after SIGTERM, 129 when the
terminal is gone (SIGHUP). What a shell or `nohup` has told the program to ignore stays ignored.
"""

from __future__ import annotations

import math
import shlex
import signal
import sys
import time
from types import FrameType

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

REPEATED_SECONDS = 1.0
"""A second Ctrl-C within this time is an impatient finger; what is being tidied up then is not disturbed."""

RESUMED = ("demo", "run", "verify")
"""Commands that keep what they have finished, and go on from there."""


class Interrupted(KeyboardInterrupt):
    """The program was asked to end by the signal `number`."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Listener:
    """The handler of interrupts: raises the first, and those that come much later."""

    def __init__(self) -> None:
        self._last = -math.inf

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Handle a signal."""
        now = time.monotonic()
        if now - self._last > REPEATED_SECONDS:
            self._last = now
            raise Interrupted(number)


def listen() -> None:
    """From now on interrupts raise `Interrupted` in the main thread."""
    listener = Listener()
    for number in INTERRUPTS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, listener)


def deafen() -> None:
    """Where `listen` was called: from now on interrupts are ignored, because the program is ending anyway."""
    for number in INTERRUPTS:
        if isinstance(signal.getsignal(number), Listener):
            signal.signal(number, signal.SIG_IGN)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """What the program exits with after this.

    >>> exit_code(KeyboardInterrupt()), exit_code(Interrupted(signal.SIGTERM))
    (130, 143)
    """
    return 128 + (interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT)


def how_to_go_on(command: str, arguments: list[str] | None = None) -> str:
    """One sentence: what is kept, and what to type.

    >>> how_to_go_on("demo", ["demo", "--out", "my demo"])
    "Interrupted; what was finished is kept, go on with: outlay demo --out 'my demo'"
    >>> how_to_go_on("analyse", ["analyse", "a.jsonl"])
    'Interrupted; nothing is left half-written, start again with: outlay analyse a.jsonl'
    """
    again = shlex.join(["outlay", *(sys.argv[1:] if arguments is None else arguments)])
    if command in RESUMED:
        return f"Interrupted; what was finished is kept, go on with: {again}"
    return f"Interrupted; nothing is left half-written, start again with: {again}"
