"""Every registered strategy, plain and with each of its options set otherwise; and how to run one in the counted world."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from counted import Books, CountingModel, CountingScores, CountingServer, ServedScores
from outlay.cost import Prices
from outlay.drive.asynchronous import solve_over_protocols
from outlay.drive.batching import BatchingDriver
from outlay.drive.recorded import Record
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.selection import RULES
from outlay.strategies import from_spec, registered
from outlay.types import Budget, Question, Trace
from toy import Digits

VALUES: dict[str, tuple[Any, ...]] = {
    "width": (1, 2, 64),
    "chains": (3, 64),
    "steps": (0, 3),
    "block": (3,),
    "context": (0, 2),
    "max_rounds": (8,),
    "selection": tuple(RULES),
}
"""Values that are tried for options whose type does not list them; an option that refuses one is not tried with it."""

PRICES = Prices(parameters=100, verifier_parameters=50, usd_generated=1e6, usd_prompt=1e5, usd_verifier_prompt=1e5)
QUESTION = Question("q7", "what is q7", reference="7", task=Digits.name)


def variants() -> Iterator[Any]:
    """Each registered strategy with its defaults, then with one option at a time set otherwise."""
    for name in registered():
        plain = from_spec(name)
        yield plain
        hints = get_type_hints(type(plain))
        for option in fields(plain):  # type: ignore[arg-type]
            for value in dict.fromkeys((*_listed(hints[option.name]), *VALUES.get(option.name, ()))):
                if value == getattr(plain, option.name):
                    continue
                try:
                    yield from_spec({**plain.spec(), option.name: value})
                except UserError:
                    continue


def _listed(hint: Any) -> list[Any]:
    if hint is bool:
        return [True, False]
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [value for part in get_args(hint) for value in _listed(part)]


VARIANTS = list(variants())


@dataclass(frozen=True)
class World:
    """What a strategy meets."""

    kind: str = "usual"
    scores: str = "varied"
    order: int = 0
    seed: int = 0
    capacity: int = 4


def in_process(
    strategy: Any,
    budget: Budget,
    world: World = World(),
    *,
    record: Record | None = None,
    **options: Any,
) -> tuple[Trace, Books]:
    """The trace by the batching driver, and the books of what happened."""
    books = Books(clock=options.get("clock", lambda: 0.0))
    model = CountingModel(world.kind, books, world.capacity, world.order)
    driver = BatchingDriver(Digits(), model, CountingScores(world.scores, books), PRICES, **options)
    (trace,) = driver.solve([Unit(QUESTION, strategy, budget, world.seed, record=record)])
    return without_seconds(trace), books


def over_a_server(
    strategy: Any,
    budget: Budget,
    world: World = World(),
    *,
    record: Record | None = None,
    **options: Any,
) -> tuple[Trace, Books]:
    """The trace by the asynchronous driver, and the books of what happened."""
    books = Books(clock=options.get("clock", lambda: 0.0))
    model, verifier = CountingServer(world.kind, books, world.order), ServedScores(world.scores, books)
    unit = Unit(QUESTION, strategy, budget, world.seed, record=record)
    trace = asyncio.run(solve_over_protocols(unit, Digits(), model, verifier, prices=PRICES, **options))
    return without_seconds(trace), books


def without_seconds(trace: Trace) -> Trace:
    return replace(trace, cost=replace(trace.cost, seconds=0.0))
