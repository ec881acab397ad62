"""The concurrent driver: many units at once over a model that is awaited, at the pace that its server can keep.

Units are begun while the model has `room` (twice a server's own, adaptive number of calls), each runs at its own pace, and none
waits for another. What a unit gives depends on its seed and question alone, as far as the server keeps to its seeds: not on
which units run beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from outlay.cost import Prices
from outlay.drive.asynchronous import STEPS, solve_over_protocols
from outlay.drive.awaiting import awaited
from outlay.drive.serving import Unit
from outlay.errors import OutlayError, Unsupported, UserError
from outlay.models.model import Model
from outlay.tasks import Task
from outlay.types import Trace
from outlay.verifiers.verifier import InProcessVerifier, Verifier

ROOM = 64
"""Units under way with a model that does not say how many calls it has room for."""
IN_A_ROW = 20
"""Failures of unit after unit, with no success between, after which the rest is not tried."""


class ConcurrentDriver:
    """Runs units over one model and one verifier; `solve` yields each trace as its unit ends.

    One unit's failure (a server that does not answer it, however often it is asked) does not end the others: it is told of when
    all else is done. Whatever the user can mend ends the whole at once.
    """

    def __init__(
        self,
        task: Task,
        model: Model,
        verifier: Verifier | InProcessVerifier | None = None,
        prices: Prices | None = None,
        *,
        steps: str = STEPS,
        deadline_seconds: float | None = None,
    ) -> None:
        self.task, self.model, self.verifier, self.prices = task, model, awaited(verifier), prices
        self.steps, self.deadline_seconds = steps, deadline_seconds
        self.tokens_generated = 0

    def solve(self, units: Iterable[Unit]) -> Iterator[Trace]:
        """Traces in the order of ending.

        Raises UserError and Unsupported at once; OutlayError, when all others have ended, for units that failed.
        """
        waiting = iter(units)
        under_way: set[asyncio.Task[Trace]] = set()
        failures: list[OutlayError] = []
        ended = in_a_row = 0
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            try:
                while True:
                    while len(under_way) < getattr(self.model, "room", ROOM) and in_a_row < IN_A_ROW:
                        unit = next(waiting, None)
                        if unit is None:
                            break
                        under_way.add(loop.create_task(self._solved(unit)))
                    if not under_way:
                        break
                    done, under_way = runner.run(_first(under_way))
                    for one in done:
                        ended += 1
                        try:
                            trace = one.result()
                        except (UserError, Unsupported):
                            raise
                        except OutlayError as error:
                            failures.append(error)
                            in_a_row += 1
                            continue
                        in_a_row = 0
                        self.tokens_generated += trace.cost.generated_tokens
                        yield trace
            finally:
                runner.run(self._close(under_way))
        if failures:
            raise OutlayError(
                f"{len(failures)} of {ended} runs failed, the first of them because {failures[0]}; finished work is kept: give the "
                "same command again"
            )

    async def _solved(self, unit: Unit) -> Trace:
        return await solve_over_protocols(
            unit,
            self.task,
            self.model,
            self.verifier,
            prices=self.prices,
            steps=self.steps,
            deadline_seconds=self.deadline_seconds,
        )

    async def _close(self, under_way: set[asyncio.Task[Trace]]) -> None:
        for one in under_way:
            one.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if hasattr(self.model, "close"):
            await self.model.close()


async def _first(under_way: set[asyncio.Task[Trace]]) -> tuple[set[asyncio.Task[Trace]], set[asyncio.Task[Trace]]]:
    return await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
