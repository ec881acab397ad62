"""Keys and values of sequences already read, so that what continues one reads only what is new.

A prefix is stored under its exact tokens and dropped, least recently used first, when the bytes held pass a limit. A
dropped prefix is computed again when wanted, with the same bits; so the cache changes what work is done, never a
result. It finds whole stored prefixes only: the longest stored sequence that the tokens begin with, not a part of one.

Prefixes form a tree: one that goes on from another holds its own keys and values and points at the other for what is before.
So what a search branches from is held once, however many branches there are, and goes only after they have gone.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from outlay.models.embedded.weights import Float32

_BYTES_A_TOKEN = np.dtype(np.int32).itemsize
_OVERHEAD_BYTES = 400


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """A sequence that has been read, of `length` tokens.

    `keys_values` is [layers, n, features], of its last n tokens; those before are `begins`'s (all are its own where that is None).
    It is None where the sequence has ended and only its values are kept. `logprobs` [V] is the distribution after its last
    token and `values` [length] the value after each token, where the model has them.
    """

    length: int
    keys_values: Float32 | None
    logprobs: Float32 | None
    values: Float32 | None
    begins: Prefix | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held by itself, bookkeeping estimated."""
        arrays = (self.keys_values, self.logprobs, self.values)
        return sum(array.nbytes for array in arrays if array is not None) + _OVERHEAD_BYTES

    @property
    def worth(self) -> tuple[bool, bool]:
        """What can be gone on from is worth more than what has only values, and one with its distribution most."""
        return self.keys_values is not None, self.logprobs is not None

    def stretches(self) -> Iterator[tuple[int, Float32]]:
        """Its keys and values in order: the position at which each stretch begins, and the stretch."""
        if self.begins is not None:
            yield from self.begins.stretches()
        if self.keys_values is not None:
            yield self.length - self.keys_values.shape[1], self.keys_values


class PrefixCache:
    """Prefixes by their tokens (the bytes of an int32 array), least recently used dropped first."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.evictions = 0
        self._prefixes: OrderedDict[bytes, Prefix] = OrderedDict()
        self._lengths: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._prefixes)

    def __contains__(self, tokens: bytes) -> bool:
        return tokens in self._prefixes

    def holds(self, tokens: bytes, worth: tuple[bool, bool]) -> bool:
        """Whether something worth as much (see `Prefix.worth`) is stored already; asking is using it."""
        held = self._prefixes.get(tokens)
        if held is None or held.worth < worth:
            return False
        self._touch(tokens, held)
        return True

    def put(self, tokens: bytes, prefix: Prefix) -> Prefix:
        """Store a prefix, then drop old ones until the limit holds (the new one too, where it alone passes it).

        Returns the one that is stored: what is there already stays unless the new one is worth more.
        """
        stored = self._enter(tokens, prefix)
        while self.held_bytes > self.limit_bytes and self._prefixes:
            self._remove(next(iter(self._prefixes)))
            self.evictions += 1
        return stored

    def _enter(self, tokens: bytes, prefix: Prefix) -> Prefix:
        held = self._prefixes.get(tokens)
        if held is not None and prefix.worth <= held.worth:
            self._touch(tokens, held)
            return held
        if held is not None:
            self._remove(tokens)
        if prefix.begins is not None:  # where it was dropped meanwhile it comes back
            begins = self._enter(tokens[: prefix.begins.length * _BYTES_A_TOKEN], prefix.begins)
            prefix = prefix if begins is prefix.begins else replace(prefix, begins=begins)
        self._prefixes[tokens] = prefix
        self.held_bytes += prefix.nbytes
        self._lengths[prefix.length] += 1
        self._touch(tokens, prefix)
        return prefix

    def _remove(self, tokens: bytes) -> None:
        dropped = self._prefixes.pop(tokens)
        self.held_bytes -= dropped.nbytes
        self._lengths[dropped.length] -= 1

    def _touch(self, tokens: bytes, prefix: Prefix) -> None:
        """Count as used just now, and all that it begins with after it: what others go on from is dropped last."""
        used: Prefix | None = prefix
        while used is not None:
            key = tokens[: used.length * _BYTES_A_TOKEN]
            if key in self._prefixes:
                self._prefixes.move_to_end(key)
            used = used.begins

    def exact(self, tokens: bytes) -> Prefix | None:
        """The prefix stored under exactly these tokens, continuable or not."""
        prefix = self._prefixes.get(tokens)
        if prefix is not None:
            self._touch(tokens, prefix)
        return prefix

    def longest(self, tokens: bytes, limit: int) -> Prefix | None:
        """The longest continuable stored prefix of `tokens`, of at most `limit` tokens."""
        for length in range(limit, 0, -1):
            if self._lengths[length] > 0:
                key = tokens[: length * _BYTES_A_TOKEN]
                prefix = self._prefixes.get(key)
                if prefix is not None and prefix.keys_values is not None:
                    self._touch(key, prefix)
                    return prefix
        return None
