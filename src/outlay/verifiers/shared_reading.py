"""Reading many solutions as one tree: what several of them begin with is read once.

A verifier's score of a step depends on the text up to it alone, so solutions of one question share the question, and those that go on
from one step share everything before it. `SharedReading` hands the engine one job for each stretch between two branchings, and the
next one once that has been read: the engine keeps keys and values of what was read, so a job reads its own stretch only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from outlay.models.embedded.engine import Engine
from outlay.models.embedded.jobs import ScoreJob, Scores


@dataclass(slots=True, eq=False)
class Text:
    """A solution as an engine reads it: the question's `tokens` and its own.

    `ends[0]` is the question's length, `ends[d]` that of the text up to step d; `values` are those of its first steps, as far
    as they are known. `done` is called when there is one for each step.
    """

    tokens: tuple[int, ...]
    ends: tuple[int, ...]
    values: list[float]
    done: Callable[[], None]


class SharedReading:
    """Texts in, their values filled in as the engine's results are handed to `finished`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._under_way: dict[tuple[tuple[int, ...], tuple[int, ...]], list[Callable[[Sequence[float]], None]]] = {}

    def read(self, texts: Sequence[Text]) -> None:
        """Begin to read texts of one request."""
        if texts:
            self._branch(texts, min(len(text.values) for text in texts))

    def finished(self, scores: Scores) -> None:
        """Take in a result of the engine."""
        for go_on in self._under_way.pop(scores.tag):
            go_on(scores.values)

    def _branch(self, texts: Iterable[Text], depth: int) -> None:
        """Texts that share all before their step `depth`, which has been read: group them by this step, and read on."""
        groups: dict[tuple[int, ...], list[Text]] = {}
        for text in texts:
            if depth == len(text.ends):
                text.done()
            else:
                groups.setdefault(text.tokens[: text.ends[depth]], []).append(text)
        for group in groups.values():
            self._stretch(group, depth, _shared_until(group, depth))

    def _stretch(self, group: list[Text], depth: int, until: int) -> None:
        """Read steps `depth` to `until`, which the texts of a group share, and go on where they part."""
        known = min(len(text.values) for text in group)
        wanted = range(max(depth, known + 1), until + 1)
        tokens, ends = group[0].tokens[: group[0].ends[until]], group[0].ends

        def go_on(values: Sequence[float]) -> None:
            for text in group:
                text.values += values[len(values) - (until - len(text.values)) :] if until > len(text.values) else ()
            self._branch(group, until + 1)

        if not wanted and (until + 1 == len(ends) or self._engine.holds(tokens)):
            go_on(())
            return
        job = (tokens, tuple(ends[step] - 1 for step in wanted))
        if job in self._under_way:
            self._under_way[job].append(go_on)
            return
        self._under_way[job] = [go_on]
        self._engine.submit(ScoreJob(*job, tag=job))


def _shared_until(group: Sequence[Text], depth: int) -> int:
    """The last step that all texts of a group share with each other; the question is a stretch by itself."""
    first, until = group[0], depth
    if depth == 0:
        return 0
    while all(
        until + 1 < len(text.ends)
        and text.ends[until + 1] == first.ends[until + 1]
        and text.tokens[: text.ends[until + 1]] == first.tokens[: first.ends[until + 1]]
        for text in group
    ):
        until += 1
    return until
