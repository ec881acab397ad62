"""The state of the sequences that share a block: one lane each.

A lane holds one sequence: its tokens so far, how many of them are known but not yet read, how it draws and when it
ends. A group has as many lanes as its sequences need, up to its slots. This file moves those numbers; what
is worth computing and what a finished sequence means is the engine's business.
"""

from __future__ import annotations

from collections.abc import Sequence as Listed
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from outlay.models.embedded.forward import Outcome, stacked
from outlay.models.embedded.jobs import GenerateJob, Job
from outlay.models.embedded.lane_memory import Indices, LaneMemory, Rows
from outlay.models.embedded.lane_products import block_width
from outlay.models.embedded.prefix_cache import Prefix
from outlay.models.embedded.sampling import Tokens, sample, streams, uniforms_of_streams
from outlay.models.embedded.weights import Weights

_GATHERED_ROWS = 128
"""Rows at most in a block that reads several positions of a lane."""
_WORTH_GATHERING = 3
"""Reading several positions of a lane in one block gathers a copy of the memory, which triples the block's cost."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One sequence of a job: for a GenerateJob, the continuation with the key at `index`.

    `prefix` is what of it has been read before. Where that is all of a GenerateJob's tokens, it begins by drawing.
    """

    job: Job
    index: int = 0
    prefix: Prefix | None = None

    @property
    def begins_by_drawing(self) -> bool:
        """Whether its next token is to be drawn from the prefix's distribution."""
        return (
            isinstance(self.job, GenerateJob)
            and self.prefix is not None
            and self.prefix.length == len(self.job.tokens)
            and self.prefix.logprobs is not None
        )


class Endings:
    """The (stop, eos) sets of jobs as rows of two boolean tables over the vocabulary."""

    def __init__(self, vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._rows: dict[tuple[frozenset[int], frozenset[int]], int] = {}
        self.stop = np.zeros((0, vocabulary), bool)
        self.eos = np.zeros((0, vocabulary), bool)

    def row(self, job: GenerateJob) -> int:
        """The row of the tables for this job's sets."""
        sets = (job.stop, job.eos)
        row = self._rows.get(sets)
        if row is None:
            row = self._rows[sets] = len(self._rows)
            self.stop = np.concatenate([self.stop, self._marked(job.stop)])
            self.eos = np.concatenate([self.eos, self._marked(job.eos)])
        return row

    def _marked(self, tokens: frozenset[int]) -> npt.NDArray[np.bool_]:
        marks = np.zeros((1, self._vocabulary), bool)
        marks[0, list(tokens)] = True
        return marks


class Lanes:
    """Up to `slots` sequences, their keys and values, in as many lanes (at least `narrowest`) as they need.

    `tokens` and `logprobs` are [lanes, positions + 1], `values` [lanes, positions], `logprobs[., p]` being of the token
    at p. `position` is the next position to read, `known` the number of tokens known, `previous` [V, lanes] the
    distribution after the last token read.
    """

    _OF_A_LANE = (
        *("active", "known", "prompt", "limit", "tokens", "logprobs", "values", "generating", "temperature", "top_p"),
        *("_ending", "_stops_left", "_stream"),
    )

    def __init__(self, weights: Weights, slots: int, endings: Endings, narrowest: int) -> None:
        positions, width = weights.shape.positions, narrowest
        self.slots, self._narrowest, self._endings = slots, narrowest, endings
        self.memory = LaneMemory(weights, width)
        self.sequences: list[Sequence | None] = [None] * width
        self.count = 0
        self.active = np.zeros(width, bool)
        self.known = np.zeros(width, np.intp)
        self.prompt = np.zeros(width, np.intp)
        self.limit = np.zeros(width, np.intp)
        self.tokens = np.zeros((width, positions + 1), np.int32)
        self.logprobs = np.zeros((width, positions + 1), np.float32)
        self.values = np.zeros((width, positions), np.float32)
        self.previous = np.zeros((weights.shape.vocabulary, width), np.float32)
        self.generating = np.zeros(width, bool)
        self.temperature = np.ones(width, np.float32)
        self.top_p = np.ones(width, np.float32)
        self._ending = np.zeros(width, np.intp)
        self._stops_left = np.zeros(width, np.intp)
        self._stream = np.zeros(width, np.uint64)
        self._listens = weights.head is not None and weights.head.self_channel is not None
        self._reading = 0
        self._take_stock()

    @property
    def width(self) -> int:
        """Lanes, in use or not."""
        return len(self.active)

    @property
    def position(self) -> Indices:
        """The next position to read of each lane."""
        return self.memory.length

    @property
    def reading(self) -> bool:
        """Whether some sequence has tokens left that were given to it."""
        return self._reading > 0

    @property
    def rows_left(self) -> int:
        """Rows that its sequences may still need, at most."""
        return int((self.limit - self.position)[self.active].sum()) if self.count else 0

    # ---- how many lanes

    def make_room(self, more: int) -> int:
        """Get as many free lanes as the slots allow, `more` if possible, and say how many there are."""
        wanted = min(self.count + more, self.slots)
        if wanted > self.width:
            width = block_width(min(max(wanted, 2 * self.width), self.slots), self._narrowest)
            self._resize(np.arange(self.width), width)
        elif not self.count and (width := block_width(wanted, self._narrowest)) < self.width:
            self._resize(np.arange(0), width)
        return len(self.free)

    def narrow(self) -> None:
        """Give up lanes once those that stood empty have cost a block's work: moving the others costs about as much."""
        width = block_width(self.count, self._narrowest)
        self._wasted += 1.0 - width / self.width
        if self._wasted >= 1.0:
            self._resize(np.flatnonzero(self.active), width)

    def _resize(self, keep: Indices, width: int) -> None:
        self.memory.resize(keep, width)
        for name in self._OF_A_LANE:
            old = getattr(self, name)
            new = np.zeros((width, *old.shape[1:]), old.dtype)
            new[: len(keep)] = old[keep]
            setattr(self, name, new)
        for parameter in (self.temperature, self.top_p):
            parameter[len(keep) :] = 1.0
        previous = np.zeros((len(self.previous), width), np.float32)
        previous[:, : len(keep)] = self.previous[:, keep]
        self.previous = previous
        self.sequences = [*(self.sequences[lane] for lane in keep), *[None] * (width - len(keep))]
        self._take_stock()

    def _take_stock(self) -> None:
        self._wasted = 0.0
        self._every = np.arange(self.width)
        usable = range(min(self.width, self.slots))
        self.free = [lane for lane in reversed(usable) if self.sequences[lane] is None]

    # ---- sequences come and go

    def install(self, sequences: Listed[Sequence]) -> list[int]:
        """Put sequences into free lanes, their prefixes' keys and values not yet (see `restore`); gives the lanes."""
        self.free.sort(reverse=True)
        lanes = [self.free.pop() for _ in sequences]
        at = np.array(lanes, np.intp)
        lengths = np.array([len(sequence.job.tokens) for sequence in sequences], np.intp)
        read = [sequence.prefix.length if sequence.prefix is not None else 0 for sequence in sequences]
        self.memory.place(at, np.array(read, np.intp))
        self.count += len(lanes)
        self.active[at] = True
        self.known[at] = self.prompt[at] = self.limit[at] = lengths
        converted: tuple[Job, npt.NDArray[np.int32]] | None = None
        for lane, sequence, done in zip(lanes, sequences, read, strict=True):
            job, prefix = sequence.job, sequence.prefix
            length = len(job.tokens)
            if converted is None or converted[0] is not job:
                converted = (job, np.array(job.tokens, np.int32))
            self.sequences[lane] = sequence
            self.tokens[lane, :length] = converted[1]
            self._reading += done < length
            if prefix is not None:
                if prefix.values is not None:
                    self.values[lane, :done] = prefix.values
                if prefix.logprobs is not None:
                    if self._listens:
                        self.previous[:, lane] = prefix.logprobs
                    if done < length:
                        self.logprobs[lane, done] = prefix.logprobs[job.tokens[done]]
        self._install_drawing(lanes, sequences)
        return lanes

    def _install_drawing(self, lanes: list[int], sequences: Listed[Sequence]) -> None:
        """How new sequences draw and end."""
        drawing = [
            (lane, sequence.job, sequence.index)
            for lane, sequence in zip(lanes, sequences, strict=True)
            if isinstance(sequence.job, GenerateJob)
        ]
        if not drawing:
            return
        at = np.array([lane for lane, _, _ in drawing], np.intp)
        self.generating[at] = True
        most = self.prompt[at] + [job.max_tokens for _, job, _ in drawing]
        self.limit[at] = np.minimum(most, self.values.shape[1])
        self.temperature[at] = [job.temperature for _, job, _ in drawing]
        self.top_p[at] = [job.top_p for _, job, _ in drawing]
        self._stops_left[at] = [job.stops for _, job, _ in drawing]
        self._ending[at] = [self._endings.row(job) for _, job, _ in drawing]
        self._stream[at] = streams(np.array([job.keys[index] for _, job, index in drawing], np.uint64))

    def restore(self, lanes: Listed[int]) -> None:
        """Copy the prefixes' keys and values into newly installed lanes, those of one prefix together."""
        together: list[int] = []
        for lane in sorted(lanes):
            if together and self._prefix(lane) is not self._prefix(together[0]):
                self._restore_one(together)
                together = []
            together.append(lane)
        if together:
            self._restore_one(together)

    def _prefix(self, lane: int) -> Prefix | None:
        sequence = self.sequences[lane]
        return sequence.prefix if sequence is not None else None

    def _restore_one(self, lanes: list[int]) -> None:
        prefix = self._prefix(lanes[0])
        if prefix is not None:
            self.memory.restore(lanes, prefix)

    def snapshot(self, lane: int, length: int, *, keys_values: bool, logprobs: bool) -> Prefix:
        """What the lane has read: its first `length` tokens, `previous` being the distribution after them.

        Of keys and values a copy is taken of what is not in the lane's own prefix, which the new one begins with.
        """
        begins = self._prefix(lane) if keys_values else None
        return Prefix(
            length=length,
            keys_values=self.memory.snapshot(lane, begins.length if begins else 0, length) if keys_values else None,
            logprobs=self.previous[:, lane].copy() if logprobs else None,
            values=self.values[lane, :length].copy(),
            begins=begins,
        )

    def rebase(self, lane: int, prefix: Prefix) -> None:
        """What the lane goes on from is stored as `prefix` now."""
        sequence = self.sequences[lane]
        assert sequence is not None
        self.sequences[lane] = replace(sequence, prefix=prefix)

    def release(self, lanes: Indices) -> None:
        """Empty lanes."""
        self.count -= len(lanes)
        self.active[lanes] = self.generating[lanes] = False
        self.temperature[lanes] = self.top_p[lanes] = 1.0
        self.memory.release(lanes)
        for lane in lanes.tolist():
            self.sequences[lane] = None
            self.free.append(lane)

    # ---- blocks

    def rows(self) -> Rows:
        """The next block: one row a lane, or several where few lanes have much to read."""
        if not self.reading:  # nothing is known that is not read but the tokens just drawn
            return self._in_order()
        lanes = np.flatnonzero(self.active)
        unread = (self.known - self.position)[lanes]
        if _WORTH_GATHERING * len(lanes) > min(_GATHERED_ROWS, int(unread.sum())):
            return self._in_order()
        counts = np.minimum(unread, _GATHERED_ROWS // len(lanes))
        used = int(counts.sum())
        first_rows = np.cumsum(counts) - counts
        row = np.arange(block_width(used, self._narrowest))
        row[used:] = first_rows[-1]
        owner = np.searchsorted(first_rows, row, side="right") - 1
        lane, position = lanes[owner], self.position[lanes][owner] + row - first_rows[owner]
        return Rows(lane, position, self.tokens[lane, position], in_order=False)

    def _in_order(self) -> Rows:
        position = self.position.copy()
        return Rows(self._every, position, self.tokens[self._every, position], in_order=True)

    def record(self, rows: Rows, outcome: Outcome) -> int:
        """Take in a computed block: values, distributions, log-probabilities of known tokens. Gives the rows in use."""
        read = self.active.astype(np.intp)
        last_row = self._every
        if not rows.in_order:
            read = np.zeros(self.width, np.intp)
            np.maximum.at(read, rows.lane, rows.position + 1 - self.position[rows.lane])
            last_row = np.zeros(self.width, np.intp)
            last_row[rows.lane] = self._last_rows(rows, read)
        if outcome.values is not None:
            self.values[rows.lane, rows.position] = outcome.values
        if outcome.logprobs is not None:
            if self.reading:
                self._record_known(rows, outcome.logprobs)
            self.previous = outcome.logprobs if rows.in_order else outcome.logprobs[:, last_row]
        if self.reading:
            before = self.position < self.prompt
            self._reading -= int((before & (self.position + read >= self.prompt) & self.active).sum())
        self.memory.length += read
        return int(read.sum())

    def _record_known(self, rows: Rows, logprobs: npt.NDArray[np.float32]) -> None:
        """Keep the log-probabilities of tokens that were known before they were predicted."""
        following = rows.position + 1
        row = np.flatnonzero(self.active[rows.lane] & (following < self.known[rows.lane]))
        at, lane = following[row], rows.lane[row]
        self.logprobs[lane, at] = logprobs[self.tokens[lane, at], row]

    def _last_rows(self, rows: Rows, read: Indices) -> Indices:
        """For each row of a gathered block, the row of its lane's last position."""
        starts = np.flatnonzero(np.diff(rows.lane, prepend=-1))
        first_of_lane = np.zeros(self.width, np.intp)
        first_of_lane[rows.lane[starts][::-1]] = starts[::-1]
        return first_of_lane[rows.lane] + read[rows.lane] - 1

    def draw(self, lanes: Indices) -> None:
        """Draw the next token of these lanes from `previous`."""
        uniform = uniforms_of_streams(self._stream, self.position)
        tokens = sample(self.previous, uniform, self.temperature, self.top_p)
        self._take(lanes, tokens[lanes], self.previous[tokens[lanes], lanes])

    def draw_first(self, lanes: Listed[int]) -> None:
        """Draw the first token of newly installed lanes whose whole prompt is a stored prefix."""
        prefixes = [prefix for lane in lanes if (prefix := self._prefix(lane)) is not None]
        columns = stacked([prefix.logprobs for prefix in prefixes if prefix.logprobs is not None])
        padded = np.resize(np.array(lanes, np.intp), columns.shape[1])
        padded[len(lanes) :] = lanes[0]
        uniform = uniforms_of_streams(self._stream[padded], self.position[padded])
        tokens = sample(columns, uniform, self.temperature[padded], self.top_p[padded])
        used = np.arange(len(lanes))
        self._take(padded[used], tokens[used], columns[tokens[used], used])

    def _take(self, lanes: Indices, tokens: Tokens, logprobs: npt.NDArray[np.float32]) -> None:
        known = self.known[lanes]
        self.tokens[lanes, known] = tokens
        self.logprobs[lanes, known] = logprobs
        self._stops_left[lanes] -= self._endings.stop[self._ending[lanes], tokens]
        self.known[lanes] += 1

    def ended(self, lanes: Indices) -> tuple[Indices, list[str]]:
        """Which of these generating lanes ended with the token just drawn, and how."""
        known = self.known[lanes]
        eos = self._endings.eos[self._ending[lanes], self.tokens[lanes, known - 1]]
        stop = self._stops_left[lanes] <= 0
        length = known >= self.limit[lanes]
        which = np.flatnonzero(eos | stop | length)
        how = ["eos" if eos[i] else "stop" if stop[i] else "length" for i in which]
        return lanes[which], how
