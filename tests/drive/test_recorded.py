import outlay
from counted import CountingModel, CountingServer
from every import PRICES, QUESTION
from outlay.drive.batching import BatchingDriver
from outlay.drive.recorded import Record
from outlay.drive.serving import Unit
from outlay.errors import BudgetExhausted
from outlay.strategies import BudgetForcing, MajorityVote, Revisions
from outlay.types import Budget
from outlay.verifiers.baselines import RandomScores
from toy import Digits


def test_the_record_holds_every_answer_by_address():
    record = Record()
    trace = outlay.solve(
        QUESTION,
        strategy=BudgetForcing(),
        model=CountingServer(),
        task=Digits(),
        budget=Budget(generations=3),
        record=record,
    )
    assert list(record.answers) == [(0,), (1,), (2,)]
    assert [list(record.first(count).answers) for count in (0, 2)] == [[], [(0,), (1,)]]
    assert [answer[0].text for answer in record.answers.values()] == [s.text for s in trace.solutions]


def test_a_long_record_is_gone_through_without_a_deep_stack():
    record = Record()

    def run():
        driver = BatchingDriver(Digits(), CountingModel(), RandomScores())
        (trace,) = driver.solve([Unit(QUESTION, Revisions(context=1), Budget(generations=3000), record=record)])
        return trace

    live, again = run(), run()
    assert len(record) == 3000
    assert again.solutions == live.solutions


def test_a_refusal_is_recorded_too():
    record = Record()
    driver = BatchingDriver(Digits(), CountingModel(), None, PRICES)
    (trace,) = driver.solve([Unit(QUESTION, BudgetForcing(), Budget(tokens=40), record=record)])
    assert isinstance(list(record.answers.values())[-1], BudgetExhausted)
    assert "the budget ran out" in trace.note


def test_a_trimmed_request_is_charged_as_it_was():
    record = Record()

    def run():
        driver = BatchingDriver(Digits(), CountingModel(), None, PRICES)
        (trace,) = driver.solve([Unit(QUESTION, MajorityVote(), Budget(generations=9, tokens=60), record=record)])
        return trace

    live, again = run(), run()
    assert len(live.solutions) == 5
    assert again.cost.generations == live.cost.generations == 5


def test_a_run_without_a_record_keeps_none():
    unit = Unit(QUESTION, MajorityVote(), Budget(generations=2))
    assert unit.record is None
    assert Unit(QUESTION, MajorityVote(), Budget(generations=2), record=Record()) == unit
