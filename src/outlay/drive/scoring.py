"""The scoring driver: solutions that exist already, through a verifier of either seam.

An engine of this process is kept full; awaited verifiers have some requests out at a time. Results come in the order of ending,
each with its tag; what they are does not depend on that order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from outlay.drive.checking import checked
from outlay.errors import OutlayError, UserError
from outlay.types import Score, StepScores
from outlay.verifiers.verifier import InProcessVerifier, Verifier

AHEAD = 2
"""An engine has work for so many times its capacity waiting."""

OUT_TOGETHER = 16
"""Requests that are out at once where they are awaited; each may hold many solutions."""

Scoring = tuple[Score, Any]
"""A request and its tag."""


def score_all(verifier: Any, requests: Iterable[Scoring]) -> Iterator[tuple[Any, list[StepScores]]]:
    """The scores of every request, with the request's tag.

    Raises UserError for what is no verifier, OutlayError for scores that are none, and what the verifier raises.

    >>> from outlay import verifiers
    >>> from outlay.types import Question, Solution
    >>> list(score_all(verifiers.load("constant:0.5"), [(Score(Question("q", "q"), (Solution(),)), "tag")]))
    [('tag', [()])]
    """
    if isinstance(verifier, InProcessVerifier):
        yield from _by_engine(verifier, iter(requests))
    elif isinstance(verifier, Verifier):
        waiting = iter(requests)
        while batch := list(islice(waiting, OUT_TOGETHER)):
            yield from asyncio.run(_awaited(verifier, batch))
    else:
        raise UserError(f"{verifier!r:.80} is no verifier: it has neither an async score method nor begin and advance")


def _by_engine(verifier: InProcessVerifier, waiting: Iterator[Scoring]) -> Iterator[tuple[Any, list[StepScores]]]:
    out = 0
    exhausted = False
    while out or not exhausted:
        while not exhausted and verifier.backlog < AHEAD * verifier.capacity:
            scoring = next(waiting, None)
            if scoring is None:
                exhausted = True
                break
            verifier.begin(scoring[0], scoring)
            out += 1
        if out and verifier.idle:
            raise OutlayError(f"{verifier.name} ended without scores")
        for (request, tag), scores in verifier.advance() if out else ():
            out -= 1
            yield tag, checked(verifier.name, request, scores)


async def _awaited(verifier: Verifier, batch: Sequence[Scoring]) -> list[tuple[Any, list[StepScores]]]:
    calls = [asyncio.ensure_future(verifier.score(request.question, request.solutions)) for request, _ in batch]
    try:
        given = await asyncio.gather(*calls)
    finally:
        for call in calls:
            call.cancel()
    return [(tag, checked(verifier.name, request, scores)) for (request, tag), scores in zip(batch, given, strict=True)]
