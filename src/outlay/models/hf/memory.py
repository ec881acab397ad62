"""Keys and values of what was read and written before, so that a beginning is read once: a tree of stretches of tokens.

A stretch hangs behind the one that it goes on from, so what many texts begin with is held once. The whole is held below a limit:
whatever was not used for longest goes first, ends before what they go on from. Nothing in it depends on the batch that it came from
but the last bits of the numbers.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from outlay.errors import UserError

LIMIT = 512 << 20
"""Bytes that are held unless something else is said."""

UNITS = {"": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}

States = tuple[Any, Any]
"""Keys and values of a stretch, each [layers, heads, tokens, width]."""


def bytes_of(text: str | int) -> int:
    """A size as people write it, in bytes.

    >>> bytes_of("512MiB"), bytes_of("1.5 GB"), bytes_of(0)
    (536870912, 1500000000, 0)

    Raises UserError for what is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(text).strip())
    if found is None or found[2].upper() not in UNITS:
        raise UserError(f'"{text}" is no size: write cache=512MiB, cache=2GiB, or cache=0 for none')
    return int(float(found[1]) * UNITS[found[2].upper()])


@dataclass(slots=True, eq=False)
class _Stretch:
    tokens: tuple[int, ...]
    states: States | None
    before: _Stretch | None
    after: dict[int, _Stretch] = field(default_factory=dict)
    """By their first token."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(one.numel() * one.element_size() for one in self.states or ())


@dataclass(slots=True)
class Counters:
    """What was done so far, in tokens: those `read` by the model, those `reused`, and those let go of again."""

    read: int = 0
    reused: int = 0
    dropped: int = 0


class Memory:
    """States by the tokens that they belong to, at most `limit` bytes of them.

    >>> memory = Memory(1 << 20)
    >>> memory.keep((5, 6, 7), lambda start, end: states_of_my_batch(start, end))   # doctest: +SKIP
    >>> memory.known((5, 6, 9))                                                     # doctest: +SKIP
    2
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.held = limit, 0
        self.counters = Counters()
        self._root = _Stretch((), None, None)
        self._by_use: OrderedDict[_Stretch, None] = OrderedDict()

    def __len__(self) -> int:
        """How many tokens are held."""
        return sum(len(stretch.tokens) for stretch in self._by_use)

    def known(self, tokens: Sequence[int]) -> int:
        """How many of the first tokens there are states of."""
        return sum(count for _, count in self._walk(tokens))

    def take(self, tokens: Sequence[int]) -> list[States]:
        """The states of these tokens, stretch by stretch, in their order; they have to be known. They are no copies."""
        path = self._walk(tokens)
        self._used([stretch for stretch, _ in path])
        found = []
        for stretch, count in path:
            assert stretch.states is not None
            keys, values = stretch.states
            found.append((keys[:, :, :count], values[:, :, :count]))
        return found

    def keep(self, tokens: Sequence[int], states: Callable[[int, int], States]) -> None:
        """Hold the states of these tokens; `states(start, end)` gives those of a part of them that is not held yet."""
        path = self._walk(tokens)
        there = sum(count for _, count in path)
        end = self._root
        if path:
            end, count = path[-1]
            if count < len(end.tokens) and there < len(tokens):
                end = self._parted(end, count)
        touched = [*(stretch for stretch, _ in path[:-1]), *([end] if path else [])]
        if there < len(tokens):
            new = _Stretch(tuple(tokens[there:]), states(there, len(tokens)), end)
            if new.size <= self.limit:
                end.after[new.tokens[0]] = new
                self.held += new.size
                touched.append(new)
        self._used(touched)
        while self.held > self.limit:
            self._drop()

    def clear(self) -> None:
        """Let go of everything."""
        self._root.after.clear()
        self._by_use.clear()
        self.held = 0

    def _walk(self, tokens: Sequence[int]) -> list[tuple[_Stretch, int]]:
        """The stretches that the tokens begin with, and how much of each they have."""
        path: list[tuple[_Stretch, int]] = []
        here, place = self._root, 0
        while place < len(tokens):
            following = here.after.get(tokens[place])
            if following is None:
                break
            own, rest = following.tokens, tokens[place : place + len(following.tokens)]
            count = next(
                (at for at, (one, other) in enumerate(zip(own, rest, strict=False)) if one != other), len(rest)
            )
            path.append((following, count))
            if count < len(own):
                break
            here, place = following, place + count
        return path

    def _parted(self, stretch: _Stretch, count: int) -> _Stretch:
        """The first `count` tokens of a stretch as one of its own, the rest behind it."""
        assert stretch.states is not None and stretch.before is not None
        keys, values = stretch.states
        head = _Stretch(
            stretch.tokens[:count], (keys[:, :, :count].clone(), values[:, :, :count].clone()), stretch.before
        )
        stretch.before.after[head.tokens[0]] = head
        stretch.tokens, stretch.before = stretch.tokens[count:], head
        stretch.states = keys[:, :, count:].clone(), values[:, :, count:].clone()
        head.after[stretch.tokens[0]] = stretch
        return head

    def _used(self, path: Sequence[_Stretch]) -> None:
        """Mark a path as used just now, its end first: so what is used least is always an end."""
        for stretch in reversed(path):
            self._by_use[stretch] = None
            self._by_use.move_to_end(stretch)

    def _drop(self) -> None:
        stretch, _ = self._by_use.popitem(last=False)
        assert not stretch.after and stretch.before is not None
        self.held -= stretch.size
        self.counters.dropped += len(stretch.tokens)
        del stretch.before.after[stretch.tokens[0]]
