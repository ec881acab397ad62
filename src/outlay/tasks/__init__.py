"""Tasks: what is asked, and how an answer is judged; by name (`countdown`, `jsonl:PATH`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.errors import UserError
from outlay.registry import available, resolve
from outlay.tasks.task import Task


def load(address: str) -> Task:
    """The task at `address`: `countdown`, `arithmetic`, `arithmetic-clean`, `jsonl:PATH`, or a package's own.

    Packages register a class or function under the entry-point group `outlay.tasks`; what follows the first colon of the
    address is handed to it as its one argument.

    >>> load("countdown").name
    'countdown'
    """
    name, _, argument = address.partition(":")
    implementation = resolve("outlay.tasks", name, BUILTIN)
    if name in BUILTIN and name != "jsonl" and argument:
        raise UserError(f"task {name!r} takes nothing after a colon but {argument!r} was given: write {name!r} alone.")
    task: Task = implementation(argument) if argument else implementation()
    return task


def registered() -> dict[str, str]:
    """Every task's name with where it comes from."""
    return available("outlay.tasks", BUILTIN)


def _countdown() -> Task:
    from outlay.tasks.countdown import Countdown

    return Countdown()


def _arithmetic() -> Task:
    from outlay.tasks.arithmetic import Arithmetic

    return Arithmetic()


def _arithmetic_clean() -> Task:
    from outlay.tasks.arithmetic import Arithmetic

    return Arithmetic(clean=True)


def _jsonl(path: str = "") -> Task:
    from outlay.tasks.jsonl import JsonlTask

    if not path:
        raise UserError("task 'jsonl' needs a file of questions: write jsonl:PATH.")
    return JsonlTask(path)


BUILTIN: Mapping[str, Any] = {
    "countdown": _countdown,
    "arithmetic": _arithmetic,
    "arithmetic-clean": _arithmetic_clean,
    "jsonl": _jsonl,
}

__all__ = ["Task", "load", "registered"]
