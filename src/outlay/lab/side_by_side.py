"""The same work for several things at a time, each in a process of its own; an error of one ends all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from outlay.errors import OutlayError, UserError

T = TypeVar("T")


def side_by_side(work: Callable[[T], Any], things: Mapping[str, T], processes: int) -> dict[str, Any]:
    """`work` of every thing, by its name. With several processes both must be importable; the first things start first."""
    if processes == 1 or len(things) < 2:
        return {name: work(thing) for name, thing in things.items()}
    from outlay.study import workers

    waiting, said = workers.queues(2)
    found: dict[str, Any] = {}
    with workers.running(min(processes, len(things)), _serve, (work, waiting, said)) as started:
        for pair in things.items():
            waiting.put(pair)
        for name, result, error in workers.heard(said, started):
            if error is not None:
                raise error
            found[name] = result
            if len(found) == len(things):
                break
    return found


def _serve(work: Callable[[Any], Any], waiting: Any, said: Any) -> None:
    """What a worker process does: the things that come, until it is ended."""
    while True:
        name, thing = waiting.get()
        try:
            said.put((name, work(thing), None))
        except (UserError, OutlayError) as error:
            said.put((name, None, error))
