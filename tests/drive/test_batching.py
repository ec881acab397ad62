from dataclasses import replace

import pytest

from outlay import models, tasks, verifiers
from outlay.drive.batching import MODEL_AHEAD, BatchingDriver
from outlay.drive.serving import Unit
from outlay.strategies import BeamSearch, BestOfN, Greedy, Lookahead, MajorityVote, WeightedBestOfN
from outlay.types import Budget, Sample
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, Digits

MIXED = ((BestOfN(), 6), (BeamSearch(width=2), 4), (Lookahead(width=2), 4), (Greedy(), 1))


def units(questions, strategies=MIXED):
    return [Unit(question, strategy, Budget(generations=n)) for strategy, n in strategies for question in questions]


def outcome(traces):
    return {
        (t.question.id, str(t.strategy), t.budget): (
            t.answer,
            t.solutions,
            t.chosen,
            t.cost.generated_tokens,
            t.cost.verifier_prompt_tokens,
        )
        for t in traces
    }


@pytest.fixture(scope="module")
def countdown():
    task = tasks.load("countdown")
    return task, task.questions("validation", 6)


def run_embedded(task, wanted, slots):
    model = models.load("embedded:countdown-small", slots=slots)
    verifier = verifiers.load("embedded:countdown-prm", slots=slots)
    return outcome(BatchingDriver(task, model, verifier).solve(wanted))


def test_slots_and_order_do_not_change_a_single_bit(countdown):
    task, questions = countdown
    wanted = units(questions)
    reference = run_embedded(task, wanted, slots=128)
    assert len(reference) == len(wanted)
    assert run_embedded(task, wanted[::-1], slots=5) == reference


def test_strategies_at_different_depths_share_one_block_of_the_engine(countdown):
    task, questions = countdown
    model = models.load("embedded:countdown-small", slots=16)
    engine = model._engine
    mixed = 0
    original = engine._advance

    def watch(group):
        nonlocal mixed
        positions = {int(group.position[lane]) for lane in range(len(group.sequences)) if group.active[lane]}
        mixed += len(positions) > 1
        original(group)

    engine._advance = watch
    traces = list(BatchingDriver(task, model, RandomScores()).solve(units(questions)))
    assert len(traces) == 4 * len(questions)
    assert mixed > engine.counters.blocks / 2


def test_blocks_stay_full_while_there_is_work(countdown):
    task, questions = countdown
    model = models.load("embedded:countdown-small", slots=8)
    list(BatchingDriver(task, model, RandomScores()).solve(units(questions, ((BestOfN(), 16),))))
    counters = model._engine.counters
    assert counters.rows / counters.blocks > 0.85 * 8


def test_a_thousand_questions_are_admitted_as_room_comes_free():
    model = DigitModel(capacity=4)
    most = 0

    class Watched(BatchingDriver):
        def _advance(self):
            nonlocal most
            most = max(most, self.model.backlog)
            super()._advance()

    traces = list(Watched(Digits(), model, RandomScores()).solve(units(Digits().questions("test", 250))))
    assert len(traces) == 1000
    assert most <= MODEL_AHEAD * 4 + 4


def test_an_empty_list_of_units_is_no_work():
    assert list(BatchingDriver(Digits(), DigitModel()).solve([])) == []


def test_samples_of_a_smaller_budget_are_the_first_of_a_larger_one():
    def texts(n):
        driver = BatchingDriver(Digits(), DigitModel(), RandomScores())
        (trace,) = driver.solve([Unit(Digits().questions("test", 1)[0], BestOfN(), Budget(generations=n))])
        return [s.text for s in trace.solutions]

    assert texts(16)[:5] == texts(5)


def test_another_seed_gives_other_samples():
    def texts(seed):
        driver = BatchingDriver(Digits(), DigitModel(), RandomScores())
        (trace,) = driver.solve([Unit(Digits().questions("test", 1)[0], BestOfN(), Budget(generations=8), seed)])
        return [s.text for s in trace.solutions]

    assert texts(0) != texts(1)


def test_a_search_draws_its_own_samples_and_pools_share_theirs():
    def first(strategy, n):
        driver = BatchingDriver(Digits(), DigitModel(depth=1), RandomScores())
        (trace,) = driver.solve([Unit(Digits().questions("test", 1)[0], strategy, Budget(generations=n))])
        return [s.text for s in trace.solutions]

    pool = first(BestOfN(), 8)
    assert first(WeightedBestOfN(), 8) == first(MajorityVote(), 8) == pool
    assert first(BeamSearch(), 8) != pool
    assert first(BeamSearch(width=2), 8) != first(BeamSearch(), 8)


def test_what_estimates_difficulty_is_entered_as_pilot():
    driver = BatchingDriver(Digits(), DigitModel(), RandomScores())
    (question,) = Digits().questions("test", 1)
    (trace,) = driver.solve([Unit(question, BestOfN(), Budget(generations=4), purpose="difficulty")])
    assert trace.cost.pilot == trace.cost.generated_tokens > 0
    (trace,) = driver.solve([Unit(question, BestOfN(), Budget(generations=4))])
    assert trace.cost.pilot == 0


def test_a_prefix_read_from_a_trace_is_continued_like_a_live_one(countdown):
    _, questions = countdown
    model = models.load("embedded:countdown-small")

    def sampled(request):
        model.begin(request, [7], "tag")
        while True:
            for _, solutions in model.advance():
                return solutions[0]

    live = sampled(Sample(questions[0], until="step"))
    recorded = replace(live, state=None)
    again, fresh = (sampled(Sample(questions[0], prefix=prefix, until="step")) for prefix in (live, recorded))
    assert again == fresh
    assert again.state == fresh.state


def test_an_answer_that_several_samples_give_is_judged_once():
    judged = []

    class Watched(Digits):
        def grade(self, question, answer):
            judged.append(answer)
            return super().grade(question, answer)

    task = Watched()
    unit = Unit(task.questions("test", 1)[0], MajorityVote(), Budget(generations=40))
    (trace,) = BatchingDriver(task, DigitModel()).solve([unit])
    assert len(trace.solutions) == 40
    assert sorted(judged) == sorted({solution.answer for solution in trace.solutions})
    assert trace.solution_correct == tuple(solution.answer == "0" for solution in trace.solutions)
