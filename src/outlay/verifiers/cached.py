"""A verifier that never scores the same text of the same question twice while it lives.

What is known, or being scored for another run at the moment, is handed out without reading; the ledger then says of those tokens
that they were cached (`Cost.verifier_cached_tokens`). Which of two runs pays for a text that both have depends on which came first;
the sum over all runs does not. It remembers everything that it was asked, and nothing beyond its process.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from outlay.cost import Scored
from outlay.errors import UserError
from outlay.types import Question, Score, Solution, StepScores
from outlay.verifiers.verifier import looks_around, reads_of
from outlay.verifiers.wrapping import Text, seam, text_of


class Remembering(ABC):
    """What is the same for both seams: the name, the charge, and what is known."""

    def __init__(self, name: str, inner: Any) -> None:
        self.name, self.inner, self.reads = name, inner, reads_of(inner)
        self.parameters, self.attempts = getattr(inner, "parameters", 0), self.reads.attempts
        self._known: dict[Text, StepScores] = {}

    def _split(self, request: Score) -> tuple[list[Text], list[int]]:
        """What each solution's score depends on, and the places of those that nobody has asked for yet."""
        texts = [text_of(request, index, solution) for index, solution in enumerate(request.solutions)]
        seen: set[Text] = set()
        fresh = []
        for index, text in enumerate(texts):
            if text not in self._known and not self._awaited(text) and text not in seen:
                seen.add(text)
                fresh.append(index)
        return texts, fresh

    @abstractmethod
    def _awaited(self, text: Text) -> bool:
        """Whether it is being scored for another run at the moment."""

    def _told(self, texts: Sequence[Text], fresh: Sequence[int], spent: Any = None) -> Scored:
        """The scores, and that all but the fresh ones were known."""
        known = dict.fromkeys(set(range(len(texts))) - set(fresh), self.reads.times)
        return Scored([self._known[text] for text in texts], known, spent)


class RememberingEngine(Remembering):
    """In this process."""

    def __init__(self, name: str, inner: Any) -> None:
        super().__init__(name, inner)
        self._open: list[_Open] = []
        self._asked: set[Text] = set()

    def begin(self, request: Score, tag: Any) -> None:
        """Hand on what is new."""
        texts, fresh = self._split(request)
        under_way = _Open(tag, texts, fresh)
        self._open.append(under_way)
        if fresh:
            self._asked |= {texts[index] for index in fresh}
            self.inner.begin(only(request, fresh), under_way)

    def advance(self) -> list[tuple[Any, list[StepScores]]]:
        """A block of the wrapped verifier's work, where any is left; the requests whose scores are all known now."""
        for under_way, scores in [] if self.inner.idle else self.inner.advance():
            under_way.spent = getattr(scores, "spent", None)
            for index, score in zip(under_way.fresh, scores, strict=True):
                self._known[under_way.texts[index]] = tuple(score)
        ended: list[_Open] = []
        waiting: list[_Open] = []
        for one in self._open:
            (ended if all(text in self._known for text in one.texts) else waiting).append(one)
        self._open = waiting
        return [(one.tag, self._told(one.texts, one.fresh, one.spent)) for one in ended]

    def _awaited(self, text: Text) -> bool:
        return text in self._asked

    @property
    def idle(self) -> bool:
        """Whether every request is answered."""
        return not self._open

    @property
    def backlog(self) -> int:
        """The wrapped verifier's, and one for each request that is open."""
        return int(self.inner.backlog) + len(self._open)

    @property
    def capacity(self) -> int:
        """The wrapped verifier's."""
        return int(self.inner.capacity)


class RememberingCalls(Remembering):
    """Awaited."""

    def __init__(self, name: str, inner: Any) -> None:
        super().__init__(name, inner)
        self._calls: dict[Text, asyncio.Future[None]] = {}

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """As `Verifier.score`; where the wrapped one fails, so does everybody who waited for the same text."""
        request = Score(question, tuple(solutions))
        texts, fresh = self._split(request)
        waited = [self._calls[text] for text in set(texts) if text in self._calls]
        spent = None
        if fresh:
            mine = asyncio.get_running_loop().create_future()
            self._calls.update((texts[index], mine) for index in fresh)
            try:
                scores = await self.inner.score(question, only(request, fresh).solutions)
                self._known.update((texts[index], tuple(score)) for index, score in zip(fresh, scores, strict=True))
                spent = getattr(scores, "spent", None)
                mine.set_result(None)
            except BaseException as error:
                mine.set_exception(error)
                mine.exception()  # it is raised here; others who wait get it too, and nobody has to
                raise
            finally:
                for index in fresh:
                    del self._calls[texts[index]]
        for call in waited:
            await asyncio.shield(call)
        return self._told(texts, fresh, spent)

    def _awaited(self, text: Text) -> bool:
        return text in self._calls


class RememberingBoth(RememberingEngine):
    """For a verifier that answers at once: it serves both drivers."""

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """As `Verifier.score`."""
        request = Score(question, tuple(solutions))
        texts, fresh = self._split(request)
        scores = await self.inner.score(question, only(request, fresh).solutions) if fresh else []
        self._known.update((texts[index], tuple(score)) for index, score in zip(fresh, scores, strict=True))
        return self._told(texts, fresh)


@dataclass(slots=True)
class _Open:
    tag: Any
    texts: Sequence[Text]
    fresh: Sequence[int]
    spent: Any = None


def only(request: Score, places: Sequence[int]) -> Score:
    """The request for these of its solutions alone."""
    attempts = tuple(request.attempts[place] for place in places) if request.attempts else ()
    return replace(request, solutions=tuple(request.solutions[place] for place in places), attempts=attempts)


def cached(verifier: Any) -> Any:
    """`verifier` with a memory.

    Raises UserError where its score of a solution depends on the others of the request, so that it cannot be kept.
    """
    name = f"cached:{verifier.name}"
    if looks_around(verifier):
        raise UserError(
            f"{name}: the score of a solution by {verifier.name} depends on the solutions that are scored with it, so it cannot "
            "be kept: leave cached: out"
        )
    return seam(name, [verifier], RememberingEngine, RememberingCalls, RememberingBoth)(name, verifier)
