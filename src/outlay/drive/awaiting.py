"""Verifiers of this process beside models that are awaited: the scores of an engine, for a driver that awaits them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from outlay.types import Question, Score, Solution, StepScores
from outlay.verifiers.verifier import InProcessVerifier, Verifier, looks_around, reads_of


class Awaited:
    """An `InProcessVerifier` as a `Verifier`: what is asked for at the same time is scored in the same block.

    >>> Awaited(verifiers.load("random:0")).name               # doctest: +SKIP
    'random:0'
    """

    def __init__(self, engine: InProcessVerifier) -> None:
        self.name, self.parameters = engine.name, engine.parameters
        self.reads = replace(reads_of(engine), attempts=0)  # earlier attempts do not reach it this way
        self.looks_around = looks_around(engine)
        self._engine = engine
        self._working: asyncio.Task[None] | None = None

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """Step scores of whole or partial solutions, in order."""
        scores: asyncio.Future[list[StepScores]] = asyncio.get_running_loop().create_future()
        self._engine.begin(Score(question, tuple(solutions)), scores)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        either: list[asyncio.Future[Any]] = [scores, self._working]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not scores.done():
            self._working.result()  # raises what the engine raised
        return scores.result()

    async def _work(self) -> None:
        while not self._engine.idle:
            await asyncio.sleep(0)  # whoever is ready as well may join the block
            for waiting, scores in self._engine.advance():
                if not waiting.done():
                    waiting.set_result(scores)


def awaited(verifier: Verifier | InProcessVerifier | None) -> Verifier | None:
    """The verifier as one that can be awaited."""
    if isinstance(verifier, InProcessVerifier) and not isinstance(verifier, Verifier):
        return Awaited(verifier)
    return verifier
