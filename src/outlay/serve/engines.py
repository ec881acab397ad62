"""Where a request's runs are carried out: in an engine of this process, or over models that are awaited.

Both keep the account of every run in the request's `Account`, also of one that is cancelled in the middle, and both end in traces.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from outlay.cost import Prices
from outlay.drive.asynchronous import STEPS, solve_over_protocols
from outlay.drive.awaiting import awaited
from outlay.drive.serving import Unit
from outlay.drive.standing import StandingDriver
from outlay.errors import UserError
from outlay.models.model import InProcessModel, Model
from outlay.serve.account import Account
from outlay.tasks import Task
from outlay.types import Trace
from outlay.verifiers.verifier import InProcessVerifier, Verifier, looks_around

GRACE_SECONDS = 0.9
"""How long an engine of this process may take to hand out the account of a run that was given up."""

Message = Mapping[str, Any]


class Engine(Protocol):
    """Carries out runs for one model and one verifier."""

    name: str
    task: Task
    reads_conversations: bool

    async def start(self) -> None:
        """Be ready: raises UserError where the model or verifier cannot be used."""
        ...

    async def close(self) -> None:
        """End what is under way, and let go of connections and threads."""
        ...

    async def run(
        self, unit: Unit, account: Account, task: Task, before: Sequence[Message], seconds: float | None
    ) -> Trace:
        """One run, entered in the account. `before` are the messages before the question, for models that read them."""
        ...

    def draw(
        self, units: Sequence[Unit], account: Account, task: Task, before: Sequence[Message], seconds: float | None
    ) -> AsyncIterator[tuple[int, Trace]]:
        """Several runs at once: each trace as it ends, with its unit's place."""
        ...

    @property
    def draws_singly(self) -> bool:
        """Whether samples are better asked for one a run, so that each is there, and can be looked at, as soon as it has ended."""
        ...


class Inside:
    """A model and a verifier of this process, on a thread of their own."""

    reads_conversations = False
    draws_singly = False

    def __init__(
        self, task: Task, model: InProcessModel, verifier: InProcessVerifier | None, prices: Prices | None
    ) -> None:
        if verifier is not None and not isinstance(verifier, InProcessVerifier):
            raise UserError(f"{model.name} runs in this process and needs an in-process verifier, not {verifier!r:.80}")
        self.name, self.task, self.model = model.name, task, model
        self._driver = StandingDriver(task, model, verifier, prices)

    async def start(self) -> None:
        """Start the thread."""
        self._driver.start()

    async def close(self) -> None:
        """End the thread when what is under way has ended."""
        await asyncio.to_thread(self._driver.close)

    async def run(
        self, unit: Unit, account: Account, task: Task, before: Sequence[Message], seconds: float | None
    ) -> Trace:
        """One run; cancelled, it is given up at once and its account still comes."""
        with account.running() as opened:
            order = asyncio.ensure_future(self._driver.solve_one(replace(unit, watch=opened), seconds))
            try:
                trace = await asyncio.shield(order)
            except asyncio.CancelledError:
                opened.give_up()
                with suppress(Exception):
                    late = await asyncio.wait_for(asyncio.shield(order), GRACE_SECONDS)
                    account.thrown_away(opened, late.cost)
                raise
            account.ended(opened, trace)
            return trace

    async def draw(
        self, units: Sequence[Unit], account: Account, task: Task, before: Sequence[Message], seconds: float | None
    ) -> AsyncIterator[tuple[int, Trace]]:
        """Several runs at once: the engine's blocks hold them all."""
        async for found in _as_they_end([self.run(unit, account, task, before, seconds) for unit in units]):
            yield found


class Awaiting:
    """A model that is awaited (a server, or an object with an async `sample`), and a verifier of either kind."""

    def __init__(self, task: Task, model: Model, verifier: Any, prices: Prices | None, steps: str = STEPS) -> None:
        self.name, self.task, self.model, self.prices, self.steps = model.name, task, model, prices, steps
        self.verifier = awaited(verifier)
        if self.verifier is not None and not isinstance(self.verifier, Verifier):
            raise UserError(f"{verifier!r:.80} is no verifier: it has no async score method")
        self.reads_conversations = hasattr(model, "talking")
        self.draws_singly = not looks_around(self.verifier)

    async def start(self) -> None:
        """Find out what the servers do."""
        for ready in (getattr(one, "ready", None) for one in (self.model, self.verifier)):
            if ready is not None:
                await ready()

    async def close(self) -> None:
        """Close connections."""
        for close in (getattr(one, "close", None) for one in (self.model, self.verifier)):
            if close is not None:
                await close()

    async def run(
        self, unit: Unit, account: Account, task: Task, before: Sequence[Message], seconds: float | None
    ) -> Trace:
        """One run; cancelled, the calls that are out are cancelled with it and what they had drawn is in the account."""
        model: Any = self.model
        view = None  # a model's own account is this request's only where the request has a view of its own
        if hasattr(model, "talking"):
            model = view = model.talking(before)
        with account.running(view) as opened:
            trace = await solve_over_protocols(
                replace(unit, watch=opened),
                task,
                model,
                self.verifier,
                prices=self.prices,
                steps=self.steps,
                deadline_seconds=seconds,
            )
            account.ended(opened, trace)
            return trace

    async def draw(
        self, units: Sequence[Unit], account: Account, task: Task, before: Sequence[Message], seconds: float | None
    ) -> AsyncIterator[tuple[int, Trace]]:
        """Several runs at once, each trace as it comes."""
        async for found in _as_they_end([self.run(unit, account, task, before, seconds) for unit in units]):
            yield found


async def _as_they_end(runs: Sequence[Any]) -> AsyncIterator[tuple[int, Trace]]:
    """Each result with its place, as it comes; where one fails, or nobody listens any more, the others are cancelled."""
    place = {asyncio.ensure_future(run): index for index, run in enumerate(runs)}
    waiting = set(place)
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in sorted(done, key=place.__getitem__):
                yield place[one], one.result()
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*place, return_exceptions=True)


def engine_for(task: Task, model: Any, verifier: Any, prices: Prices | None = None) -> Engine:
    """The engine for a model and a verifier of whichever kind. Raises UserError for what is neither."""
    if isinstance(model, InProcessModel):
        return Inside(task, model, verifier, prices)
    if isinstance(model, Model):
        return Awaiting(task, model, verifier, prices)
    raise UserError(f"{model!r:.80} is no model: it has neither an async sample method nor begin and advance")
