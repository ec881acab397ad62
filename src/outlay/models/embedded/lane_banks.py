"""The memory of a block's lanes: banks of at most 64 lanes, each with a stretch of rows of its own.

What a block reads of keys and values is as long as its oldest sequence. Banks see to it that this is so for 64 lanes at
a time and not for all: sequences of one question start together, stand side by side and end together, so that a bank's stretch is
often much shorter than the longest of all. A bank without sequences costs nothing, and a group that grows or shrinks
adds or drops banks and moves few sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from outlay.models.embedded.lane_memory import Indices, LaneMemory, Stretch
from outlay.models.embedded.prefix_cache import Prefix
from outlay.models.embedded.weights import Float32, Weights

BANK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a block computes, each field [n]: the lane whose memory a row belongs to, its position, its token.

    `in_order` promises that n is the number of lanes and row r belongs to lane r, which saves gathering the memory.
    In another block the lanes ascend, and unused rows repeat the last lane's first: they write what it writes.
    """

    lane: Indices
    position: Indices
    token: npt.NDArray[np.integer]
    in_order: bool


class LaneBanks:
    """Keys and values for `width` lanes (a power of two up to 64, or a multiple of 64)."""

    def __init__(self, weights: Weights, width: int) -> None:
        self._weights = weights
        self._banks: list[LaneMemory] = []
        self.resize(np.full(width, -1, np.intp))

    @property
    def width(self) -> int:
        """Lanes."""
        return sum(bank.width for bank in self._banks)

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values."""
        return sum(bank.nbytes for bank in self._banks)

    @property
    def held_in_banks(self) -> list[int]:
        """How many sequences each bank holds."""
        return [int(bank.held.sum()) for bank in self._banks]

    @property
    def length(self) -> Indices:
        """How many tokens of each lane are stored."""
        return np.concatenate([bank.length for bank in self._banks])

    def place(self, lanes: Indices, lengths: Indices) -> None:
        """Let sequences of which so many tokens are known begin in these lanes (their keys and values: `restore`)."""
        of = lanes // BANK
        for index in np.unique(of).tolist():
            which = of == index
            self._banks[index].place(lanes[which] - index * BANK, lengths[which])

    def release(self, lane: int) -> None:
        """Forget a lane's sequence."""
        self._banks[lane // BANK].release(lane % BANK)

    def restore(self, lanes: list[int], prefix: Prefix) -> None:
        """Copy a prefix's keys and values into lanes where a sequence was placed with its length; the lanes ascend."""
        for index in sorted({lane // BANK for lane in lanes}):
            self._banks[index].restore([lane % BANK for lane in lanes if lane // BANK == index], prefix)

    def snapshot(self, lane: int, length: int) -> Float32:
        """A copy of a lane's first `length` keys and values, [layers, length, features]."""
        return self._banks[lane // BANK].snapshot(lane % BANK, length)

    def read(self, counts: Indices) -> None:
        """Note that so many tokens of each lane have been stored."""
        for index, bank in enumerate(self._banks):
            bank.length += counts[index * BANK : index * BANK + bank.width]

    def resize(self, source: Indices) -> None:
        """Become `len(source)` lanes wide; what was lane `source[i]` is lane i then (-1: an empty one).

        A bank all of whose sequences stay where they stand is kept; those of the others are moved.
        """
        old, self._banks = self._banks, []
        width = len(source)
        if width <= BANK and len(old) == 1:
            keep = source[source >= 0]
            old[0].resize(keep, width)
            self._banks = old
            return
        for first in range(0, width, BANK):
            wanted = source[first : first + BANK]
            from_bank = np.where(wanted >= 0, wanted // BANK, -1)
            home = next((b for b in np.unique(from_bank).tolist() if b >= 0 and _stays(old[b], b, wanted)), -1)
            if home >= 0:
                bank = old[home]
                if bank.width < len(wanted):
                    bank.resize(np.arange(bank.width), len(wanted))
            else:
                bank = LaneMemory(self._weights, len(wanted))
            for other in np.unique(from_bank[(from_bank >= 0) & (from_bank != home)]).tolist():
                to = np.flatnonzero(from_bank == other)
                bank.take_over(old[other], wanted[to] % BANK, to)
            self._banks.append(bank)

    def windows(self, rows: Rows) -> list[Window]:
        """Make room for a block and see what its rows may see; to be called once a block."""
        if not rows.in_order:
            return [GatheredWindow.of(self._banks, rows)]
        windows: list[Window] = []
        for index, bank in enumerate(self._banks):
            if bank.held.any() or (index == 0 and len(self._banks) == 1):
                columns = slice(index * BANK, index * BANK + bank.width)
                windows.append(BankWindow(columns, bank.next_in_order(), bank.stored))
        return windows


class Window:
    """What some columns of a block read and write. `hidden` [rows, 1, n] is -inf where a column may not see a row."""

    columns: slice
    hidden: Float32

    def write(self, layer: int, keys_values: Float32) -> None:
        """Store a layer's keys and values [2a, n]."""
        raise NotImplementedError

    def read(self, layer: int) -> tuple[Float32, Float32 | None]:
        """A layer's stretch in order, [rows, 2a, n]: all of it, or two parts where it wraps.

        The second part begins with a row that holds no token and may be written.
        """
        raise NotImplementedError


class BankWindow(Window):
    """A bank's next row, and its stretch where it lies."""

    def __init__(self, columns: slice, stretch: Stretch, stored: Float32) -> None:
        self.columns, self._stretch, self._stored = columns, stretch, stored
        self.hidden = _mask(stretch.hidden)
        self._every = np.arange(columns.stop - columns.start)

    def write(self, layer: int, keys_values: Float32) -> None:
        target = self._stretch.target
        if len(target) == 1:
            self._stored[layer, target[0]] = keys_values
        else:
            self._stored[layer, target, :, self._every] = keys_values.T

    def read(self, layer: int) -> tuple[Float32, Float32 | None]:
        stored, pieces = self._stored[layer], self._stretch.pieces
        if len(pieces) == 1:
            return stored[pieces[0]], None
        return stored[pieces[0]], stored[: pieces[1].stop]


class GatheredWindow(Window):
    """Rows of any lanes, several of one: their stretches are copied beside each other, all ending at the last row."""

    def __init__(self, parts: list[tuple[slice, Indices, Stretch, LaneMemory]], columns: int) -> None:
        self._parts = parts
        count = max(stretch.count for _, _, stretch, _ in parts)
        hidden = np.ones((count, columns), bool)
        for part, _, stretch, _ in parts:
            hidden[count - stretch.count :, part] = stretch.hidden
        self.columns, self.hidden = slice(0, columns), _mask(hidden)
        features = parts[0][3].stored.shape[2]
        self._gathered = np.zeros((count, features, columns), np.float32)

    @classmethod
    def of(cls, banks: list[LaneMemory], rows: Rows) -> GatheredWindow:
        """The window of a block."""
        parts, bank_of_row = [], rows.lane // BANK
        for index in np.unique(bank_of_row).tolist():
            which = np.flatnonzero(bank_of_row == index)
            part = slice(int(which[0]), int(which[-1]) + 1)
            lanes = rows.lane[part] - index * BANK
            parts.append((part, lanes, banks[index].next_of(lanes, rows.position[part]), banks[index]))
        return cls(parts, len(rows.lane))

    def write(self, layer: int, keys_values: Float32) -> None:
        for part, lanes, stretch, bank in self._parts:
            target = np.broadcast_to(stretch.target, lanes.shape)
            bank.stored[layer, target, :, lanes] = keys_values[:, part].T

    def read(self, layer: int) -> tuple[Float32, Float32 | None]:
        for part, lanes, stretch, bank in self._parts:
            row = len(self._gathered) - stretch.count
            for piece in stretch.pieces:
                after = row + piece.stop - piece.start
                self._gathered[row:after, :, part] = np.take(bank.stored[layer, piece], lanes, axis=2)
                row = after
        return self._gathered, None


def _stays(bank: LaneMemory, index: int, wanted: Indices) -> bool:
    """Whether all sequences of a bank are wanted where they stand."""
    held = np.flatnonzero(bank.held)
    return bool(len(held) == 0 or (held[-1] < len(wanted) and (wanted[held] == held + index * BANK).all()))


def _mask(hidden: npt.NDArray[np.bool_]) -> Float32:
    mask: Float32 = np.where(hidden, np.float32(-np.inf), np.float32(0.0))[:, None, :]
    return mask
