"""Keys and values of the sequences in a bank of lanes, a row for each block and not for each position.

A layer's memory is [1 + capacity, 2 x feature x head, lane]. A new sequence starts at the row that is written next, so
sequences at quite different positions write one and the same row: a block's keys and values are stored by one plain
copy, where a row a position would scatter them. A lane's tokens stand in rows `base`, `base` + 1, ..., always in order
and without gaps; rows are counted on and stored modulo the capacity, which is the longest stretch that was ever needed.

Rows before a lane's first are hidden from it, and add exact zeros: where a sequence stands changes no bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from outlay.models.embedded.prefix_cache import Prefix
from outlay.models.embedded.weights import Float32, Weights

Indices = npt.NDArray[np.intp]

_FIRST_ROWS, _MORE_ROWS = 32, 8
_CARRY = 1
"""Row 0 of the memory holds no token: where a stretch wraps, attention carries its running sum over in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """The rows of memory that some sequences' next tokens may see.

    `count` rows stored in `pieces`, one or two; `hidden` [count, n] says which of them each of the n may not see;
    `target` is where its own keys and values go: a row of memory for each, or one for all.
    """

    count: int
    pieces: tuple[slice, ...]
    hidden: npt.NDArray[np.bool_]
    target: Indices


class LaneMemory:
    """Keys and values for `width` sequences; `length` [width] is how many tokens of each are stored."""

    def __init__(self, weights: Weights, width: int) -> None:
        self.length = np.zeros(width, np.intp)
        self.held = np.zeros(width, bool)
        self._base = np.zeros(width, np.intp)
        self._next = 0
        self._layers, self._features = weights.cached_layers, 2 * weights.shape.attention_width
        self._numbers = np.zeros(0, np.float32)
        self._arrange(0, width)

    @property
    def width(self) -> int:
        """Lanes."""
        return len(self.length)

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values."""
        return self._numbers.nbytes

    # ---- sequences

    def place(self, lanes: Indices, lengths: Indices) -> None:
        """Let sequences of which so many tokens are known begin in these lanes (their keys and values: `restore`)."""
        self._reserve(int(lengths.max()) + 1)
        self._base[lanes] = self._next - lengths
        self.length[lanes] = lengths
        self.held[lanes] = True

    def release(self, lane: int) -> None:
        """Forget a lane's sequence."""
        self.held[lane] = False
        self.length[lane] = 0

    def restore(self, lanes: list[int], prefix: Prefix) -> None:
        """Copy a prefix's keys and values into lanes where a sequence was placed with its length."""
        assert prefix.keys_values is not None
        done = 0
        for piece in self._pieces(int(self._base[lanes[0]]), prefix.length):
            after = done + piece.stop - piece.start
            for run, _ in _runs(lanes, lanes):
                self.stored[:, piece, :, run] = prefix.keys_values[:, done:after, :, None]
            done = after

    def snapshot(self, lane: int, length: int) -> Float32:
        """A copy of a lane's first `length` keys and values, [layers, length, features]."""
        parts = [self.stored[:, piece, :, lane] for piece in self._pieces(int(self._base[lane]), length)]
        return np.concatenate(parts, axis=1)

    def take_over(self, other: LaneMemory, lanes: Indices, to: Indices) -> None:
        """Take over sequences from the lanes of another memory."""
        lengths = other.length[lanes]
        self.place(to, lengths)
        for which, rows, pieces in other._cohorts(lanes):
            for old, new in _runs(lanes[which].tolist(), to[which].tolist()):
                moved = np.concatenate([other.stored[:, piece, :, old] for piece in pieces], axis=1)
                done = 0
                for piece in self._pieces(self._next - rows, rows):
                    after = done + piece.stop - piece.start
                    self.stored[:, piece, :, new] = moved[:, done:after]
                    done = after

    # ---- blocks

    def next_in_order(self) -> Stretch:
        """Room for the next token of every lane, and what it may see; an empty lane sees its own row alone."""
        start, at = self._in_order()
        if int(at.max()) - int(start.min()) >= self.capacity:
            self._make_room(1)
            start, at = self._in_order()
        return self._stretch(start, at)

    def next_of(self, lanes: Indices, positions: Indices) -> Stretch:
        """Room for tokens at these positions of these lanes, and what they may see."""
        start = self._base[lanes]
        if int((start + positions).max()) - int(start.min()) >= self.capacity:
            self._make_room(int((positions - self.length[lanes]).max()) + 1)
            start = self._base[lanes]
        return self._stretch(start, start + positions)

    def _in_order(self) -> tuple[Indices, Indices]:
        at = self._base + self.length
        highest = at[self.held].max() if self.held.any() else self._next
        return np.where(self.held, self._base, highest), np.where(self.held, at, highest)

    def _stretch(self, start: Indices, at: Indices) -> Stretch:
        lowest, highest = int(start.min()), int(at.max())
        self._next = max(self._next, highest + 1)
        row = np.arange(lowest, highest + 1)[:, None]
        hidden = row < start
        if int(at.min()) < highest:
            hidden |= row > at
        else:
            at = at[:1]
        count = highest + 1 - lowest
        return Stretch(count, self._pieces(lowest, count), hidden, _CARRY + at % self.capacity)

    def _pieces(self, first: int, count: int) -> tuple[slice, ...]:
        """Where rows from `first` on are stored: one slice, or two where they wrap."""
        begin = first % self.capacity if self.capacity else 0
        if begin + count <= self.capacity:
            return (slice(_CARRY + begin, _CARRY + begin + count),)
        return (slice(_CARRY + begin, _CARRY + self.capacity), slice(_CARRY, _CARRY + begin + count - self.capacity))

    # ---- room

    def resize(self, keep: Indices, width: int) -> None:
        """Become `width` lanes wide, the first of which are the lanes `keep`."""
        self._rebuild(keep, self.capacity, width)

    def _reserve(self, rows: int) -> None:
        if rows > self.capacity:
            self._rebuild(np.arange(self.width), max(rows + _MORE_ROWS, _FIRST_ROWS), self.width)

    def _make_room(self, more: int) -> None:
        """Let all sequences end at one row, with room for so many tokens more."""
        needed = int(self.length.max()) + more
        if needed > self.capacity:
            needed += max(_MORE_ROWS, needed // 4)
        self._rebuild(np.arange(self.width), max(self.capacity, needed), self.width)

    def _arrange(self, capacity: int, width: int) -> None:
        """Lay the memory out anew, where it is if that is large enough (what is there are numbers, if old ones)."""
        self.capacity = capacity
        shape = (self._layers, _CARRY + capacity, self._features, width)
        size = shape[0] * shape[1] * shape[2] * shape[3]
        if size > len(self._numbers):
            self._numbers = np.zeros(size, np.float32)
        self.stored: Float32 = self._numbers[:size].reshape(shape)

    def _rebuild(self, keep: Indices, capacity: int, width: int) -> None:
        """Memory of another size, with the lanes `keep` first, all ending at the same row."""
        old, lengths, held = self.stored, self.length[keep], self.held[keep]
        longest, count = int(lengths.max(initial=0)), len(keep)
        moves = []
        for to, rows, pieces in self._cohorts(keep):
            row = longest - rows
            for piece in pieces:
                moves += [(piece, row, lanes, new) for lanes, new in _runs(keep[to].tolist(), to.tolist())]
                row += piece.stop - piece.start
        self._arrange(max(capacity, longest), width)
        layers = list(zip(old, self.stored, strict=True))
        if old[0].size < self.stored[0].size:  # so that a layer's new place overlaps no other layer's old one
            layers.reverse()
        fresh = np.zeros((longest, self._features, width), np.float32)
        for before, after in layers:
            for piece, row, lanes, new in moves:
                fresh[row : row + piece.stop - piece.start, :, new] = before[piece, :, lanes]
            after[_CARRY : _CARRY + longest] = fresh
        self.length, self.held, self._base = (np.zeros(width, kind) for kind in (np.intp, bool, np.intp))
        self.length[:count], self.held[:count], self._base[:count] = lengths, held, longest - lengths
        self._next = longest

    def _cohorts(self, lanes: Indices) -> list[tuple[Indices, int, tuple[slice, ...]]]:
        """Sequences whose last row is the same: which of `lanes`, the longest's length, and where its rows are stored."""
        ends, found = self._base[lanes] + self.length[lanes], []
        for end in np.unique(ends[self.held[lanes]]).tolist():
            which = np.flatnonzero(self.held[lanes] & (ends == end))
            rows = int(self.length[lanes[which]].max())
            found.append((which, rows, self._pieces(end - rows, rows)))
        return found


def _runs(lanes: list[int], to: list[int]) -> list[tuple[slice, slice]]:
    """Lanes that are neighbours before and after a move together."""
    runs, first = [], 0
    for i in range(1, len(lanes) + 1):
        if i == len(lanes) or lanes[i] != lanes[i - 1] + 1 or to[i] != to[i - 1] + 1:
            runs.append((slice(lanes[first], lanes[i - 1] + 1), slice(to[first], to[i - 1] + 1)))
            first = i
    return runs
