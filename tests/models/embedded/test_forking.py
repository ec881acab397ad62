"""A tree of texts in the engine: what branches share is read once, held once, and copied to each branch once."""

from itertools import product

import numpy as np
import pytest

from outlay.models.embedded import Continuation, Engine, GenerateJob, ScoreJob, Weights
from outlay.models.embedded.prefix_cache import Prefix, PrefixCache

END, STOP = 1, 2


def ids(*numbers: int) -> bytes:
    return np.array(numbers, np.int32).tobytes()


def tree(branches: int, depth: int, step: int) -> list[list[tuple[int, ...]]]:
    """For each depth the texts of a full tree whose steps are `step` tokens long; depth 0 is the question alone."""
    names = [tuple(range(3 + 5 * branch, 3 + 5 * branch + step)) for branch in range(branches)]
    question = (30, 31, 32)
    return [
        [question + tuple(token for name in path for token in name) for path in product(names, repeat=length)]
        for length in range(depth + 1)
    ]


@pytest.mark.parametrize("kind", ["prm", "self-channel"])
def test_a_tree_is_read_held_and_copied_node_by_node(models: dict[str, Weights], kind: str) -> None:
    engine, levels = Engine(models[kind]), tree(3, 3, 4)
    for level in levels:
        engine.run([ScoreJob(text, (len(text) - 1,)) for text in level])
    nodes = 3 + 4 * (3 + 9 + 27)
    counted = engine.counters
    assert counted.tokens_read == nodes
    assert counted.tokens_kept == nodes
    assert counted.tokens_restored == sum(len(parent) * 3 for level in levels[:-1] for parent in level)


def test_a_fork_copies_its_prefix_once_to_each_branch(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"])
    (first,) = engine.run([GenerateJob((5, 6, 7), (1,), 6, temperature=0.0, stop=frozenset(range(3, 37)))])
    assert isinstance(first, Continuation) and first.finish == "stop"
    before = engine.counters
    engine.run([GenerateJob((5, 6, 7, *first.tokens), tuple(range(8)), 3)])
    after = engine.counters
    assert after.tokens_read - before.tokens_read == len(first.tokens)
    assert after.tokens_kept - before.tokens_kept == len(first.tokens)
    assert after.tokens_restored - before.tokens_restored == 3 + 7 * (3 + len(first.tokens))


def test_of_a_branch_only_what_is_its_own_is_copied_out(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"])
    drawn = engine.run([GenerateJob((5, 6, 7), tuple(range(12)), 20, stop=frozenset(range(3, 37)), stops=4)])
    read = {r.tokens[:-1] for r in drawn if isinstance(r, Continuation) and r.finish == "stop"}
    assert len(read) > 1
    assert engine.counters.tokens_kept == 3 + sum(map(len, read))


def test_branches_of_the_same_tokens_are_copied_out_once(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"])
    drawn = engine.run([GenerateJob((5, 6, 7), (4, 4, 4, 4), 20, stop=frozenset(range(3, 37)), stops=4)])
    (tokens,) = {r.tokens for r in drawn if isinstance(r, Continuation)}
    assert engine.counters.tokens_kept == 3 + len(tokens) - 1


def test_what_several_jobs_begin_with_is_read_once_though_they_come_together(models: dict[str, Weights]) -> None:
    together, apart = Engine(models["policy"]), Engine(models["policy"])
    jobs = [GenerateJob((5, 6, 7, 8), (10 * i, 10 * i + 1), 6, tag=i) for i in range(6)]
    found = {(r.tag, r.index): r.tokens for r in together.run(jobs) if isinstance(r, Continuation)}
    assert together.counters.tokens_read == 4
    assert found == {
        (r.tag, r.index): r.tokens for job in jobs for r in apart.run([job]) if isinstance(r, Continuation)
    }
    assert len(found) == 12


def test_jobs_that_wait_for_a_text_are_in_the_backlog(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"], slots=2)
    for i in range(6):
        engine.submit(GenerateJob((5, 6, 7, 8), (i,), 6))
    bounds = []
    while not engine.idle:
        bounds.append((engine.counters.rows, engine.backlog))
        engine.step()
    assert engine.backlog == 0
    assert all(engine.counters.rows - done <= bound for done, bound in bounds)


def test_greedy_rollouts_run_in_the_blocks_of_sampled_steps(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"])
    sampled = GenerateJob((5, 6, 7), tuple(range(10)), 8, tag="sampled")
    rollout = GenerateJob((9, 6, 7), (0,), 8, temperature=0.0, tag="greedy")
    mixed = {(r.tag, r.index): r for r in engine.run([sampled, rollout])}
    assert engine.counters.blocks < 8 + 3 + 3
    alone = [r for job in (sampled, rollout) for r in Engine(models["policy"]).run([job])]
    assert mixed == {(r.tag, r.index): r for r in alone}


@pytest.mark.parametrize("cache_bytes", [0, 3_000, 20_000, 60_000])
def test_a_tree_has_the_same_values_however_little_is_kept(models: dict[str, Weights], cache_bytes: int) -> None:
    texts = [text for level in tree(3, 3, 4) for text in level]
    jobs = [ScoreJob(text, (len(text) - 1,), tag) for tag, text in enumerate(texts)]
    expected = {r.tag: r for r in Engine(models["self-channel"]).run(jobs)}
    engine = Engine(models["self-channel"], slots=5, cache_bytes=cache_bytes)
    assert {r.tag: r for r in engine.run(jobs)} == expected
    assert engine.counters.evictions > 0


def branch(begins: Prefix | None, length: int) -> Prefix:
    own = length - (begins.length if begins else 0)
    return Prefix(length, np.full((1, own, 100), length, np.float32), None, None, begins)


def test_what_others_go_on_from_is_dropped_after_them() -> None:
    cache = PrefixCache(3 * branch(None, 2).nbytes)
    trunk = cache.put(ids(1, 2), branch(None, 2))
    cache.put(ids(1, 2, 3, 4), branch(trunk, 4))
    cache.put(ids(1, 2, 5, 6), branch(trunk, 4))
    cache.put(ids(1, 2, 7, 8), branch(trunk, 4))
    assert ids(1, 2) in cache and ids(1, 2, 7, 8) in cache
    assert ids(1, 2, 3, 4) not in cache
    assert cache.held_bytes == 3 * branch(None, 2).nbytes


def test_use_of_a_branch_is_use_of_what_it_begins_with() -> None:
    cache = PrefixCache(3 * branch(None, 2).nbytes)
    trunk = cache.put(ids(1, 2), branch(None, 2))
    cache.put(ids(1, 2, 3, 4), branch(trunk, 4))
    cache.put(ids(9, 9), branch(None, 2))
    cache.longest(ids(1, 2, 3, 4, 5), 5)
    cache.put(ids(8, 8), branch(None, 2))
    assert ids(1, 2) in cache and ids(1, 2, 3, 4) in cache and ids(9, 9) not in cache
    cache.exact(ids(1, 2, 3, 4))
    cache.put(ids(7, 7), branch(None, 2))
    cache.put(ids(6, 6), branch(None, 2))
    assert ids(1, 2) in cache and ids(1, 2, 3, 4) not in cache


def test_what_a_branch_begins_with_comes_back_with_it() -> None:
    cache = PrefixCache(2 * branch(None, 2).nbytes)
    trunk = cache.put(ids(1, 2), branch(None, 2))
    cache.put(ids(7, 7), branch(None, 2))
    cache.put(ids(8, 8), branch(None, 2))
    assert ids(1, 2) not in cache
    kept = cache.put(ids(1, 2, 3, 4), branch(trunk, 4))
    assert ids(1, 2) in cache
    assert [(at, stretch.shape[1]) for at, stretch in kept.stretches()] == [(0, 2), (2, 2)]
    assert cache.held_bytes == 2 * branch(None, 2).nbytes


def test_what_is_held_already_stays_unless_it_is_worth_less() -> None:
    cache = PrefixCache(10**6)
    ended = Prefix(2, None, None, np.zeros(2, np.float32))
    first, again = branch(None, 2), branch(None, 2)
    assert cache.put(ids(1, 2), ended) is ended
    assert cache.put(ids(1, 2), first) is first
    assert cache.put(ids(1, 2), again) is first
    assert cache.put(ids(1, 2), ended) is first
    assert cache.held_bytes == first.nbytes
