"""Tasks: what is asked, and how an answer is judged."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points

from outlay.errors import UserError
from outlay.tasks.task import Task

__all__ = ["Task", "load"]


def load(name: str) -> Task:
    """The task of that name: `countdown`, `arithmetic`, `arithmetic-clean`, `jsonl:PATH`, or a plugin's.

    Plugins register a class or function under the entry-point group `outlay.tasks`; what follows a colon in the name is
    handed to it as its one argument.

    >>> load("countdown").name
    'countdown'
    """
    kind, _, argument = name.partition(":")
    for plugin in entry_points(group="outlay.tasks"):
        if plugin.name == kind:
            found: Task = plugin.load()(argument) if argument else plugin.load()()
            return found
    if kind in _BUILT_IN:
        return _BUILT_IN[kind](argument)
    known = sorted({*_BUILT_IN, *(plugin.name for plugin in entry_points(group="outlay.tasks"))})
    raise UserError(f"there is no task {name!r}: use one of {', '.join(known)} (jsonl takes a file, jsonl:PATH).")


def _countdown(_: str) -> Task:
    from outlay.tasks.countdown import Countdown

    return Countdown()


def _arithmetic(_: str) -> Task:
    from outlay.tasks.arithmetic import Arithmetic

    return Arithmetic()


def _arithmetic_clean(_: str) -> Task:
    from outlay.tasks.arithmetic import Arithmetic

    return Arithmetic(clean=True)


def _jsonl(path: str) -> Task:
    if not path:
        raise UserError("task 'jsonl' needs a file of questions: write jsonl:PATH.")
    task: Task = import_module("outlay.tasks.jsonl").JsonlTask(path)
    return task


_BUILT_IN: dict[str, Callable[[str], Task]] = {
    "countdown": _countdown,
    "arithmetic": _arithmetic,
    "arithmetic-clean": _arithmetic_clean,
    "jsonl": _jsonl,
}
