"""What every registered strategy promises when it is run again: by another driver, from a record or part of one, by a clock."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counted import KINDS, SCORES, Books, CountingModel, CountingScores
from every import PRICES, QUESTION, VARIANTS, World, in_process, over_a_server
from outlay.drive.batching import BatchingDriver
from outlay.drive.recorded import Record
from outlay.drive.replay import replay
from outlay.drive.serving import Unit
from outlay.errors import Unsupported
from outlay.types import Budget, Sample
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, Digits, solve

worlds = st.builds(
    World,
    kind=st.sampled_from(KINDS),
    scores=st.sampled_from([name for name in SCORES if name != "NaN"]),
    order=st.integers(0, 99),
    seed=st.integers(0, 99),
)
each_strategy = pytest.mark.parametrize("strategy", VARIANTS, ids=lambda strategy: json.dumps(strategy.spec()))


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 16), world=worlds, order=st.integers(0, 99), capacity=st.sampled_from([1, 64]))
def test_the_order_of_arrival_changes_nothing(strategy, n, world, order, capacity):
    trace, _ = in_process(strategy, Budget(generations=n), world)
    again, _ = in_process(strategy, Budget(generations=n), replace(world, order=order, capacity=capacity))
    assert again == trace


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 16), world=worlds)
def test_a_server_gives_the_same_run_as_an_engine(strategy, n, world):
    trace, _ = in_process(strategy, Budget(generations=n), world)
    try:
        served, _ = over_a_server(strategy, Budget(generations=n), world)
    except Unsupported as refusal:
        assert "cannot revise" in str(refusal)
        return
    assert (served.answer, served.solutions, served.chosen) == (trace.answer, trace.solutions, trace.chosen)
    assert served.note == trace.note
    for unit in ("generations", "generated_tokens"):
        assert getattr(served.cost, unit) == getattr(trace.cost, unit)


@each_strategy
def test_another_seed_gives_another_run(strategy):
    found = {
        tuple(s.text for s in in_process(strategy, Budget(generations=8), World(seed=seed))[0].solutions)
        for seed in range(6)
    }
    _, books = in_process(strategy, Budget(generations=8))
    greedy = all(request.temperature == 0 for request in books.requests if isinstance(request, Sample))
    assert len(found) == 1 if greedy else len(found) > 1


@each_strategy
def test_the_company_a_question_keeps_does_not_change_its_trace(strategy):
    together = solve(strategy, n=9, verifier=RandomScores(), questions=4, model=DigitModel())
    for trace in together:
        driver = BatchingDriver(Digits(), DigitModel(capacity=1), RandomScores())
        (alone,) = driver.solve([Unit(trace.question, strategy, Budget(generations=9))])
        assert (alone.answer, alone.solutions, alone.chosen) == (trace.answer, trace.solutions, trace.chosen)


@each_strategy
@pytest.mark.parametrize("run", [in_process, over_a_server])
@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(1, 16),
    cap=st.sampled_from(["tokens", "flops", None]),
    share=st.floats(0.1, 1.2),
    world=worlds,
)
def test_a_run_replayed_from_its_record_is_the_live_one_and_asks_nobody(strategy, run, n, cap, share, world):
    budget = Budget(generations=n, **({cap: int(n * 12 * share * (1 if cap == "tokens" else 400))} if cap else {}))
    record = Record()
    try:
        live, _ = run(strategy, budget, world, record=record)
    except Unsupported:
        return
    again, books = run(strategy, budget, replace(world, order=world.order + 1), record=record)
    assert not books.spent
    if run is in_process:
        assert again == live
    else:  # a server's counts of prompts are its own, and it was not asked
        assert (again.answer, again.solutions, again.chosen) == (live.answer, live.solutions, live.chosen)
        assert again.cost.generated_tokens == live.cost.generated_tokens


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 16), world=worlds, share=st.floats(0, 1))
def test_a_run_goes_on_from_any_part_of_its_record_as_if_undisturbed(strategy, n, world, share):
    record = Record()
    undisturbed, books = in_process(strategy, Budget(generations=n), world, record=record)
    half = record.first(round(share * len(record)))
    recorded = len(half)
    resumed, rest = in_process(strategy, Budget(generations=n), replace(world, order=world.order + 1), record=half)
    assert resumed == undisturbed
    assert rest.spent["calls"] == books.spent["calls"] - recorded
    assert half.answers == record.answers


@each_strategy
@settings(max_examples=10, deadline=None)
@given(n=st.integers(1, 12), world=worlds)
def test_a_pool_of_its_solutions_replays_what_was_drawn_whole(strategy, n, world):
    live, books = in_process(strategy, Budget(generations=n), world)
    try:
        found = replay(
            strategy,
            QUESTION,
            live.solutions,
            Budget(generations=n),
            seed=world.seed,
            prices=PRICES,
            question_tokens=len(QUESTION.text.split()),
        )
    except Unsupported:  # attempts of a chain are handed out along it, to those that read them
        assert any(_is_no_pool_draw(r) for r in books.requests) or any(s.position for s in live.solutions)
        return
    assert found.choice.answer == live.answer
    assert [s.text for s in found.choice.candidates] == [s.text for s in live.solutions]
    for unit in ("generations", "generated_tokens", "prompt_tokens", "cached_tokens"):
        assert getattr(found.cost, unit) == getattr(live.cost, unit), unit


def _is_no_pool_draw(request):
    """A step, a beginning gone on with, or a critique."""
    if not isinstance(request, Sample):
        return False
    return request.until == "step" or request.purpose != "solution" or bool(request.prefix and not request.append)


class Clock:
    """Time that passes only where it is told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class SlowModel(CountingModel):
    """Every block of work takes a second."""

    def advance(self):
        self.books.clock.now += 1.0
        return super().advance()


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 12), deadline=st.integers(1, 8), world=worlds)
def test_nothing_is_asked_after_the_deadline_and_the_best_so_far_is_the_answer(strategy, n, deadline, world):
    clock = Clock()
    books = Books(clock=clock)
    model = SlowModel(world.kind, books, order=world.order)
    driver = BatchingDriver(
        Digits(), model, CountingScores(world.scores, books), PRICES, deadline_seconds=float(deadline), clock=clock
    )
    (trace,) = driver.solve([Unit(QUESTION, strategy, Budget(generations=n), world.seed)])
    assert max(books.begun_at) < deadline
    undisturbed, all_books = in_process(strategy, Budget(generations=n), world)
    if len(books.requests) == len(all_books.requests):
        assert (trace.answer, trace.solutions) == (undisturbed.answer, undisturbed.solutions)
    else:
        assert f"the deadline of {deadline} seconds passed" in trace.note
        assert trace.answer is None or trace.solutions[trace.chosen].finished
