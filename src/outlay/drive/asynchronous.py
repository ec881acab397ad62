"""The asynchronous driver: one strategy over a `Model` and a `Verifier` that are awaited (servers, or a user's own objects).

All requests that a strategy has out at once are awaited at once. Calls that are still out when the driver is cancelled are
cancelled with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from outlay.cost import Ledger, Prices
from outlay.drive.running import Pending, Running
from outlay.drive.serving import Served, Unit
from outlay.errors import OutlayError, Unsupported
from outlay.models.model import Completion, Model
from outlay.tasks import Task
from outlay.types import Sample, Score, Solution, Step, Trace
from outlay.verifiers.verifier import Verifier, reads_of

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
    prices = prices or Prices(getattr(model, "parameters", 0), getattr(verifier, "parameters", 0))
    ledger = Ledger(unit.budget, prices, 0, task.max_solution_tokens, counts_prompts=False, reads=reads_of(verifier))
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
            pending.done(served.scored(pending, scores))

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
    served: Served,
    model: Model,
    request: Sample,
    prefixes: Sequence[Solution],
    address: tuple[int, ...],
    step_end: str,
) -> list[Solution]:
    """Each prefix continued once: to the next step's end or to the end of the solution; what has ended stays."""
    stop = [step_end] if request.until == "step" else []
    seed = served.keys((*address, len(prefixes[0].steps)), 1)[0] % 2**31

    async def draw(prefix: Solution, n: int, offset: int) -> list[Solution]:
        if prefix.ended:
            return [prefix] * n
        drawn = await model.sample(
            request.question.text,
            n=n,
            max_tokens=max(served.task.max_solution_tokens - prefix.tokens, 1),
            temperature=request.temperature,
            stop=stop,
            seed=(seed + offset) % 2**31,
            prefix=prefix.text,
        )
        if len(drawn) != n:
            raise OutlayError(f"{model.name} was asked for {n} completions and gave {len(drawn)}")
        served.ledger.prompted(sum(c.prompt_tokens for c in drawn), sum(c.cached_tokens for c in drawn))
        return [_grown(prefix, completion, served.task.max_solution_tokens) for completion in drawn]

    if all(prefix == prefixes[0] for prefix in prefixes):
        return await draw(prefixes[0], len(prefixes), 0)
    each = await asyncio.gather(*(draw(prefix, 1, index) for index, prefix in enumerate(prefixes)))
    return [solution for one in each for solution in one]


def _grown(prefix: Solution, completion: Completion, most: int) -> Solution:
    step = Step(
        completion.text, completion.generated_tokens, None if completion.logprobs is None else sum(completion.logprobs)
    )
    steps = (*prefix.steps, step)
    finished = completion.finish_reason == "end"
    full = sum(step.tokens for step in steps) >= most
    truncated = not finished and (completion.finish_reason == "length" or full)
    return Solution(steps, finished=finished, truncated=truncated, step_scores=prefix.step_scores)
