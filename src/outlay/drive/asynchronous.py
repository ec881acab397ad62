"""The asynchronous driver: one strategy over a `Model` and a `Verifier` that are awaited (servers, or a user's own objects).

All requests that a strategy has out at once are awaited at once. Calls that are still out when the driver is cancelled are
cancelled with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from outlay.cost import Ledger, Prices
from outlay.drive.drawing import Drawing
from outlay.drive.grading import graded
from outlay.drive.running import Pending, Running
from outlay.drive.serving import Served, Unit
from outlay.errors import OutlayError
from outlay.models.model import Model
from outlay.models.steps import splitter
from outlay.tasks import Task
from outlay.types import Sample, Score, Trace
from outlay.verifiers.verifier import Verifier, reads_of

STEPS = "blank_line"
"""How free text is cut into steps unless something else is said: at empty lines, as in the PRM literature."""


async def solve_over_protocols(
    unit: Unit,
    task: Task,
    model: Model,
    verifier: Verifier | None,
    *,
    prices: Prices | None = None,
    steps: str = STEPS,
    deadline_seconds: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Trace:
    """Run one unit to its end and return its trace.

    A model or verifier that has to find out something first does so in its `ready()`, before the run and its clock begin.
    `steps` names one of the splitters of `outlay.models.steps`. After `deadline_seconds` on the `clock` no further call is made.
    """
    cut = splitter(steps)
    for ready in (getattr(one, "ready", None) for one in (model, verifier)):
        if ready is not None:
            await ready()
    prices = prices or Prices(getattr(model, "parameters", 0) or 0, getattr(verifier, "parameters", 0) or 0)
    ledger = Ledger(unit.budget, prices, 0, task.max_solution_tokens, counts_prompts=False, reads=reads_of(verifier))
    served = Served(unit, task, ledger, model.name, verifier.name if verifier else None, deadline_seconds, clock)
    out: set[asyncio.Task[None]] = set()

    def submit(pending: Pending) -> None:
        admitted = served.admit(pending)
        if admitted is not None:
            out.add(asyncio.create_task(serve(admitted)))

    async def serve(pending: Pending) -> None:
        if isinstance(pending.request, Sample):
            drawing = Drawing(served, model, pending.request, pending.address, cut)
            drawn = await drawing.solutions()
            pending.done(served.sampled(pending, drawn, drawing.reported))
        elif verifier is not None and isinstance(pending.request, Score):
            scores = await verifier.score(pending.request.question, pending.request.solutions)
            pending.done(served.scored(pending, scores))

    running = Running(unit.strategy.solve(unit.question, unit.budget), submit)
    running.start()
    try:
        while out:
            finished, _ = await asyncio.wait(out, return_when=asyncio.FIRST_COMPLETED)
            for call in finished:
                call.result()
            out -= finished
    finally:
        for call in out:
            call.cancel()
        await asyncio.gather(*out, return_exceptions=True)  # what ended at the same time has been told of by the first
    if not running.finished:
        raise OutlayError(f'strategy "{unit.strategy.name}" waits for a request that was never served')
    seconds = served.clock() - served.started
    return await graded(served, running, seconds)
