"""Reading many solutions as one tree: what several of them begin with is read once.

A verifier's value of a step depends on the text up to it alone. Solutions of one question share the question, and those that go on
from one step share all before it. `SharedReading` hands the engine a job for each step that differs, and those that follow it once
it has been read. The engine keeps what was read, and answers at once what it has read before, so a job reads its own step only:
over a run of any strategy just the tokens that the ledger charges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from outlay.models.embedded.engine import Engine
from outlay.models.embedded.jobs import ScoreJob, Scores


@dataclass(slots=True, eq=False)
class Text:
    """A solution as an engine reads it: the tokens of question and steps.

    `ends[0]` is the question's length, `ends[d]` that of the text up to step d. `values` are those of its first steps, as far as
    they are known; `done` is called when there is one for each step.
    """

    tokens: tuple[int, ...]
    ends: tuple[int, ...]
    values: list[float]
    done: Callable[[], None]


class SharedReading:
    """Texts in; their values are filled in as the engine's results are handed to `finished`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._under_way: dict[tuple[tuple[int, ...], bool], list[Callable[[Sequence[float]], None]]] = {}

    def read(self, texts: Sequence[Text]) -> None:
        """Begin to read the texts of one request, after the steps that all of them have values for."""
        if texts:
            self._branch(texts, min(len(text.values) for text in texts))

    def finished(self, scores: Scores) -> None:
        """Take in a result of the engine."""
        for go_on in self._under_way.pop(scores.tag):
            go_on(scores.values)

    def _branch(self, texts: Iterable[Text], depth: int) -> None:
        """Read part `depth` (0 is the question) of texts that begin alike, each variant of it once."""
        variants: dict[tuple[int, ...], list[Text]] = {}
        for text in texts:
            if depth == len(text.ends):
                text.done()
            else:
                variants.setdefault(text.tokens[: text.ends[depth]], []).append(text)
        for tokens, group in variants.items():
            self._read_part(tokens, group, depth)

    def _read_part(self, tokens: tuple[int, ...], group: list[Text], depth: int) -> None:
        def go_on(values: Sequence[float]) -> None:
            for text in group:
                if len(text.values) < depth:
                    text.values += values
            self._branch(group, depth + 1)

        wanted = any(len(text.values) < depth for text in group)
        job = (tokens, wanted)
        waiting = self._under_way.setdefault(job, [])
        waiting.append(go_on)
        if len(waiting) == 1:
            self._engine.submit(ScoreJob(tokens, (len(tokens) - 1,) if wanted else (), tag=job))
