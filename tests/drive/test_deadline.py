"""A deadline in seconds is the driver's: a strategy knows no clock, and no test of it waits."""

import asyncio

import pytest

import outlay
from counted import CountingModel, CountingServer
from every import QUESTION
from outlay.drive.asynchronous import solve_over_protocols
from outlay.drive.batching import BatchingDriver
from outlay.drive.recorded import Record
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.strategies import BeamSearch, BudgetForcing, EarlyStopping, Lookahead, MajorityVote
from outlay.types import Budget
from outlay.verifiers.baselines import RandomScores
from toy import Digits


class Clock:
    """Stands still unless it is moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def by_batches(strategy, n, deadline, record=None):
    """The trace, and the time at the end; each block of the model's takes a second."""
    clock = Clock()

    class Slow(CountingModel):
        def advance(self):
            clock.now += 1.0
            return super().advance()

    driver = BatchingDriver(Digits(), Slow(), RandomScores(), deadline_seconds=deadline, clock=clock)
    (trace,) = driver.solve([Unit(QUESTION, strategy, Budget(generations=n), record=record)])
    return trace, clock.now - 100.0


def by_calls(strategy, n, deadline, record=None):
    """The same over a server whose every call takes a second."""
    clock = Clock()

    class Slow(CountingServer):
        async def sample(self, prompt, **options):
            clock.now += 1.0
            return await super().sample(prompt, **options)

    unit = Unit(QUESTION, strategy, Budget(generations=n), record=record)
    work = solve_over_protocols(unit, Digits(), Slow(), None, deadline_seconds=deadline, clock=clock)
    return asyncio.run(work), clock.now - 100.0


both = pytest.mark.parametrize("run", [by_batches, by_calls])


@both
def test_what_there_is_at_the_deadline_is_chosen_from(run):
    trace, took = run(BudgetForcing(), 12, 3.0)
    assert trace.note == "the deadline of 3 seconds passed: chosen from what there was"
    assert trace.answer == trace.solutions[-1].answer
    assert (len(trace.solutions), took, trace.cost.seconds) == (3, 3.0, 3.0)


@both
def test_a_strategy_that_minds_nothing_is_cut_short_with_the_majority_of_what_was_finished(run):
    class Careless(EarlyStopping):
        def solve(self, question, budget):
            solutions = []
            for _ in range(9):
                solutions += yield outlay.types.Sample(question)
            raise AssertionError

    trace, _ = run(Careless(), 9, 4.0)
    assert trace.note == "the deadline of 4 seconds passed: majority of what was finished"
    assert len(trace.solutions) == 4


@both
def test_a_run_that_is_done_in_time_is_not_touched(run):
    trace, _ = run(MajorityVote(), 6, 100.0)
    undisturbed, _ = run(MajorityVote(), 6, None)
    assert (trace.answer, trace.solutions, trace.note) == (undisturbed.answer, undisturbed.solutions, "")


def test_a_run_is_late_by_no_more_than_the_call_that_was_out():
    for deadline in (0.5, 1.0, 2.5, 4.0):
        assert by_calls(BudgetForcing(), 12, deadline)[1] <= deadline + 1.0


def test_a_search_that_is_cut_short_has_no_answer_and_says_why():
    trace, _ = by_batches(BeamSearch(), 4, 1.0)
    assert trace.answer is None
    assert "the deadline of 1 seconds passed" in trace.note


def test_a_rollout_is_left_where_the_deadline_finds_it():
    clock = Clock()
    prefixes = []

    class Slow(CountingServer):
        async def sample(self, prompt, *, prefix="", **options):
            clock.now += 1.0
            prefixes.append(prefix)
            return await super().sample(prompt, prefix=prefix, **options)

    class Half:
        name = "half"

        async def score(self, question, solutions):
            return [(0.5,) * len(solution.steps) for solution in solutions]

    unit = Unit(QUESTION, Lookahead(steps=4, width=1), Budget(generations=5))
    work = solve_over_protocols(unit, Digits(), Slow("never stops"), Half(), deadline_seconds=2.0, clock=clock)
    trace = asyncio.run(work)
    assert len(prefixes) == 2
    assert "the deadline of 2 seconds passed" in trace.note


@both
def test_a_run_that_its_deadline_cut_short_goes_on_from_its_record_with_more_time(run):
    record = Record()
    cut, _ = run(BudgetForcing(), 6, 3.0, record)
    resumed, took = run(BudgetForcing(), 6, 100.0, record)
    undisturbed, whole = run(BudgetForcing(), 6, None)
    assert len(cut.solutions) == 3
    assert (resumed.answer, resumed.solutions) == (undisturbed.answer, undisturbed.solutions)
    assert took == whole - 3


def test_a_deadline_that_leaves_no_time_is_refused():
    with pytest.raises(UserError, match="leaves no time"):
        outlay.solve("q", strategy="greedy", model=CountingModel(), task=Digits(), deadline_seconds=0)


def test_the_front_door_takes_a_deadline():
    for model in (CountingModel(), CountingServer()):
        trace = outlay.solve("q", strategy="greedy", model=model, task=Digits(), deadline_seconds=1000)
        assert trace.answer is not None and trace.note == ""
