"""Keys and values of sequences already read, so that what continues one reads only what is new.

A prefix is stored under its exact tokens and dropped, least recently used first, when the bytes held pass a limit. A
dropped prefix is computed again when wanted, with the same bits; so the cache changes what work is done, never a
result. It finds whole stored prefixes only: the longest stored sequence that the tokens begin with, not a part of one.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

import numpy as np

from outlay.models.embedded.weights import Float32

_BYTES_A_TOKEN = np.dtype(np.int32).itemsize
_OVERHEAD_BYTES = 400


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """A sequence that has been read, of `length` tokens.

    `keys_values` is [layers, length, features], or None where the sequence has ended and only its values are kept;
    `logprobs` [V] is the distribution after its last token and `values` [length] the value after each token, where the
    model has them.
    """

    length: int
    keys_values: Float32 | None
    logprobs: Float32 | None
    values: Float32 | None

    @property
    def nbytes(self) -> int:
        """Bytes held, bookkeeping estimated."""
        arrays = (self.keys_values, self.logprobs, self.values)
        return sum(array.nbytes for array in arrays if array is not None) + _OVERHEAD_BYTES


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

    def continuable(self, tokens: bytes) -> bool:
        """Whether the prefix stored under exactly these tokens can be gone on from."""
        prefix = self._prefixes.get(tokens)
        return prefix is not None and prefix.keys_values is not None

    def put(self, tokens: bytes, prefix: Prefix) -> None:
        """Store a prefix, then drop old ones until the limit holds (the new one too, where it alone passes it).

        What ended replaces nothing: a prefix that can be continued is worth more than its values alone.
        """
        held = self._prefixes.pop(tokens, None)
        if held is not None:
            self.held_bytes -= held.nbytes
            self._lengths[held.length] -= 1
            prefix = held if prefix.keys_values is None else prefix
        self._prefixes[tokens] = prefix
        self.held_bytes += prefix.nbytes
        self._lengths[prefix.length] += 1
        while self.held_bytes > self.limit_bytes and self._prefixes:
            _, dropped = self._prefixes.popitem(last=False)
            self.held_bytes -= dropped.nbytes
            self._lengths[dropped.length] -= 1
            self.evictions += 1

    def exact(self, tokens: bytes) -> Prefix | None:
        """The prefix stored under exactly these tokens, continuable or not."""
        prefix = self._prefixes.get(tokens)
        if prefix is not None:
            self._prefixes.move_to_end(tokens)
        return prefix

    def longest(self, tokens: bytes, limit: int) -> Prefix | None:
        """The longest continuable stored prefix of `tokens`, of at most `limit` tokens."""
        for length in range(limit, 0, -1):
            if self._lengths[length] > 0:
                key = tokens[: length * _BYTES_A_TOKEN]
                prefix = self._prefixes.get(key)
                if prefix is not None and prefix.keys_values is not None:
                    self._prefixes.move_to_end(key)
                    return prefix
        return None
