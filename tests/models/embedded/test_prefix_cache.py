"""The prefix cache: the longest whole prefix is found, the least recently used is dropped, bytes are bounded."""

import numpy as np

from outlay.models.embedded.prefix_cache import Prefix, PrefixCache


def tokens(*ids: int) -> bytes:
    return np.array(ids, np.int32).tobytes()


def prefix(length: int, *, ended: bool = False) -> Prefix:
    keys_values = None if ended else np.zeros((1, length, 100), np.float32)
    return Prefix(length, keys_values, None, np.zeros(length, np.float32))


def test_the_longest_prefix_is_found() -> None:
    cache = PrefixCache(10**6)
    cache.put(tokens(1, 2), prefix(2))
    cache.put(tokens(1, 2, 3), prefix(3))
    cache.put(tokens(1, 9, 3, 4), prefix(4))
    found = cache.longest(tokens(1, 2, 3, 4), 4)
    assert found is not None and found.length == 3


def test_the_longest_prefix_keeps_to_the_limit() -> None:
    cache = PrefixCache(10**6)
    cache.put(tokens(1, 2), prefix(2))
    cache.put(tokens(1, 2, 3), prefix(3))
    found = cache.longest(tokens(1, 2, 3, 4), 2)
    assert found is not None and found.length == 2


def test_nothing_shared_nothing_found() -> None:
    cache = PrefixCache(10**6)
    cache.put(tokens(1, 2), prefix(2))
    assert cache.longest(tokens(2, 1, 3), 3) is None


def test_what_ended_is_found_exactly_but_not_continued() -> None:
    cache = PrefixCache(10**6)
    cache.put(tokens(1, 2), prefix(2, ended=True))
    assert cache.exact(tokens(1, 2)) is not None
    assert cache.longest(tokens(1, 2, 3), 3) is None


def test_the_least_recently_used_is_dropped() -> None:
    cache = PrefixCache(2 * prefix(2).nbytes)
    cache.put(tokens(1, 1), prefix(2))
    cache.put(tokens(2, 2), prefix(2))
    cache.longest(tokens(1, 1, 5), 3)
    cache.put(tokens(3, 3), prefix(2))
    assert tokens(1, 1) in cache and tokens(2, 2) not in cache
    assert cache.evictions == 1


def test_held_bytes_never_pass_the_limit() -> None:
    cache = PrefixCache(3000)
    for length in (1, 2, 3, 4, 20, 1):
        cache.put(tokens(*range(length)), prefix(length))
        assert cache.held_bytes <= 3000
    assert len(cache) == 1


def test_storing_again_counts_bytes_once() -> None:
    cache = PrefixCache(10**6)
    cache.put(tokens(1, 2), prefix(2))
    cache.put(tokens(1, 2), prefix(2))
    assert cache.held_bytes == prefix(2).nbytes
