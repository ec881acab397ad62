"""The asynchronous driver: one strategy over a `Model` and a `Verifier` that are awaited (servers, or a user's own objects).

All requests that a strategy has out at once are awaited at once. Calls that are still out when the driver is cancelled are
cancelled with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from outlay.cost import Ledger, Prices
from outlay.drive.running import Pending, Running, key
from outlay.drive.serving import Served, Unit
from outlay.errors import OutlayError, Unsupported
from outlay.models.model import Completion, Model
from outlay.tasks import Task
from outlay.types import Sample, Score, Solution, Step, Trace
from outlay.verifiers.verifier import Verifier

STEP_END = "\n\n"
"""What ends a step in free text: an empty line, as in the PRM literature."""


async def solve_over_protocols(
    unit: Unit,
    task: Task,
    model: Model,
    verifier: Verifier | None,
    *,
    prices: Prices | None = None,
    step_end: str = STEP_END,
) -> Trace:
    """Run one unit to its end and return its trace."""
    ledger = Ledger(
        unit.budget, prices or Prices(parameters=getattr(model, "parameters", 0)), 0, task.max_solution_tokens
    )
    served = Served(unit, task, ledger, model.name, verifier.name if verifier else None)
    out: set[asyncio.Task[None]] = set()

    def submit(pending: Pending) -> None:
        admitted = served.admit(pending)
        if admitted is not None:
            out.add(asyncio.create_task(serve(admitted)))

    async def serve(pending: Pending) -> None:
        if isinstance(pending.request, Sample):
            drawn = await _sample(served, model, pending.request, pending.address, step_end)
            pending.done(served.sampled(pending, drawn))
        elif verifier is not None and isinstance(pending.request, Score):
            scores = await verifier.score(pending.request.question, pending.request.solutions)
            pending.done(list(scores))

    running = Running(unit.strategy.solve(unit.question, unit.budget), submit)
    running.start()
    try:
        while out:
            finished, _ = await asyncio.wait(out, return_when=asyncio.FIRST_COMPLETED)
            out -= finished
            for call in finished:
                call.result()
    finally:
        for call in out:
            call.cancel()
    if not running.finished:
        raise OutlayError(f'strategy "{unit.strategy.name}" waits for a request that was never served')
    return served.trace(running)


async def _sample(
    served: Served, model: Model, request: Sample, address: tuple[int, ...], step_end: str
) -> list[Solution]:
    if request.attempts:
        raise Unsupported(f"{model.name} cannot revise: nothing says how it reads earlier attempts")
    if request.top_p != 1.0:
        raise Unsupported(f"{model.name} takes no top_p through this interface: leave it at 1")
    prefixes = [request.prefix or Solution()] * request.n
    for _ in range(request.steps if request.until == "step" else 1):
        prefixes = await _extend(served, model, request, prefixes, address, step_end)
    return prefixes


async def _extend(
    served: Served, model: Model, request: Sample, prefixes: Sequence[Solution], address: tuple[int, ...], step_end: str
) -> list[Solution]:
    """Each prefix continued once: to the next step's end or to the end of the solution; finished ones stay."""
    stop = [step_end] if request.until == "step" else []
    budget = served.task.max_solution_tokens
    seed = key(served.unit.seed, served.unit.question.id, address, len(prefixes[0].steps)) % 2**31
    if all(prefix == prefixes[0] for prefix in prefixes) and not prefixes[0].finished:
        drawn = await model.sample(
            request.question.text,
            n=len(prefixes),
            max_tokens=max(budget - prefixes[0].tokens, 1),
            temperature=request.temperature,
            stop=stop,
            seed=seed,
            prefix=prefixes[0].text,
        )
        if len(drawn) != len(prefixes):
            raise OutlayError(f"{model.name} was asked for {len(prefixes)} completions and gave {len(drawn)}")
        return [_grown(prefix, completion) for prefix, completion in zip(prefixes, drawn, strict=True)]

    async def one(index: int, prefix: Solution) -> Solution:
        if prefix.finished:
            return prefix
        (completion,) = await model.sample(
            request.question.text,
            n=1,
            max_tokens=max(budget - prefix.tokens, 1),
            temperature=request.temperature,
            stop=stop,
            seed=(seed + index) % 2**31,
            prefix=prefix.text,
        )
        return _grown(prefix, completion)

    return list(await asyncio.gather(*(one(index, prefix) for index, prefix in enumerate(prefixes))))


def _grown(prefix: Solution, completion: Completion) -> Solution:
    step = Step(completion.text, completion.generated_tokens, sum(completion.logprobs or ()))
    return Solution((*prefix.steps, step), finished=completion.finish_reason == "end", step_scores=prefix.step_scores)
