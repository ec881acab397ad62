"""Keys and values of the sequences in a group of lanes, a row for each block and not for each position.

A layer's memory is [1 + positions, 2 x feature x head, lane]. A new sequence starts at the row that is written next, so
sequences at quite different positions write one and the same row: a block's keys and values are stored by one contiguous
copy, where a row a position would scatter them. A lane's tokens stand in rows `base`, `base` + 1, ..., always in order
and without gaps; rows are counted on and stored in turn in the first `capacity`, the longest stretch that was ever needed.

Rows before a lane's first are hidden from it, and add exact zeros: where a sequence stands changes no bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from outlay.models.embedded.prefix_cache import Prefix
from outlay.models.embedded.weights import Float32, Weights

Indices = npt.NDArray[np.intp]

_FIRST_ROWS = 32
_CARRY = 1
"""Row 0 of the memory holds no token: where a stretch wraps, attention carries its running sum over in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a block computes, each field [n]: the lane whose memory a row belongs to, its position, its token.

    `in_order` promises that n is the number of lanes and row r belongs to lane r, which saves gathering the memory.
    Unused rows of another block repeat one of its rows: they write what it writes.
    """

    lane: Indices
    position: Indices
    token: npt.NDArray[np.integer]
    in_order: bool


class LaneMemory:
    """Keys and values for `width` sequences; `length` [width] is how many tokens of each are stored."""

    def __init__(self, weights: Weights, width: int) -> None:
        self.length = np.zeros(width, np.intp)
        self._held = np.zeros(width, bool)
        self._base = np.zeros(width, np.intp)
        self._next = self._origin = 0
        self._positions = weights.shape.positions
        self.capacity = min(_FIRST_ROWS, self._positions)
        self._layers, self._features = weights.cached_layers, 2 * weights.shape.attention_width
        self._numbers = np.zeros(0, np.float32)
        self._arrange(width)

    @property
    def width(self) -> int:
        """Lanes."""
        return len(self.length)

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values (what lies beyond the capacity is never touched, so the system gives no memory for it)."""
        return self._layers * (_CARRY + self.capacity) * self._features * self.width * self._numbers.itemsize

    # ---- sequences

    def place(self, lanes: Indices, lengths: Indices) -> None:
        """Let sequences of which so many tokens are known begin in these lanes (their keys and values: `restore`)."""
        needed = int(lengths.max()) + 1
        if needed > self.capacity:
            self._grow(needed)
        self._base[lanes] = self._next - lengths
        self.length[lanes] = lengths
        self._held[lanes] = True

    def release(self, lanes: Indices) -> None:
        """Forget the sequences in these lanes."""
        self._held[lanes] = False
        self.length[lanes] = 0

    def restore(self, lanes: list[int], prefix: Prefix) -> None:
        """Copy a prefix's keys and values into lanes where a sequence was placed with its length."""
        base, runs = int(self._base[lanes[0]]), [run for run, _ in _runs(lanes, lanes)]
        for begin, keys_values in prefix.stretches():
            done = 0
            for piece in self._pieces(base + begin, keys_values.shape[1]):
                after = done + piece.stop - piece.start
                for run in runs:
                    self._stored[:, piece, :, run] = keys_values[:, done:after, :, None]
                done = after

    def snapshot(self, lane: int, begin: int, end: int) -> Float32:
        """A copy of a lane's keys and values at positions from `begin` to before `end`, [layers, end - begin, features]."""
        pieces = self._pieces(int(self._base[lane]) + begin, end - begin)
        return np.concatenate([self._stored[:, piece, :, lane] for piece in pieces], axis=1)

    # ---- blocks

    def window(self, rows: Rows) -> Window:
        """Make room for a block and see what its rows may see; to be called once a block."""
        start, at = self._seen(rows)
        if int(at.max()) - int(start.min()) >= self.capacity:
            self._make_room(int((rows.position - self.length[rows.lane]).max()) + 1)
            start, at = self._seen(rows)
        lowest, highest = int(start.min()), int(at.max())
        self._next = max(self._next, highest + 1)
        count = highest + 1 - lowest
        row = np.arange(lowest, highest + 1)[:, None]
        hidden = row < start
        aligned = rows.in_order and int(at.min()) == highest
        if aligned:
            at = at[:1]
        else:
            hidden |= row > at
        mask = np.where(hidden, np.float32(-np.inf), np.float32(0.0))[:, None, :]
        target = _CARRY + (at - self._origin) % self.capacity
        return Window(self._stored, rows, mask, self._pieces(lowest, count), target)

    def _seen(self, rows: Rows) -> tuple[Indices, Indices]:
        """For each row of a block the first row of memory that it sees and its own; an empty lane sees its own alone."""
        if not rows.in_order:
            start = self._base[rows.lane]
            return start, start + rows.position
        at = self._base + self.length
        highest = at[self._held].max() if self._held.any() else self._next
        return np.where(self._held, self._base, highest), np.where(self._held, at, highest)

    def _pieces(self, first: int, count: int) -> tuple[slice, ...]:
        """Where rows from `first` on are stored: one slice, or two where they wrap."""
        begin = (first - self._origin) % self.capacity
        if begin + count <= self.capacity:
            return (slice(_CARRY + begin, _CARRY + begin + count),)
        return (slice(_CARRY + begin, _CARRY + self.capacity), slice(_CARRY, _CARRY + begin + count - self.capacity))

    # ---- room

    def resize(self, keep: Indices, width: int) -> None:
        """Become `width` lanes wide, the first of which are the lanes `keep`."""
        self._align(keep, width)

    def _make_room(self, more: int) -> None:
        """Let there be room for so many tokens more in every lane: all end at one row, and rows are added if need be."""
        ends = (self._base + self.length)[self._held]
        if len(ends) and int(ends.min()) < self._next:
            self._align(np.arange(self.width), self.width)
        needed = int(self.length.max()) + more
        if needed > self.capacity:
            self._grow(needed)

    def _grow(self, needed: int) -> None:
        """Use more rows. Those in use stay where they are, but for what had wrapped, which moves behind them."""
        ends = (self._base + self.length)[self._held]
        lowest = int(self._base[self._held].min()) if len(ends) else self._next
        count = min(self._next - lowest, self.capacity)
        begin = (self._next - count - self._origin) % self.capacity
        wrapped = max(0, begin + count - self.capacity)
        capacity = min(self._positions, max(needed + needed // 4, self.capacity + wrapped))
        if capacity < max(needed, self.capacity + wrapped):
            self._align(np.arange(self.width), self.width)
            begin, wrapped, count = 0, 0, self._next
        end = _CARRY + self.capacity
        if wrapped:
            self._stored[:, end : end + wrapped] = self._stored[:, _CARRY : _CARRY + wrapped]
        self._origin = self._next - count - begin
        self.capacity = capacity

    def _arrange(self, width: int) -> None:
        """Lay the memory out anew: where it is if that is large enough (what is there are numbers, if old ones)."""
        shape = (self._layers, _CARRY + self._positions, self._features, width)
        size = shape[0] * shape[1] * shape[2] * shape[3]
        if size > len(self._numbers):
            self._numbers = np.zeros(size, np.float32)
        self._stored: Float32 = self._numbers[:size].reshape(shape)

    def _align(self, keep: Indices, width: int) -> None:
        """Be `width` lanes wide, with the lanes `keep` first, and let all end at the same row."""
        old, lengths, held, count = self._stored, self.length[keep], self._held[keep], len(keep)
        longest = int(lengths.max(initial=0))
        moves = []
        for to, rows, pieces in self._cohorts(keep):
            row = longest - rows
            for piece in pieces:
                moves += [(piece, row, lanes, new) for lanes, new in _runs(keep[to].tolist(), to.tolist())]
                row += piece.stop - piece.start
        self._arrange(width)
        layers = list(zip(old, self._stored, strict=True))
        if old[0].size < self._stored[0].size:  # so that a layer's new place overlaps no other layer's old one
            layers.reverse()
        fresh = np.zeros((longest, self._features, width), np.float32)
        for before, after in layers:
            for piece, row, lanes, new in moves:
                fresh[row : row + piece.stop - piece.start, :, new] = before[piece, :, lanes]
            after[_CARRY : _CARRY + longest] = fresh
        self.length, self._held, self._base = (np.zeros(width, kind) for kind in (np.intp, bool, np.intp))
        self.length[:count], self._held[:count], self._base[:count] = lengths, held, longest - lengths
        self._next, self._origin = longest, 0

    def _cohorts(self, lanes: Indices) -> list[tuple[Indices, int, tuple[slice, ...]]]:
        """Sequences whose last row is the same: which of `lanes`, the longest's length, and where its rows are stored."""
        ends, found = self._base[lanes] + self.length[lanes], []
        for end in np.unique(ends[self._held[lanes]]).tolist():
            which = np.flatnonzero(self._held[lanes] & (ends == end))
            rows = int(self.length[lanes[which]].max())
            found.append((which, rows, self._pieces(end - rows, rows)))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The rows of memory that a block reads and writes. `hidden` [rows, 1, n] is -inf where a row may not see one."""

    stored: Float32
    rows: Rows
    hidden: Float32
    pieces: tuple[slice, ...]
    target: Indices

    def write(self, layer: int, keys_values: Float32) -> None:
        """Store a layer's keys and values [2a, n] of the block."""
        if len(self.target) == 1:
            self.stored[layer, self.target[0]] = keys_values
        else:
            self.stored[layer, self.target, :, self.rows.lane] = keys_values.T

    def read(self, layer: int) -> tuple[Float32, Float32 | None]:
        """A layer's stretch in order, [rows, 2a, n]: all of it, or two parts where it wraps.

        The second part begins with a row that holds no token and may be written.
        """
        stored = self.stored[layer]
        if not self.rows.in_order:
            gathered = [np.take(stored[piece], self.rows.lane, axis=2) for piece in self.pieces]
            return (gathered[0] if len(gathered) == 1 else np.concatenate(gathered)), None
        if len(self.pieces) == 1:
            return stored[self.pieces[0]], None
        return stored[self.pieces[0]], stored[: self.pieces[1].stop]


def _runs(lanes: list[int], to: list[int]) -> list[tuple[slice, slice]]:
    """Lanes that are neighbours before and after a move together."""
    runs, first = [], 0
    for i in range(1, len(lanes) + 1):
        if i == len(lanes) or lanes[i] != lanes[i - 1] + 1 or to[i] != to[i - 1] + 1:
            runs.append((slice(lanes[first], lanes[i - 1] + 1), slice(to[first], to[i - 1] + 1)))
            first = i
    return runs
