"""Verifiers around verifiers: what all wrappers share, in both seams.

A wrapper has the request scored by those that it wraps, then makes one score list of theirs. What the wrapped ones said of a
solution's first steps is remembered for a while, so that a search, whose solutions come again a step longer, is not read from its
start again (they are given their own scores back, not the wrapper's). Costs are those of the wrapped: each reading is charged.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outlay.cost import Reads, Scored
from outlay.errors import UserError
from outlay.types import Cost, Question, Score, Solution, StepScores
from outlay.verifiers.verifier import InProcessVerifier, Verifier, looks_around, reads_of

REMEMBERED = 1 << 16
"""Texts whose scores a wrapper keeps, newest first; a search needs those of its last round alone."""

Combine = Callable[[Question, Solution, Sequence[StepScores]], StepScores]
"""One score list of those that the wrapped verifiers gave a solution, in their order."""

Text = tuple[str, ...]


class Wrapping:
    """What is the same for both seams: the name, the charge, and the memory of what the wrapped verifiers said."""

    def __init__(self, name: str, inner: Sequence[Any], combine: Combine) -> None:
        self.name, self._inner, self._combine = name, tuple(inner), combine
        self.reads, self.parameters = charge(name, inner)
        self.attempts = self.reads.attempts
        self.looks_around = any(looks_around(one) for one in inner)
        self._said: OrderedDict[Text, tuple[StepScores, ...]] = OrderedDict()

    def _asked(self, request: Score, member: int) -> Score:
        """The request with the scores that this member gave the first steps of each solution; without any it forgot."""
        solutions = []
        for index, solution in enumerate(request.solutions):
            before = Solution(solution.steps[: len(solution.step_scores)])  # what was scored then had not ended yet
            said = self._said.get(text_of(request, index, before)) if solution.step_scores else None
            solutions.append(solution.scored(said[member] if said else (), None))
        return replace(request, solutions=tuple(solutions))

    def _made(self, request: Score, given: Sequence[list[StepScores]]) -> list[StepScores]:
        """The wrapper's scores, and what they cost."""
        made = []
        for index, solution in enumerate(request.solutions):
            said = tuple(tuple(scores[index]) for scores in given)
            text = text_of(request, index, solution)
            self._said[text] = said
            self._said.move_to_end(text)
            made.append(self._combine(request.question, solution, said))
        while len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        return told(made, given)


class WrappingEngine(Wrapping):
    """In this process: a request goes to every member, and is answered when the last of them has."""

    def begin(self, request: Score, tag: Any) -> None:
        """Hand the request to every member."""
        under_way = _Open(request, tag, [None] * len(self._inner))
        for member, verifier in enumerate(self._inner):
            verifier.begin(self._asked(request, member), (under_way, member))

    def advance(self) -> list[tuple[Any, list[StepScores]]]:
        """A block of every member's work; the requests that all have answered."""
        ended = []
        for verifier in self._inner:
            for (under_way, member), scores in [] if verifier.idle else verifier.advance():
                under_way.given[member] = scores
                given = [scores for scores in under_way.given if scores is not None]
                if len(given) == len(self._inner):
                    ended.append((under_way.tag, self._made(under_way.request, given)))
        return ended

    @property
    def idle(self) -> bool:
        """Whether all members are."""
        return all(verifier.idle for verifier in self._inner)

    @property
    def backlog(self) -> int:
        """Of all members together."""
        return sum(verifier.backlog for verifier in self._inner)

    @property
    def capacity(self) -> int:
        """Of all members together."""
        return sum(verifier.capacity for verifier in self._inner)


class WrappingCalls(Wrapping):
    """Awaited: all members at once."""

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """As `Verifier.score`."""
        request = Score(question, tuple(solutions))
        given = await asyncio.gather(
            *(
                verifier.score(question, self._asked(request, member).solutions)
                for member, verifier in enumerate(self._inner)
            )
        )
        return self._made(request, given)


class WrappingBoth(WrappingEngine, WrappingCalls):
    """For members that serve both drivers."""


@dataclass(slots=True)
class _Open:
    request: Score
    tag: Any
    given: list[list[StepScores] | None]


def wrapped(name: str, inner: Sequence[Any], combine: Combine) -> Any:
    """The wrapper of this name around these verifiers: it serves the drivers that all of them serve.

    Raises UserError where there is no such driver: one runs in this process, another is served elsewhere.
    """
    return seam(name, inner, WrappingEngine, WrappingCalls, WrappingBoth)(name, inner, combine)


def seam(name: str, inner: Sequence[Any], engine: Any, calls: Any, both: Any) -> Any:
    """Of three classes the one for the drivers that all these verifiers serve."""
    inside = all(isinstance(verifier, InProcessVerifier) for verifier in inner)
    awaited = all(isinstance(verifier, Verifier) for verifier in inner)
    if not inside and not awaited:
        names = " and ".join(str(getattr(verifier, "name", verifier)) for verifier in inner)
        raise UserError(
            f"{name} cannot be made of {names}: one runs in this process and another is served elsewhere, so wrap "
            "verifiers of one kind"
        )
    return both if inside and awaited else engine if inside else calls


def charge(name: str, inner: Sequence[Any]) -> tuple[Reads, float]:
    """What is charged for a wrapper, and its mean parameters over the readings.

    Raises UserError where readers take different earlier attempts: their readings could not be charged as one.
    """
    reads = [reads_of(verifier) for verifier in inner]
    times = sum(one.times for one in reads)
    contexts = {one.attempts for one in reads if one.times}
    if len(contexts) > 1:
        raise UserError(
            f"{name}: its members read {' and '.join(map(str, sorted(contexts)))} earlier attempts, so what they read cannot be "
            "charged together: wrap those that read as many"
        )
    parameters = sum(one.times * float(getattr(v, "parameters", 0)) for one, v in zip(reads, inner, strict=True))
    together = Reads(
        times,
        max(contexts, default=0),
        sum(one.writes for one in reads),
        any(one.reported for one in reads),
    )
    return together, parameters / times if times else 0


def told(made: list[StepScores], given: Sequence[list[StepScores]]) -> list[StepScores]:
    """These scores with what the wrapped verifiers said of their cost."""
    saying = [scores for scores in given if isinstance(scores, Scored)]
    if not saying:
        return made
    known: dict[int, int] = {}
    for scores in saying:
        for index, times in scores.known.items():
            known[index] = known.get(index, 0) + times
    spent = [scores.spent for scores in saying if scores.spent is not None]
    return Scored(made, known, sum(spent, Cost()) if spent else None)


def text_of(request: Score, index: int, solution: Solution) -> Text:
    """What a score depends on: the question, the earlier attempts, the steps, and whether it has ended."""
    before = request.attempts[index] if request.attempts else ()
    steps = (step.text for step in solution.steps)
    return (
        request.question.id,
        request.question.text,
        *(one.text for one in before),
        "\x1e",
        *steps,
        str(solution.finished),
    )
