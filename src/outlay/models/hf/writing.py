"""Tokens to text while they are drawn, and the place where a stop string ends it.

The text of a token depends on those before it (a letter may be spread over several tokens, words carry their spaces), so pieces
are what decoding a stretch with one more token adds. A token that completes nothing yet has an empty piece, and what it was waiting
for is in a later one; joined they are the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BEHIND = 6
"""Tokens of the prompt that are decoded with the first ones, so that these get the space that belongs before them."""
INCOMPLETE = "\ufffd"


class Writing:
    """One continuation while it is written. `stops` are the texts at which it ends; they stay in the text.

    `cut` says that the last token went on behind the stop, so that text and tokens do not end at the same place.
    """

    def __init__(self, tokenizer: Any, before: Sequence[int], stops: Sequence[str] = ()) -> None:
        self._tokenizer, self._stops = tokenizer, tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._ids = list(before[-BEHIND:])
        self._from, self._read = 0, len(self._ids)
        self._shown = self._decoded(0)
        self.text = ""
        self.pieces: list[str] = []
        self.cut = False

    def add(self, token: int) -> bool:
        """Take the next token; whether a stop string is in the text now. The text is then cut behind it."""
        self._ids.append(token)
        decoded = self._decoded(self._from)
        new = ""
        if len(decoded) > len(self._shown) and not decoded.endswith(INCOMPLETE):
            new = decoded[len(self._shown) :]
            self._from, self._read = self._read, len(self._ids)
            self._shown = self._decoded(self._from)
        return self._take(new)

    def end(self) -> None:
        """No more tokens come: what was incomplete is shown as it is."""
        decoded = self._decoded(self._from)
        if len(decoded) > len(self._shown) and self.pieces:
            rest = decoded[len(self._shown) :]
            self.text += rest
            self.pieces[-1] += rest
            self._shown = decoded

    def _take(self, new: str) -> bool:
        before = len(self.text)
        self.text += new
        self.pieces.append(new)
        if not new or not self._stops:
            return False
        start = max(before - self._longest + 1, 0)
        ends = [place + len(stop) for stop in self._stops if (place := self.text.find(stop, start)) >= 0]
        if not ends:
            return False
        self.cut = len(self.text) > min(ends)
        self.text = self.text[: min(ends)]
        self.pieces[-1] = self.text[before:] if min(ends) > before else ""
        return True

    def _decoded(self, start: int) -> str:
        text: str = self._tokenizer.decode(
            self._ids[start:], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text
