"""Verifiers that read solutions with a tensor library in this process: both seams, batches, and what reading costs.

What is asked for at the same time is read together. Each solution is read once from its start, whatever its number of steps, and
the ledger is told the tokens that were really read: marks, templates and the question among them. A solution that does not fit the
model's context has no score.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from outlay.cost import Reads, Scored
from outlay.models.hf.reading import Text
from outlay.models.joining import Joining
from outlay.types import Cost, Question, Score, Solution, StepScores
from outlay.verifiers.layouts import Laid

log = logging.getLogger(__name__)

TOGETHER = 256
"""Solutions that are read together at most."""

Lay = Callable[[Question, Solution], Laid]
Judge = Callable[[Sequence[Text]], Sequence[Sequence[float]]]


@dataclass(slots=True)
class _Open:
    tag: Any
    texts: list[Text | None]
    scores: list[StepScores] = field(default_factory=list)


class ReadingVerifier:
    """A verifier of a way to lay solutions out and one to judge laid out texts, a probability a place.

    Args:
        name: the verifier's name.
        parameters: weights of what reads.
        lay: a solution's tokens and the places of its steps.
        judge: for each text a probability for each of its places.
        context: the longest text in tokens.
    """

    reads = Reads(reported=True)
    capacity = TOGETHER

    def __init__(self, name: str, parameters: int, lay: Lay, judge: Judge, context: int) -> None:
        self.name, self.parameters = name, parameters
        self._lay, self._judge, self._context = lay, judge, context
        self._joined: Joining[Text, Sequence[float]] = Joining(judge, TOGETHER)
        self._queue: deque[_Open] = deque()

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """As `Verifier.score`; read in a thread."""
        texts = [self._text(question, solution) for solution in solutions]
        read = [text for text in texts if text is not None]
        return _told(texts, await self._joined(read))

    def begin(self, request: Score, tag: Any) -> None:
        """Queue a request."""
        self._queue.append(_Open(tag, [self._text(request.question, one) for one in request.solutions]))

    def advance(self) -> list[tuple[Any, list[StepScores]]]:
        """Read the oldest requests together; these."""
        taken: list[_Open] = []
        while self._queue and (not taken or sum(len(one.texts) for one in (*taken, self._queue[0])) <= TOGETHER):
            taken.append(self._queue.popleft())
        read = [text for one in taken for text in one.texts if text is not None]
        judged = deque(self._judge(read) if read else ())
        completed: list[tuple[Any, list[StepScores]]] = []
        for one in taken:
            mine = [judged.popleft() for text in one.texts if text is not None]
            completed.append((one.tag, _told(one.texts, mine)))
        return completed

    @property
    def idle(self) -> bool:
        """Whether nothing is queued."""
        return not self._queue

    @property
    def backlog(self) -> int:
        """Solutions that are queued, and the requests that hold them."""
        return sum(len(one.texts) + 1 for one in self._queue)

    def _text(self, question: Question, solution: Solution) -> Text | None:
        if not solution.steps:
            return None
        laid = self._lay(question, solution)
        if len(laid.tokens) > self._context:
            log.warning(
                "%s: a solution of question %s is %d tokens long and %d fit: it has no score",
                *(self.name, question.id, len(laid.tokens), self._context),
            )
            return None
        return Text(laid.tokens, laid.places, laid.start)


def _told(texts: Sequence[Text | None], judged: Sequence[Sequence[float]]) -> Scored:
    """The scores, `()` where nothing was read, and what the reading cost."""
    left = deque(judged)
    scores = [() if text is None else tuple(left.popleft()) for text in texts]
    read = sum(len(text.tokens) for text in texts if text is not None)
    return Scored(scores, spent=Cost(verifier_prompt_tokens=read, calls=1))
