"""Keys and values of the sequences in a group of lanes, a row for each block and not for each position.

A layer's memory is [1 + capacity, 2 x feature x head, lane]. A new sequence starts at the row that is written next, so
sequences at quite different positions write one and the same row: a block's keys and values are stored by one contiguous
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

_MORE_ROWS = 8
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
        self._next = 0
        self._layers, self._features = weights.cached_layers, 2 * weights.shape.attention_width
        self._set_capacity(0, width)

    @property
    def width(self) -> int:
        """Lanes."""
        return len(self.length)

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values."""
        return self._stored.nbytes

    def place(self, lanes: Indices, lengths: Indices) -> None:
        """Let sequences of which so many tokens are known begin in these lanes (their keys and values: `restore`)."""
        self._reserve(int(lengths.max()) + 1)
        self._base[lanes] = self._next - lengths
        self.length[lanes] = lengths
        self._held[lanes] = True

    def release(self, lane: int) -> None:
        """Forget a lane's sequence."""
        self._held[lane] = False
        self.length[lane] = 0

    def restore(self, lanes: list[int], prefix: Prefix) -> None:
        """Copy a prefix's keys and values into lanes where a sequence was placed with its length."""
        assert prefix.keys_values is not None
        done = 0
        for piece in self._pieces(int(self._base[lanes[0]]), prefix.length):
            count = piece.stop - piece.start
            part = prefix.keys_values[:, done : done + count, :, None]
            done += count
            for run in _runs(lanes):
                self._stored[:, piece, :, run] = part

    def snapshot(self, lane: int, length: int) -> Float32:
        """A copy of a lane's first `length` keys and values, [layers, length, features]."""
        parts = [self._stored[:, piece, :, lane] for piece in self._pieces(int(self._base[lane]), length)]
        return np.concatenate(parts, axis=1)

    def resize(self, keep: Indices, width: int) -> None:
        """Become `width` lanes wide, the first of which are the lanes `keep`."""
        self._rebuild(keep, self.capacity, width)

    def window(self, rows: Rows) -> Window:
        """Make room for a block and see what its rows may see; to be called once a block."""
        start, at = self._stretches(rows)
        lowest, highest = int(start.min()), int(at.max())
        if highest - lowest >= self.capacity:
            new = int((rows.position - self.length[rows.lane]).max()) + 1
            needed = int(self.length.max()) + new
            if needed > self.capacity:
                needed += max(_MORE_ROWS, needed // 2)
            self._rebuild(np.arange(self.width), max(self.capacity, needed), self.width)
            start, at = self._stretches(rows)
            lowest, highest = int(start.min()), int(at.max())
        self._next = max(self._next, highest + 1)
        span = highest + 1 - lowest
        row = np.arange(lowest, highest + 1)[:, None]
        hidden = row < start
        aligned = rows.in_order and int(at.min()) == highest
        if not aligned:
            hidden |= row > at
        mask = np.where(hidden, np.float32(-np.inf), np.float32(0.0))[:, None, :]
        target = _CARRY + (at if not aligned else at[:1]) % self.capacity
        return Window(self._stored, rows, span, mask, self._pieces(lowest, span), target)

    def _stretches(self, rows: Rows) -> tuple[Indices, Indices]:
        """For each row of a block the first row of memory that it sees and its own; an empty lane sees its own alone."""
        if not rows.in_order:
            start = self._base[rows.lane]
            return start, start + rows.position
        at = self._base + self.length
        highest = at[self._held].max() if self._held.any() else self._next
        return np.where(self._held, self._base, highest), np.where(self._held, at, highest)

    def _pieces(self, first: int, count: int) -> tuple[slice, ...]:
        """Where rows from `first` on are stored: one slice, or two where they wrap."""
        begin = first % self.capacity if self.capacity else 0
        if begin + count <= self.capacity:
            return (slice(_CARRY + begin, _CARRY + begin + count),)
        return (slice(_CARRY + begin, _CARRY + self.capacity), slice(_CARRY, _CARRY + begin + count - self.capacity))

    def _reserve(self, rows: int) -> None:
        if rows > self.capacity:
            self._rebuild(np.arange(self.width), rows + _MORE_ROWS, self.width)

    def _set_capacity(self, capacity: int, width: int) -> None:
        self.capacity = capacity
        self._stored: Float32 = np.zeros((self._layers, _CARRY + capacity, self._features, width), np.float32)

    def _rebuild(self, keep: Indices, capacity: int, width: int) -> None:
        """New memory, with the lanes `keep` first, all ending at the same row."""
        old, lengths, held, count = self._stored, self.length[keep], self._held[keep], len(keep)
        longest = int(lengths.max(initial=0))
        ends = self._base[keep] + lengths
        cuts = []
        for end in np.unique(ends[held]).tolist():
            to = np.flatnonzero(held & (ends == end))
            rows = int(lengths[to].max())
            cuts.append((to, longest - rows, self._pieces(end - rows, rows)))
        self._set_capacity(max(capacity, longest), width)
        for to, row, pieces in cuts:
            for piece in pieces:
                after = row + piece.stop - piece.start
                self._copy(old[:, piece], keep if len(cuts) == 1 else keep[to], row, to if len(cuts) > 1 else None)
                row = after
        self.length, self._held, self._base = (np.zeros(width, kind) for kind in (np.intp, bool, np.intp))
        self.length[:count], self._held[:count], self._base[:count] = lengths, held, longest - lengths
        self._next = longest

    def _copy(self, rows: Float32, lanes: Indices, row: int, to: Indices | None) -> None:
        """Copy these lanes of old memory to rows from `row` on: into the first lanes, or into the lanes `to`."""
        whole = len(lanes) == rows.shape[-1]
        for old, new in zip(rows, self._stored, strict=True):
            new = new[_CARRY + row : _CARRY + row + len(old)]
            if to is None:
                new[:, :, : len(lanes)] = old if whole else np.take(old, lanes, axis=2)
            else:
                new[:, :, to] = np.take(old, lanes, axis=2)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The rows of memory that a block reads and writes. `hidden` [span, 1, n] is -inf where a row may not see one."""

    stored: Float32
    rows: Rows
    span: int
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


def _runs(lanes: list[int]) -> list[slice]:
    """Neighbouring lanes together."""
    runs, first = [], 0
    for i in range(1, len(lanes) + 1):
        if i == len(lanes) or lanes[i] != lanes[i - 1] + 1:
            runs.append(slice(lanes[first], lanes[i - 1] + 1))
            first = i
    return runs
