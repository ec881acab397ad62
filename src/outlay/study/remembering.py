"""Models that draw the same samples only once, for packages that want them scored by one verifier after another.

A sample is decided by its request and its random keys, so what was drawn before is what would be drawn again: results and the
costs in the traces are the same with and without a memory; only time is saved, and what a server's calls would cost once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outlay.models.model import Completion, InProcessModel, Model
from outlay.types import Question, Sample, Solution

What = tuple[str, str, int, float, float, tuple[int, ...]]


class Remembering:
    """A model whose whole solutions, drawn from a bare question, are kept in `known` and handed out again.

    Steps of a search and revisions depend on what came before them and are always drawn.
    """

    def __init__(self, engine: InProcessModel, known: dict[What, list[Solution]]) -> None:
        self._engine, self._known = engine, known
        self._ready: list[tuple[Any, list[Solution]]] = []
        self.name, self.parameters, self.max_tokens = engine.name, engine.parameters, engine.max_tokens

    def question_tokens(self, question: Question) -> int:
        """Length of the question's prompt."""
        return self._engine.question_tokens(question)

    def begin(self, request: Sample, keys: Sequence[int], tag: Any) -> None:
        """Queue a request, unless its samples are known."""
        what = _what(request, keys)
        if what in self._known:
            self._ready.append((tag, self._known[what]))
        else:
            self._engine.begin(request, keys, (what, tag))

    def advance(self) -> list[tuple[Any, list[Solution]]]:
        """What is known already; without any, a block of the engine's work."""
        if self._ready:
            ready, self._ready = self._ready, []
            return ready
        ended = []
        for (what, tag), solutions in self._engine.advance():
            if what is not None:
                self._known[what] = solutions
            ended.append((tag, solutions))
        return ended

    @property
    def idle(self) -> bool:
        """Whether nothing is queued, under way or ready."""
        return not self._ready and self._engine.idle

    @property
    def backlog(self) -> int:
        """The engine's, and a unit for each request that is ready."""
        return self._engine.backlog + len(self._ready)

    @property
    def capacity(self) -> int:
        """The engine's."""
        return self._engine.capacity


class RememberingServer:
    """The same for a model that is awaited. A server that does not keep to its seeds is held to what it said first."""

    def __init__(self, model: Model, known: dict[Any, list[Completion]]) -> None:
        self._model, self._known = model, known
        self.name = model.name

    def __getattr__(self, name: str) -> Any:
        """Whatever else the model says of itself."""
        return getattr(self._model, name)

    async def sample(
        self,
        prompt: str,
        *,
        n: int,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        seed: int,
        prefix: str = "",
    ) -> list[Completion]:
        """What is known already, or what the model gives now."""
        what = (prompt, n, max_tokens, temperature, seed)
        if not prefix and not stop and what in self._known:
            return self._known[what]
        drawn = await self._model.sample(
            prompt, n=n, max_tokens=max_tokens, temperature=temperature, stop=stop, seed=seed, prefix=prefix
        )
        if not prefix and not stop:
            self._known[what] = drawn
        return drawn


def _what(request: Sample, keys: Sequence[int]) -> What | None:
    """What decides the samples of a request; None where it goes on from something."""
    if request.prefix is not None or request.attempts or request.until != "end":
        return None
    question = request.question
    return question.id, question.text, request.n, request.temperature, request.top_p, tuple(keys)
