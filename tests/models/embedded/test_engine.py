"""The engine: same bits whatever the slots, the order and the cache; how continuations end; no idle slot; nothing read twice."""

import random
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.models.embedded import (
    LANES,
    Continuation,
    Engine,
    GenerateJob,
    Job,
    LogprobJob,
    Logprobs,
    Result,
    ScoreJob,
    Scores,
    TokenScoring,
    Weights,
)

END, STOP = 1, 2
NO_CACHE = 0


def text(seed: int, length: int) -> tuple[int, ...]:
    return tuple(random.Random(seed).choices(range(3, 37), k=length))


def mixed_generations(count: int) -> list[GenerateJob]:
    """Prompts of 3-11 tokens (some shared), 1-4 continuations each, every way of drawing and ending."""
    return [
        GenerateJob(
            tokens=text(i % 17, 3 + i % 9),
            keys=tuple(range(10 * i, 10 * i + 1 + i % 4)),
            max_tokens=5 + i % 13,
            temperature=(1.0, 0.6, 0.0)[i % 3],
            top_p=(1.0, 0.8)[i % 2],
            stop=frozenset({STOP, 7, 8}) if i % 2 else frozenset(),
            stops=1 + i % 3,
            eos=frozenset({END, 9}),
            tag=("generate", i),
        )
        for i in range(count)
    ]


def mixed_scores(count: int) -> list[ScoreJob]:
    """Texts that continue each other, whole and in part."""
    texts = [text(i % 11, 4 + i % 23) for i in range(count)]
    return [ScoreJob(tokens, tuple(range(i % 4, len(tokens), 2)), ("score", i)) for i, tokens in enumerate(texts)]


def mixed_logprobs(count: int) -> list[LogprobJob]:
    return [LogprobJob(text(i % 11, 4 + i % 23), 1 + i % 4, ("logprob", i)) for i in range(count)]


def by_tag(results: Iterable[Result]) -> dict[object, Result]:
    keyed = {(r.tag, r.index if isinstance(r, Continuation) else 0): r for r in results}
    return dict(sorted(keyed.items()))


def generate(weights: Weights, **options: object) -> list[Continuation]:
    engine = Engine(weights)
    results = engine.run([GenerateJob(**{"tokens": text(0, 6), "keys": tuple(range(40)), "max_tokens": 12, **options})])
    return [r for r in results if isinstance(r, Continuation)]


# ---- the same bits


def jobs_for(kind: str, count: int = 60) -> list[Job]:
    if kind == "prm":
        return [*mixed_scores(count)]
    if kind == "self-channel":
        return [*mixed_generations(count), *mixed_scores(count), *mixed_logprobs(count)]
    return [*mixed_generations(count), *mixed_logprobs(count)]


@pytest.mark.parametrize("kind", ["policy", "prm", "self-channel"])
@pytest.mark.parametrize(("slots", "cache_bytes"), [(3, 10**8), (40, NO_CACHE), (200, 50_000)])
def test_results_do_not_depend_on_slots_order_or_cache(
    models: dict[str, Weights], kind: str, slots: int, cache_bytes: int
) -> None:
    jobs = jobs_for(kind)
    shuffled = random.Random(slots).sample(jobs, len(jobs))
    expected = by_tag(Engine(models[kind]).run(jobs))
    assert by_tag(Engine(models[kind], slots, cache_bytes).run(shuffled)) == expected


@pytest.mark.parametrize("kind", ["policy", "self-channel"])
def test_results_do_not_depend_on_when_jobs_arrive(models: dict[str, Weights], kind: str) -> None:
    jobs = jobs_for(kind)
    expected = by_tag(Engine(models[kind]).run(jobs))
    engine, results = Engine(models[kind]), []
    for job in jobs:
        engine.submit(job)
        results.extend(engine.step())
    assert by_tag([*results, *engine.run()]) == expected


def test_token_scores_do_not_depend_on_slots_order_or_cache(models: dict[str, Weights]) -> None:
    jobs = mixed_scores(60)
    scoring = TokenScoring(plus=5, minus=6)
    expected = by_tag(Engine(models["policy"], token_scoring=scoring).run(jobs))
    assert by_tag(Engine(models["policy"], 5, 60_000, scoring).run(jobs[::-1])) == expected


def test_lab_sized_results_do_not_depend_on_slots(models: dict[str, Weights]) -> None:
    jobs = mixed_generations(40)
    weights = models["lab-sized"]
    assert by_tag(Engine(weights, 9).run(jobs)) == by_tag(Engine(weights).run(jobs))


def test_continuing_step_by_step_gives_the_bits_of_one_go(models: dict[str, Weights]) -> None:
    prompt, keys = text(1, 5), tuple(range(20))
    whole = {r.index: r for r in generate(models["policy"], tokens=prompt, keys=keys, max_tokens=15)}
    for cache_bytes in (10**8, NO_CACHE):
        engine = Engine(models["policy"], cache_bytes=cache_bytes)
        for key in keys:
            tokens, logprobs = prompt, ()
            for _ in range(5):
                (part,) = engine.run([GenerateJob(tokens, (key,), max_tokens=3)])
                tokens, logprobs = tokens + part.tokens, logprobs + part.logprobs
            assert (tokens, logprobs) == (prompt + whole[key].tokens, whole[key].logprobs)


def test_reading_a_generated_text_gives_the_log_probabilities_it_was_drawn_with(models: dict[str, Weights]) -> None:
    prompt = text(2, 7)
    drawn = generate(models["policy"], tokens=prompt)
    read = by_tag(Engine(models["policy"]).run(LogprobJob(prompt + r.tokens, len(prompt), r.index) for r in drawn))
    assert [read[r.index, 0].logprobs for r in drawn] == [r.logprobs for r in drawn]


def test_scoring_step_by_step_gives_the_bits_of_scoring_at_once(models: dict[str, Weights]) -> None:
    for kind in ("prm", "self-channel"):
        tokens = text(3, 30)
        (whole,) = Engine(models[kind]).run([ScoreJob(tokens, (11, 17, 29))])
        for cache_bytes in (10**8, NO_CACHE):
            engine = Engine(models[kind], cache_bytes=cache_bytes)
            parts = [engine.run([ScoreJob(tokens[: end + 1], (end,))])[0].values[0] for end in (11, 17, 29)]
            assert tuple(parts) == whole.values


# ---- drawing and ending


def test_greedy_takes_the_most_probable_token(models: dict[str, Weights]) -> None:
    weights = models["policy"]
    (greedy,) = generate(weights, keys=(3,), temperature=0.0, max_tokens=1)
    candidates = [LogprobJob((*text(0, 6), token), 6, token) for token in range(weights.shape.vocabulary)]
    logprobs = {r.tag: r.logprobs[0] for r in Engine(weights).run(candidates)}
    assert greedy.tokens == (max(logprobs, key=lambda token: logprobs[token]),)


def test_the_first_token_follows_the_model_s_distribution(models: dict[str, Weights]) -> None:
    weights, count = models["policy"], 20_000
    drawn = generate(weights, keys=tuple(range(count)), max_tokens=1)
    candidates = [LogprobJob((*text(0, 6), token), 6, token) for token in range(weights.shape.vocabulary)]
    expected = np.array(
        [np.exp(r.logprobs[0]) * count for r in sorted(Engine(weights).run(candidates), key=lambda r: r.tag)]
    )
    counts = np.bincount([r.tokens[0] for r in drawn], minlength=len(expected))
    often = expected >= 5
    chi_square = ((counts - expected) ** 2 / expected)[often].sum()
    assert chi_square < often.sum() + 8 * np.sqrt(2 * often.sum())


def test_the_same_key_draws_the_same(models: dict[str, Weights]) -> None:
    first, second = generate(models["policy"], keys=(5, 5))
    assert first.tokens == second.tokens


def test_every_key_is_answered_once(models: dict[str, Weights]) -> None:
    assert sorted(r.index for r in generate(models["policy"], keys=tuple(range(300)))) == list(range(300))


def test_log_probabilities_are_the_model_s_whatever_the_temperature(models: dict[str, Weights]) -> None:
    prompt = text(0, 6)
    for r in generate(models["policy"], temperature=0.5, top_p=0.7, keys=(1, 2)):
        (read,) = Engine(models["policy"]).run([LogprobJob(prompt + r.tokens, len(prompt))])
        assert read.logprobs == r.logprobs


def ends(sequence: Sequence[int], marks: frozenset[int]) -> list[int]:
    return [i for i, token in enumerate(sequence) if token in marks]


MARKS = frozenset(range(3, 12))


def test_an_end_token_ends(models: dict[str, Weights]) -> None:
    finished = [r for r in generate(models["policy"], eos=MARKS) if r.finish == "eos"]
    assert finished
    assert all(ends(r.tokens, MARKS) == [len(r.tokens) - 1] for r in finished)


@pytest.mark.parametrize("stops", [1, 2, 3])
def test_the_nth_stop_token_stops(models: dict[str, Weights], stops: int) -> None:
    finished = [r for r in generate(models["policy"], stop=MARKS, stops=stops) if r.finish == "stop"]
    assert finished
    for r in finished:
        at = ends(r.tokens, MARKS)
        assert len(at) == stops and at[-1] == len(r.tokens) - 1


def test_a_token_that_both_ends_and_stops_ends(models: dict[str, Weights]) -> None:
    assert {r.finish for r in generate(models["policy"], stop=MARKS, eos=MARKS)} <= {"eos", "length"}


def test_max_tokens_is_a_limit(models: dict[str, Weights]) -> None:
    assert {(r.finish, len(r.tokens)) for r in generate(models["policy"], max_tokens=4)} == {("length", 4)}


def test_the_model_s_last_position_is_a_limit(models: dict[str, Weights]) -> None:
    (r,) = generate(models["policy"], tokens=text(0, 40), keys=(0,), max_tokens=100)
    assert (r.finish, len(r.tokens)) == ("length", 8)


def test_token_scoring_is_the_share_of_plus(models: dict[str, Weights]) -> None:
    tokens = text(4, 9)
    engine = Engine(models["policy"], token_scoring=TokenScoring(plus=5, minus=6))
    results = by_tag(
        engine.run([ScoreJob(tokens, (8,), "s"), LogprobJob((*tokens, 5), 9, "p"), LogprobJob((*tokens, 6), 9, "m")])
    )
    plus, minus = (np.exp(results[tag, 0].logprobs[0]) for tag in "pm")
    assert results["s", 0].values[0] == pytest.approx(plus / (plus + minus), abs=1e-6)


# ---- scheduling


def test_a_finished_sequence_s_slot_is_refilled_before_the_next_block(models: dict[str, Weights]) -> None:
    # Lengths differ, so sequences end at every block; with work waiting, every block must still be full.
    engine = Engine(models["policy"], slots=10)
    for i in range(60):
        engine.submit(GenerateJob(text(i, 4), (i,), max_tokens=1 + i % 7))
    while engine.waiting:
        before = engine.counters
        engine.step()
        assert engine.counters.blocks - before.blocks == 1
        assert not engine.waiting or engine.counters.rows - before.rows >= 10


def test_a_prompt_is_read_once_for_all_its_continuations(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"], cache_bytes=NO_CACHE)
    engine.run([GenerateJob(text(0, 9), tuple(range(300)), max_tokens=3)])
    assert engine.counters.tokens_read == 9
    assert engine.counters.tokens_generated == 900


def test_a_step_s_continuation_reads_only_its_last_token(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"])
    prompt = text(0, 9)
    step = next(r for r in engine.run([GenerateJob(prompt, tuple(range(30)), 12, stop=MARKS)]) if len(r.tokens) > 1)
    before = engine.counters.tokens_read
    engine.run([GenerateJob(prompt + step.tokens, (1, 2, 3), 12, stop=MARKS)])
    assert engine.counters.tokens_read - before == 1


@pytest.mark.parametrize("kind", ["prm", "self-channel"])
def test_a_step_is_never_read_twice_by_a_verifier(models: dict[str, Weights], kind: str) -> None:
    engine, tokens = Engine(models[kind]), text(0, 30)
    for end in (12, 18, 24, 30, 30, 18):
        engine.run([ScoreJob(tokens[:end], (5, end - 1))])
    assert engine.counters.tokens_read == 30


def test_an_ended_solution_keeps_its_values(models: dict[str, Weights]) -> None:
    engine, job = Engine(models["prm"]), ScoreJob((*text(0, 9), END), (4, 9))
    first, second = engine.run([job]), engine.run([job])
    assert first == second
    assert engine.counters.tokens_read == 10


def test_evicted_prefixes_are_read_again(models: dict[str, Weights]) -> None:
    engine = Engine(models["prm"], cache_bytes=20_000)
    jobs = [ScoreJob(text(i, 12), (11,), i) for i in range(20)]
    first, second = by_tag(engine.run(jobs)), by_tag(engine.run(jobs))
    assert first == second
    assert engine.counters.evictions > 0
    assert engine.counters.tokens_read > 20 * 12


def test_counters_of_cached_and_read_tokens_add_up(models: dict[str, Weights]) -> None:
    engine = Engine(models["prm"])
    jobs = mixed_scores(50)
    for job in jobs:
        engine.run([job])
    assert engine.counters.tokens_read + engine.counters.tokens_cached == sum(len(job.tokens) for job in jobs)
    assert engine.counters.hits + engine.counters.misses == len(jobs)


def test_backlog_bounds_the_rows_still_to_come(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"], slots=20, cache_bytes=NO_CACHE)
    for job in mixed_generations(30):
        engine.submit(job)
    bounds = []
    while not engine.idle:
        bounds.append((engine.counters.rows, engine.backlog))
        engine.step()
    assert engine.backlog == 0
    assert all(engine.counters.rows - done <= bound for done, bound in bounds)


def test_an_engine_is_idle_once_everything_was_handed_over(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"])
    assert engine.idle and engine.step() == []
    engine.submit(GenerateJob(text(0, 3), (1,), max_tokens=2))
    assert not engine.idle
    assert len(engine.run()) == 1 and engine.idle


def test_a_job_without_keys_has_no_results(models: dict[str, Weights]) -> None:
    assert Engine(models["policy"]).run([GenerateJob(text(0, 3), (), max_tokens=2)]) == []


def test_more_slots_than_lanes_run_in_several_blocks(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"], slots=LANES + 3)
    for key in range(LANES + 10):
        engine.submit(GenerateJob(text(key, 4), (key,), max_tokens=2))
    engine.step()
    assert engine.waiting == 7


def test_a_block_is_no_wider_than_its_sequences_need(models: dict[str, Weights]) -> None:
    engine = Engine(models["policy"])
    engine.run([GenerateJob(text(0, 4), tuple(range(200)), max_tokens=30, eos=frozenset({END, 9, 10, 11}))])
    counted = engine.counters
    assert counted.rows <= counted.lanes < 0.7 * LANES * counted.blocks
    before = engine.counters
    engine.run([GenerateJob(text(1, 4), (1, 2, 3), max_tokens=10)])
    after = engine.counters
    assert after.lanes - before.lanes == (after.blocks - before.blocks) * engine.narrowest_block


@pytest.mark.parametrize("kind", ["policy", "self-channel"])
def test_results_do_not_depend_on_who_leaves_first(models: dict[str, Weights], kind: str) -> None:
    # Most sequences end early, so that the rest moves to ever narrower blocks; then many more come.
    early = [GenerateJob(text(i, 3 + i % 9), (i,), max_tokens=2, tag=("early", i)) for i in range(230)]
    late = [GenerateJob(text(i, 3 + i % 9), (i,), max_tokens=30, tag=("late", i)) for i in range(20)]
    apart = by_tag([*Engine(models[kind]).run(early), *Engine(models[kind], slots=7).run(late)])
    engine = Engine(models[kind], slots=250)
    results = [result for half in (0, 1) for result in engine.run([*early[half::2], *late[half::2]])]
    assert by_tag(results) == dict(sorted(apart.items()))


# ---- what is refused


@pytest.mark.parametrize(
    ("kind", "job", "words"),
    [
        ("policy", GenerateJob((), (1,), 5), "at least one"),
        ("policy", GenerateJob((3, 400), (1,), 5), "ids from 0 to 36"),
        ("policy", GenerateJob(text(0, 48), (1,), 5), "too long"),
        ("policy", GenerateJob((3,), (1, -1), 5), "Keys"),
        ("policy", GenerateJob((3,), (1,), 0), "max_tokens"),
        ("policy", GenerateJob((3,), (1,), 5, top_p=0.0), "top_p"),
        ("policy", ScoreJob((3, 4), (1,)), "no value head"),
        ("prm", ScoreJob((3, 4), (2,)), "from 0 to 1"),
        ("prm", GenerateJob((3,), (1,), 5), "only scores"),
        ("prm", LogprobJob((3, 4), 1), "predicts no tokens"),
        ("policy", LogprobJob((3, 4), 0), "position 1"),
    ],
)
def test_what_cannot_be_done_is_refused(models: dict[str, Weights], kind: str, job: Job, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Engine(models[kind]).submit(job)


def test_results_have_the_kind_of_their_job(models: dict[str, Weights]) -> None:
    jobs = [GenerateJob((3,), (1,), 2), ScoreJob((3, 4), (1,)), LogprobJob((3, 4), 1)]
    kinds = {type(result) for result in Engine(models["self-channel"]).run(jobs)}
    assert kinds == {Continuation, Scores, Logprobs}
