"""The scheduler: jobs in, results out, one block of rows at a time.

Sequences wait in a queue and run in slots (a lane of a block each). A slot whose sequence ends is refilled before the
next block is computed, and where nothing waits blocks become narrower. A job's tokens are read once, whatever number of
continuations it asks for and whoever asks for the same meanwhile, and what was read is kept in a prefix cache.

Promise: a job's results depend on the job and the weights alone, bit for bit: not on the number of slots, the order or
the company in which jobs come, nor on what the cache holds. It is kept by arithmetic (`forward`) and randomness
(`sampling`) in which a row never depends on its neighbours.

Limits: one thread (run a process a core), everything in memory, sequences no longer than the model's positions. Not
safe to call from several threads at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import nullcontext
from typing import cast

import numpy as np
from threadpoolctl import ThreadpoolController

from outlay.errors import UserError
from outlay.models.embedded.forward import Forward
from outlay.models.embedded.jobs import (
    Continuation,
    Counters,
    Finish,
    GenerateJob,
    Job,
    LogprobJob,
    Logprobs,
    Result,
    ScoreJob,
    Scores,
    TokenScoring,
)
from outlay.models.embedded.lane_memory import Indices
from outlay.models.embedded.lane_products import LANES
from outlay.models.embedded.lanes import Endings, Lanes, Sequence
from outlay.models.embedded.prefix_cache import Prefix, PrefixCache
from outlay.models.embedded.weights import Weights

DEFAULT_CACHE_BYTES = 128 * 2**20
BLOCKS_A_TURN = 16
"""Blocks that a group computes before the next one has its turn: its keys and values stay in the processor's caches."""


class Engine:
    """Generates and scores with one model.

    `slots` sequences run at a time (in blocks of at most LANES rows: more slots than that take turns and save no time);
    `cache_bytes` bounds the prefix cache; `token_scoring` makes a causal model a verifier that scores by tokens.

    >>> engine = Engine(load_weights("weights/countdown-small"))  # doctest: +SKIP
    >>> engine.submit(GenerateJob(tokens=(5, 9, 2), keys=(1, 2), max_tokens=24, eos=frozenset({1})))  # doctest: +SKIP
    >>> [result.tokens for result in engine.run()]  # doctest: +SKIP
    """

    def __init__(
        self,
        weights: Weights,
        slots: int = LANES,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        token_scoring: TokenScoring | None = None,
    ) -> None:
        if slots < 1:
            raise UserError(f"An engine needs at least one slot, not {slots}; give a positive number of slots.")
        if token_scoring is not None and weights.unembedding is None:
            raise UserError(
                f"The model {weights.name!r} predicts no tokens, so it cannot score by tokens; leave token scoring out."
            )
        self.weights = weights
        self.scores = weights.head is not None or token_scoring is not None
        minus_plus = None if token_scoring is None else (token_scoring.minus, token_scoring.plus)
        self._blas = ThreadpoolController().select(user_api="blas")
        with self._blas.limit(limits=1):
            self._forward = Forward(weights, minus_plus)
        self._endings = Endings(weights.shape.vocabulary)
        self.slots = slots
        self._groups: list[Lanes] = []
        self._turn = self._blocks_left = 0
        self._cache = PrefixCache(cache_bytes)
        self._queue: deque[Sequence] = deque()
        self._being_read: dict[bytes, list[Sequence]] = {}
        self._queued_rows = 0
        self._results: list[Result] = []
        self._counts = dict.fromkeys(Counters.__dataclass_fields__, 0)

    @property
    def counters(self) -> Counters:
        """Totals since the engine was made."""
        return Counters(**{**self._counts, "evictions": self._cache.evictions})

    @property
    def narrowest_block(self) -> int:
        """Lanes of the narrowest block that this machine's BLAS allows."""
        return self._forward.narrowest

    @property
    def state_bytes(self) -> int:
        """Bytes of keys and values that running sequences, or those before them, have taken."""
        return sum(group.memory.nbytes for group in self._groups)

    @property
    def idle(self) -> bool:
        """Whether nothing is queued, running or finished but not yet handed over."""
        return not self._queue and not self._results and not any(group.count for group in self._groups)

    @property
    def backlog(self) -> int:
        """Rows that queued and running sequences may still need, at most."""
        return self._queued_rows + sum(group.rows_left for group in self._groups)

    @property
    def waiting(self) -> int:
        """Sequences that are queued for a slot (a GenerateJob whose tokens are not yet read counts once)."""
        return len(self._queue)

    def submit(self, job: Job) -> None:
        """Queue a job. Raises UserError where the model cannot do it or it does not fit the model's positions."""
        self._check(job)
        self._push(Sequence(job))

    def step(self) -> list[Result]:
        """Compute one block; return what is finished, in no promised order (an empty list is no sign of the end)."""
        self._fill()
        group = self._next_group()
        if group is not None:
            threaded = any(library.num_threads != 1 for library in self._blas.lib_controllers)
            with self._blas.limit(limits=1) if threaded else nullcontext(), np.errstate(over="ignore"):
                self._advance(group)
        results, self._results = self._results, []
        return results

    def run(self, jobs: Iterable[Job] = ()) -> list[Result]:
        """Submit these jobs and step until idle; all results, in the order in which they finished."""
        for job in jobs:
            self.submit(job)
        results: list[Result] = []
        while not self.idle:
            results.extend(self.step())
        return results

    def _check(self, job: Job) -> None:
        shape, length = self.weights.shape, len(job.tokens)
        if not job.tokens or not 0 <= min(job.tokens) <= max(job.tokens) < shape.vocabulary:
            raise UserError(
                f"A job's tokens should be ids from 0 to {shape.vocabulary - 1}, at least one; got {job.tokens[:8]}."
            )
        room = shape.positions - isinstance(job, GenerateJob)
        if length > room:
            raise UserError(
                f"A text of {length} tokens is too long for the model {self.weights.name!r}, which has "
                f"{shape.positions} positions; shorten it or use a model with a longer context."
            )
        if isinstance(job, GenerateJob):
            if self.weights.unembedding is None:
                raise UserError(f"The model {self.weights.name!r} only scores; generate with a causal language model.")
            if job.keys and not 0 <= min(job.keys) <= max(job.keys) < 2**64:
                raise UserError(f"Keys should be whole numbers from 0 to 2**64 - 1; got {job.keys[:4]}.")
            if job.max_tokens < 1 or job.stops < 1 or job.temperature < 0 or not 0 < job.top_p <= 1:
                raise UserError(
                    "Generation needs max_tokens and stops from 1, temperature from 0 and top_p above 0 and up to 1; "
                    f"got {job.max_tokens}, {job.stops}, {job.temperature} and {job.top_p}."
                )
        elif isinstance(job, ScoreJob):
            if not self.scores:
                raise UserError(
                    f"The model {self.weights.name!r} has no value head; use a process reward model or token scoring."
                )
            if not all(0 <= position < length for position in job.positions):
                raise UserError(f"Positions to score should be from 0 to {length - 1}; got {job.positions}.")
        elif self.weights.unembedding is None:
            raise UserError(f"The model {self.weights.name!r} predicts no tokens; use a causal language model.")
        elif not 1 <= job.start <= length:
            raise UserError(f"Log-probabilities start from position 1 at the earliest; got {job.start} of {length}.")

    # ---- the queue

    def _push(self, sequence: Sequence, *, first: bool = False) -> None:
        self._queued_rows += _rows_at_most(sequence)
        if first:
            self._queue.appendleft(sequence)
        else:
            self._queue.append(sequence)

    def _pop(self) -> Sequence:
        sequence = self._queue.popleft()
        self._queued_rows -= _rows_at_most(sequence)
        return sequence

    def _fill(self) -> None:
        """Give every free slot a sequence, as long as any waits."""
        index = 0
        while self._queue:
            if index == len(self._groups):
                if len(self._groups) * LANES >= self.slots:
                    return
                slots = min(LANES, self.slots - len(self._groups) * LANES)
                self._groups.append(Lanes(self.weights, slots, self._endings, self._forward.narrowest))
            self._fill_group(self._groups[index])
            index += 1

    def _fill_group(self, group: Lanes) -> None:
        while self._queue and (room := group.make_room(len(self._queue))):
            fresh: list[Sequence] = []
            while self._queue and len(fresh) < room:
                sequence = self._looked_up(self._pop())
                if sequence is not None:
                    fresh.append(sequence)
            if not fresh:
                return
            lanes = group.install(fresh)
            placed = list(zip(lanes, fresh, strict=True))
            drawing = [lane for lane, sequence in placed if sequence.begins_by_drawing]
            if drawing:
                group.draw_first(drawing)
                self._finish_ended(group, np.array(drawing))
            continued = [(lane, s.prefix) for lane, s in placed if s.prefix is not None and group.sequences[lane] is s]
            self._counts["tokens_restored"] += sum(prefix.length for _, prefix in continued)
            group.restore([lane for lane, _ in continued])

    def _looked_up(self, sequence: Sequence) -> Sequence | None:
        """The sequence with what the cache knows of it; None where it was answered, or became several, on the spot."""
        job = sequence.job
        if sequence.prefix is not None:
            return sequence
        tokens = np.array(job.tokens, np.int32).tobytes()
        limit = job.start if isinstance(job, LogprobJob) else len(job.tokens)
        if isinstance(job, ScoreJob):
            stored = self._cache.exact(tokens)
            if stored is not None and stored.values is not None:
                self._count_cached(stored)
                self._results.append(Scores(job.tag, tuple(stored.values[list(job.positions)].tolist())))
                return None
        prefix = self._cache.longest(tokens, limit)
        self._count_cached(prefix)
        if isinstance(job, GenerateJob) and prefix is not None and prefix.length == len(job.tokens):
            for index in reversed(range(len(job.keys))):
                self._push(Sequence(job, index, prefix), first=True)
            return None
        if isinstance(job, LogprobJob) and prefix is not None and prefix.length == len(job.tokens):
            self._results.append(Logprobs(job.tag, ()))
            return None
        if isinstance(job, GenerateJob) and not job.keys:
            return None
        if isinstance(job, GenerateJob) and tokens in self._being_read:
            self._being_read[tokens].append(sequence)
            self._queued_rows += _rows_at_most(sequence)
            return None
        if isinstance(job, GenerateJob):
            self._being_read[tokens] = []
        return Sequence(job, 0, prefix)

    def _count_cached(self, prefix: Prefix | None) -> None:
        self._counts["hits" if prefix is not None else "misses"] += 1
        self._counts["tokens_cached"] += prefix.length if prefix is not None else 0

    # ---- a block

    def _next_group(self) -> Lanes | None:
        """The group whose turn it is, or the next with work."""
        self._blocks_left -= 1
        for offset in range(len(self._groups)):
            index = (self._turn + offset + (self._blocks_left < 0)) % len(self._groups)
            if self._groups[index].count:
                if index != self._turn or self._blocks_left < 0:
                    self._turn, self._blocks_left = index, BLOCKS_A_TURN - 1
                return self._groups[index]
        return None

    def _advance(self, group: Lanes) -> None:
        """Compute the group's next block, then draw where a sequence has been read to its end."""
        if not self._queue:
            group.narrow()
        reading = group.reading
        unread = int((group.prompt - group.position)[group.active].clip(0).sum()) if reading else 0
        rows = group.rows()
        self._counts["rows"] += group.record(rows, self._forward(rows, group.memory, group.previous))
        self._counts["blocks"] += 1
        self._counts["slots"] += group.slots
        self._counts["busy"] += group.count
        self._counts["lanes"] += len(rows.lane)
        drawing = group.generating
        if reading:
            self._counts["tokens_read"] += unread - int((group.prompt - group.position)[group.active].clip(0).sum())
            at_end = group.active & (group.position == group.known)
            drawing = at_end & group.generating
            for lane in np.flatnonzero(at_end & ~group.generating).tolist():
                self._finish_reading(group, lane)
            for lane in np.flatnonzero(drawing & (group.position == group.prompt)).tolist():
                self._share_prompt(group, lane)
        lanes = np.flatnonzero(drawing)
        if len(lanes):
            group.draw(lanes)
            self._finish_ended(group, lanes)

    def _share_prompt(self, group: Lanes, lane: int) -> None:
        """A job's tokens have been read: keep them, and queue its other continuations right behind the running ones.

        Jobs that have waited for the same tokens come behind these.
        """
        sequence = group.sequences[lane]
        assert sequence is not None and isinstance(sequence.job, GenerateJob)
        job, length = sequence.job, int(group.prompt[lane])
        tokens = np.array(job.tokens, np.int32).tobytes()
        prefix = self._cache.put(tokens, self._kept(group, lane, length, keys_values=True, logprobs=True))
        group.rebase(lane, prefix)
        for waiting in reversed(self._being_read.pop(tokens)):
            self._queued_rows -= _rows_at_most(waiting)
            for index in reversed(range(len(cast(GenerateJob, waiting.job).keys))):
                self._push(Sequence(waiting.job, index, prefix), first=True)
        for index in reversed(range(1, len(job.keys))):
            self._push(Sequence(job, index, prefix), first=True)

    def _finish_ended(self, group: Lanes, drew: Indices) -> None:
        """Hand over what ended with the token just drawn, and empty its lanes.

        What was read of it (all but the last token) is kept where a next step may follow.
        """
        self._counts["tokens_generated"] += len(drew)
        lanes, how = group.ended(drew)
        if not len(lanes):
            return
        tokens, logprobs = group.tokens[lanes].tolist(), group.logprobs[lanes].tolist()
        spans = zip(group.prompt[lanes].tolist(), group.known[lanes].tolist(), strict=True)
        for at, (lane, finish, (prompt, known)) in enumerate(zip(lanes.tolist(), how, spans, strict=True)):
            sequence = group.sequences[lane]
            assert sequence is not None
            self._results.append(
                Continuation(
                    sequence.job.tag,
                    sequence.index,
                    tuple(tokens[at][prompt:known]),
                    tuple(logprobs[at][prompt:known]),
                    cast(Finish, finish),
                )
            )
            if finish == "stop" and known - 1 > prompt:
                read = group.tokens[lane, : known - 1].tobytes()
                if not self._cache.holds(read, (True, True)):  # others may have drawn the same
                    prefix = self._kept(group, lane, known - 1, keys_values=True, logprobs=True)
                    self._cache.put(read, prefix)
        group.release(lanes)

    def _finish_reading(self, group: Lanes, lane: int) -> None:
        """Hand over scores or log-probabilities; keep what was read for scoring what continues it."""
        sequence = group.sequences[lane]
        assert sequence is not None
        job, length = sequence.job, int(group.known[lane])
        if isinstance(job, ScoreJob):
            values = group.values[lane, list(job.positions)]
            self._results.append(Scores(job.tag, tuple(values.tolist())))
            ended = job.tokens[-1] == self.weights.end_token
            predicts = self.weights.unembedding is not None and not ended
            prefix = self._kept(group, lane, length, keys_values=not ended, logprobs=predicts)
            self._cache.put(np.array(job.tokens, np.int32).tobytes(), prefix)
        elif isinstance(job, LogprobJob):
            logprobs = group.logprobs[lane, job.start : length]
            self._results.append(Logprobs(job.tag, tuple(logprobs.tolist())))
        group.release(np.array([lane]))

    def _kept(self, group: Lanes, lane: int, length: int, *, keys_values: bool, logprobs: bool) -> Prefix:
        """A copy of what the lane has read, for the cache."""
        prefix = group.snapshot(lane, length, keys_values=keys_values, logprobs=logprobs)
        if prefix.keys_values is not None:
            self._counts["tokens_kept"] += prefix.keys_values.shape[1]
        return prefix


def _rows_at_most(sequence: Sequence) -> int:
    """Rows that a queued sequence may need."""
    job = sequence.job
    if not isinstance(job, GenerateJob):
        return len(job.tokens)
    if sequence.prefix is not None:
        return job.max_tokens
    return len(job.tokens) + len(job.keys) * job.max_tokens
