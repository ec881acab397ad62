"""Where the steps of a solution in free text end: five named ways, each usable on a whole text and while one is being written.

| name | a step ends |
|---|---|
| `newline` | with its line |
| `blank_line` | with its paragraph, at an empty line (what most process reward models were trained on) |
| `numbered` | where the line "Step 2:", "Step 3:", ... of the next one begins |
| `sentence` | after ". ", "? " or "! ", or with its line |
| `tokens:64` | after 64 tokens |

Steps joined are the text, to the letter. A step never consists of white space alone, but for what a text ends in. A text cut
while it is written, draw by draw, has the same steps as the same text cut afterwards: a server interrupts at one of a few fixed
`stops`, `take` then says whether that was the end of the step, and where it was not ("e.g. ", the "1. " of a list) the step is
gone on with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from outlay.errors import UserError
from outlay.registry import nearest

ENDS: dict[str, tuple[str, ...]] = {"newline": ("\n",), "blank_line": ("\n\n",), "sentence": (". ", "? ", "! ", "\n")}
"""Texts that a step may end in. Servers commonly take four stop strings at most."""

NUMBERED = ("\nStep {}:", "\n## Step {}:", "\n### Step {}:", "\n**Step {}:")
"""How the first line of a numbered step begins; the line break belongs to the step before."""

NO_SENTENCE = re.compile(r"(?:^\s*(?:\d+|[A-Za-z])|\b(?:e\.g|i\.e|cf|vs|Dr|Mr|Mrs|Ms|Prof|Eq|Fig|No))\. $")
"""Ends of pieces that look like the end of a sentence and are none: the number of a list's item, abbreviations."""

NAMES = (*ENDS, "numbered", "tokens:N")


@dataclass(frozen=True, slots=True)
class Splitter:
    """One way of cutting text into steps; made by `splitter`. `block` is the length of a step in tokens, 0 where text decides."""

    name: str
    block: int = 0

    def stops(self, before: str, begun: str = "") -> list[str]:
        """The texts at which a server should interrupt: `before` are the solution's closed steps, `begun` the one being written."""
        if self.name == "numbered":
            return [form.format(_number(before, begun) + 1) for form in NUMBERED]
        return list(ENDS.get(self.name, ()))

    def take(self, before: str, begun: str) -> tuple[str, bool]:
        """What of `begun` stays, and whether the step ends there. The next step's heading does not stay: it is written again."""
        if self.name == "numbered":
            stop = next((stop for stop in self.stops(before, begun) if begun.endswith(stop)), None)
            kept = begun[: len(begun) - len(stop) + 1] if stop else ""
            return (kept, True) if kept.strip() else (begun, False)
        return begun, self._closed(begun)

    def split(
        self, text: str, before: str = "", *, tokens: int | None = None, token_texts: Sequence[str] = ()
    ) -> list[str]:
        """The steps of `text`, which follows the closed steps `before`; [] for an empty text.

        Blocks of tokens are cut by `token_texts` where these make up the text. Where only the number of its `tokens` is known
        all words are taken to have equally many, and where that is unknown too, one.

        >>> splitter("newline").split("2 + 2 = 4\\n\\nSo 4.")
        ['2 + 2 = 4\\n', '\\nSo 4.']
        >>> splitter("tokens:2").split("a b c d e")
        ['a b ', 'c d ', 'e']
        """
        if self.block:
            return self._blocks(text, tokens, token_texts)
        pieces, start = [], 0
        while (end := self._next_end(text, start, before + text[:start])) is not None:
            pieces.append(text[start:end])
            start = end
        return pieces + ([text[start:]] if text[start:] else [])

    def _next_end(self, text: str, start: int, before: str) -> int | None:
        if self.name == "numbered":
            places = [
                place + 1
                for stop in self.stops(before, text[start:])
                for place in _places(text, stop, start)
                if text[start : place + 1].strip()
            ]
            return min(places, default=None)
        position = start
        while True:
            ends = [(place, place + len(end)) for end in ENDS[self.name] if (place := text.find(end, position)) >= 0]
            if not ends:
                return None
            position = min(ends)[1]
            if self._closed(text[start:position]):
                return position

    def _closed(self, piece: str) -> bool:
        """Whether a step that reads so far `piece` ends there, whatever comes next."""
        if not piece.strip() or not piece.endswith(ENDS.get(self.name, ())):
            return False
        return self.name != "sentence" or NO_SENTENCE.search(piece) is None

    def _blocks(self, text: str, tokens: int | None, token_texts: Sequence[str]) -> list[str]:
        size = self.block
        if "".join(token_texts) != text:
            token_texts = re.findall(r"\s*\S+\s?|\s+$", text)
            if tokens:
                size = max(math.ceil(len(token_texts) * self.block / tokens), 1)
        return ["".join(token_texts[first : first + size]) for first in range(0, len(token_texts), size)]


def splitter(name: str) -> Splitter:
    """The splitter of that name: newline, blank_line, numbered, sentence, or tokens:N.

    >>> splitter("sentence").split("Add 3.5 and 4. That is 7.5.")
    ['Add 3.5 and 4. ', 'That is 7.5.']
    """
    kind, colon, size = name.partition(":")
    if kind == "tokens" and colon and size.isdigit() and int(size) > 0:
        return Splitter(kind, int(size))
    if kind == "tokens":
        raise UserError(f'steps of "{name}" have no length: write tokens:N with N at least 1, for example tokens:64')
    if name not in NAMES:
        raise UserError(f'there is no way to cut steps named "{name}": {nearest(name, NAMES)}')
    return Splitter(name)


def shared_out(total: int, pieces: Sequence[str], token_texts: Sequence[str] = ()) -> list[int]:
    """How many of the `total` tokens of a text each of its pieces has; sums to `total`, the last piece has the end token.

    Exact where `token_texts` make up the text (a token that reaches over an end belongs to the piece that it begins in); in
    proportion to the pieces' characters otherwise.

    >>> shared_out(5, ["one two\\n", "three"], ["one", " two", "\\n", "three"]), shared_out(4, ["aa", "aaaaaa"])
    ([3, 2], [1, 3])
    """
    if not pieces:
        return []
    ends = list(accumulate(map(len, pieces)))
    if token_texts and "".join(token_texts) == "".join(pieces):
        begins = [0, *accumulate(map(len, token_texts))][:-1]
        upto = [sum(begin < end for begin in begins) for end in ends]
    else:
        upto = [round(total * end / max(ends[-1], 1)) for end in ends]
    upto[-1] = total
    return [end - begin for begin, end in zip([0, *upto], upto, strict=False)]


def _number(before: str, begun: str) -> int:
    """The number of the step that `begun` is (the first is 1, whatever it says), after the closed steps `before`."""
    reached, position = 1, len(before) - len(before.lstrip())
    while found := [place for form in NUMBERED if (place := before.find(form.format(reached + 1), position)) >= 0]:
        reached, position = reached + 1, min(found) + 1
    own_heading = tuple(form.format(reached + 1).removeprefix("\n") for form in NUMBERED)
    return reached + (bool(before) and (not begun or begun.startswith(own_heading)))


def _places(text: str, sought: str, start: int) -> Iterator[int]:
    while (start := text.find(sought, start)) >= 0:
        yield start
        start += 1
