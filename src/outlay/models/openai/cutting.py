"""A streamed reply, cut at a stop string by ourselves: for servers whose replies do not show whether they ended at one.

What was generated beyond the cut, up to the moment at which the reader went away, was paid for and is counted as cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from outlay.models.openai.replies import Choice, Usage, choice, usage


@dataclass
class Cut:
    """Takes pieces until the text holds one of `stops` whole, or the reply ends."""

    stops: tuple[str, ...]
    text: str = ""
    finish: str = ""
    ended: bool = False
    prompt: int | None = None
    cached: int = 0
    reported: int = 0
    tokens: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    alternatives: list[Mapping[str, float]] = field(default_factory=list)
    _pieces: int = 0
    _end: int | None = None

    @property
    def generated(self) -> int:
        """Tokens so far: as the server or the log-probabilities count them, else one a piece."""
        return max(self.reported, len(self.logprobs)) or self._pieces

    def take(self, piece: Any) -> bool:
        """Add a piece; whether that was enough. After the end of a whole reply its usage may still come."""
        said = usage(piece)
        if said is not None:
            self.prompt, self.cached, self.reported = said.prompt, said.cached, max(said.generated, self.reported)
        for one in piece.get("choices") or ():
            self._add(choice(one))
        return self._end is not None

    def _add(self, new: Choice) -> None:
        before = len(self.text)
        self.text += new.text
        if new.text:
            self._pieces += 1
        self.tokens += new.tokens or ()
        self.logprobs += new.logprobs or ()
        self.alternatives += new.alternatives or ()
        if new.finish:
            self.finish, self.ended = new.finish, True
        longest = max(map(len, self.stops), default=0)
        ends = [
            place + len(stop)
            for stop in self.stops
            if (place := self.text.find(stop, max(before - longest + 1, 0))) >= 0
        ]
        if ends and self._end is None:
            self._end, self.ended = min(ends), True

    def cut(self) -> tuple[Choice, Usage | None, int]:
        """The choice up to its stop, the usage, and how many of its tokens lie beyond the cut."""
        end = len(self.text) if self._end is None else self._end
        beyond, length, kept = 0, 0, len(self.logprobs)
        if self._end is not None and "".join(self.tokens) == self.text:
            for place, token in enumerate(self.tokens):
                if length >= end:
                    kept = place
                    break
                length += len(token)
            beyond = len(self.logprobs) - kept
        tokens, logprobs = tuple(self.tokens[:kept]) or None, tuple(self.logprobs[:kept]) or None
        stopped_at = "" if self._end is None else next(stop for stop in self.stops if self.text[:end].endswith(stop))
        said = Usage(self.prompt, self.cached, self.generated) if self.prompt is not None else None
        told = tuple(self.alternatives[:kept]) if len(self.alternatives) == len(self.logprobs) else ()
        return Choice(self.text[:end], self.finish or "stop", stopped_at, tokens, logprobs, told or None), said, beyond
