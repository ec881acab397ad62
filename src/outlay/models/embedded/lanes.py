"""The state of the sequences that share a block: one lane each, in arrays with the lane last.

A lane holds one sequence: its tokens so far, how many of them are known but not yet read, how it draws and when it
ends. This file moves those numbers; what is worth computing and what a finished sequence means is the engine's
business.
"""

from __future__ import annotations

from collections.abc import Sequence as Listed
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from outlay.models.embedded.forward import Indices, Outcome, Rows, empty_cache, stacked
from outlay.models.embedded.jobs import GenerateJob, Job
from outlay.models.embedded.lane_products import LANES
from outlay.models.embedded.prefix_cache import Prefix
from outlay.models.embedded.sampling import Tokens, sample, uniforms
from outlay.models.embedded.weights import Weights

_EVERY_LANE = np.arange(LANES)
_WORTH_GATHERING = 3
"""Reading several positions of a lane in one block gathers a copy of the cache, which triples the block's cost."""


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
    """LANES sequences and their keys and values; `slots` of the lanes are in use, the others stay empty.

    `tokens` and `logprobs` are [positions + 1, LANES], `values` [positions, LANES], `logprobs[p]` being of the token at
    p. `position` is the next position to read, `known` the number of tokens known, `previous` [V, LANES] the
    distribution after the last token read.
    """

    def __init__(self, weights: Weights, slots: int, endings: Endings) -> None:
        positions = weights.shape.positions
        self.cache = empty_cache(weights)
        self.sequences: list[Sequence | None] = [None] * LANES
        self.free = list(range(slots - 1, -1, -1))
        self.active = np.zeros(LANES, bool)
        self.position = np.zeros(LANES, np.intp)
        self.known = np.zeros(LANES, np.intp)
        self.prompt = np.zeros(LANES, np.intp)
        self.limit = np.zeros(LANES, np.intp)
        self.tokens = np.zeros((positions + 1, LANES), np.int32)
        self.logprobs = np.zeros((positions + 1, LANES), np.float32)
        self.values = np.zeros((positions, LANES), np.float32)
        self.previous = np.zeros((weights.shape.vocabulary, LANES), np.float32)
        self.generating = np.zeros(LANES, bool)
        self.temperature = np.ones(LANES, np.float32)
        self.top_p = np.ones(LANES, np.float32)
        self._endings = endings
        self._ending = np.zeros(LANES, np.intp)
        self._stops_left = np.zeros(LANES, np.intp)
        self._key = np.zeros(LANES, np.uint64)

    @property
    def rows_left(self) -> int:
        """Rows that its sequences may still need, at most."""
        return int((self.limit - self.position)[self.active].sum())

    def install(self, lane: int, sequence: Sequence) -> None:
        """Put a sequence into a free lane, its prefix's keys and values not yet (see `restore`)."""
        job, prefix = sequence.job, sequence.prefix
        length, read = len(job.tokens), prefix.length if prefix is not None else 0
        self.sequences[lane] = sequence
        self.active[lane] = True
        self.tokens[:length, lane] = job.tokens
        self.position[lane] = read
        self.known[lane] = self.prompt[lane] = self.limit[lane] = length
        self.generating[lane] = isinstance(job, GenerateJob)
        if isinstance(job, GenerateJob):
            self.limit[lane] = min(length + job.max_tokens, len(self.values))
            self.temperature[lane] = job.temperature
            self.top_p[lane] = job.top_p
            self._stops_left[lane] = job.stops
            self._ending[lane] = self._endings.row(job)
            self._key[lane] = job.keys[sequence.index]
        if prefix is not None:
            if prefix.values is not None:
                self.values[:read, lane] = prefix.values
            if prefix.logprobs is not None:
                self.previous[:, lane] = prefix.logprobs
                if read < length:
                    self.logprobs[read, lane] = prefix.logprobs[job.tokens[read]]

    def restore(self, lane: int, prefix: Prefix) -> None:
        """Copy a prefix's keys and values into a lane."""
        assert prefix.keys_values is not None
        self.cache[:, : prefix.length, :, lane] = prefix.keys_values

    def snapshot(self, lane: int, length: int, *, keys_values: bool, logprobs: bool) -> Prefix:
        """A copy of what the lane has read: its first `length` tokens, `previous` being the distribution after them."""
        return Prefix(
            length=length,
            keys_values=np.ascontiguousarray(self.cache[:, :length, :, lane]) if keys_values else None,
            logprobs=self.previous[:, lane].copy() if logprobs else None,
            values=self.values[:length, lane].copy(),
        )

    def release(self, lane: int) -> None:
        """Empty a lane."""
        self.sequences[lane] = None
        self.active[lane] = False
        self.position[lane] = 0
        self.generating[lane] = False
        self.temperature[lane] = self.top_p[lane] = 1.0
        self.free.append(lane)

    def rows(self) -> Rows:
        """The next block: one row a lane, or several where few lanes have much to read."""
        lanes = np.flatnonzero(self.active)
        unread = (self.known - self.position)[lanes]
        if _WORTH_GATHERING * len(lanes) > min(LANES, int(unread.sum())):
            return Rows(_EVERY_LANE, self.position.copy(), self.tokens[self.position, _EVERY_LANE], in_order=True)
        counts = np.minimum(unread, LANES // len(lanes))
        used = int(counts.sum())
        first_rows = np.cumsum(counts) - counts
        row = np.arange(LANES)
        row[used:] = 0
        owner = np.searchsorted(first_rows, row, side="right") - 1
        lane, position = lanes[owner], self.position[lanes][owner] + row - first_rows[owner]
        return Rows(lane, position, self.tokens[position, lane], in_order=False)

    def record(self, rows: Rows, outcome: Outcome) -> int:
        """Take in a computed block: values, distributions, log-probabilities of known tokens. Gives the rows in use."""
        last_row = _EVERY_LANE
        read = self.active.astype(np.intp)
        if not rows.in_order:
            read = np.zeros(LANES, np.intp)
            np.maximum.at(read, rows.lane, rows.position + 1 - self.position[rows.lane])
            last_row = np.zeros(LANES, np.intp)
            last_row[rows.lane] = self._last_rows(rows, read)
        if outcome.values is not None:
            self.values[rows.position, rows.lane] = outcome.values
        if outcome.logprobs is not None:
            following = rows.position + 1
            row = np.flatnonzero(self.active[rows.lane] & (following < self.known[rows.lane]))
            if len(row):
                at, lane = following[row], rows.lane[row]
                self.logprobs[at, lane] = outcome.logprobs[self.tokens[at, lane], row]
            self.previous = outcome.logprobs if rows.in_order else outcome.logprobs[:, last_row]
        self.position += read
        return int(read.sum())

    def _last_rows(self, rows: Rows, read: Indices) -> Indices:
        """For each row of a gathered block, the row of its lane's last position."""
        starts = np.flatnonzero(np.diff(rows.lane, prepend=-1))
        first_of_lane = np.zeros(LANES, np.intp)
        first_of_lane[rows.lane[starts][::-1]] = starts[::-1]
        return first_of_lane[rows.lane] + read[rows.lane] - 1

    def draw(self, drawing: npt.NDArray[np.bool_]) -> None:
        """Draw the next token of these lanes from `previous`."""
        uniform = uniforms(self._key, self.position)
        tokens = sample(self.previous, uniform, self.temperature, self.top_p)
        lanes = np.flatnonzero(drawing)
        self._take(lanes, tokens[lanes], self.previous[tokens[lanes], lanes])

    def draw_first(self, lanes: Listed[int], prefixes: Listed[Prefix]) -> None:
        """Draw the first token of newly installed lanes whose whole prompt is a stored prefix."""
        columns = stacked([prefix.logprobs for prefix in prefixes if prefix.logprobs is not None])
        padded = np.resize(np.array(lanes, np.intp), columns.shape[1])
        padded[len(lanes) :] = lanes[0]
        uniform = uniforms(self._key[padded], self.position[padded])
        tokens = sample(columns, uniform, self.temperature[padded], self.top_p[padded])
        used = np.arange(len(lanes))
        self._take(padded[used], tokens[used], columns[tokens[used], used])

    def _take(self, lanes: Indices, tokens: Tokens, logprobs: npt.NDArray[np.float32]) -> None:
        known = self.known[lanes]
        self.tokens[known, lanes] = tokens
        self.logprobs[known, lanes] = logprobs
        self._stops_left[lanes] -= self._endings.stop[self._ending[lanes], tokens]
        self.known[lanes] += 1

    def ended(self, lanes: Indices) -> tuple[Indices, list[str]]:
        """Which of these generating lanes ended with the token just drawn, and how."""
        token = self.tokens[self.known[lanes] - 1, lanes]
        eos = self._endings.eos[self._ending[lanes], token]
        stop = self._stops_left[lanes] <= 0
        length = self.known[lanes] >= self.limit[lanes]
        which = np.flatnonzero(eos | stop | length)
        how = ["eos" if eos[i] else "stop" if stop[i] else "length" for i in which]
        return lanes[which], how
