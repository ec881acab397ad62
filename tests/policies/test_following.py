import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import voting, with_large

from outlay.drive.replay import replay as run_over
from outlay.errors import Unsupported
from outlay.policies.fit_sequence import fit_sequence, replay
from outlay.policies.following import Following, Purse
from outlay.types import Budget, Question, Solution


def solutions(samples, question, order):
    return [
        Solution(
            answer=None if samples.answers[question, i] < 0 else f"answer {samples.answers[question, i]}",
            score=float(samples.probabilities[question, i]),
            step_scores=(float(samples.probabilities[question, i]),),
            finished=True,
        )
        for i in order
    ]


@pytest.mark.parametrize("kind", ["sequential", "threshold"])
def test_followed_over_recorded_samples_it_costs_and_answers_as_replays_say(kind):
    samples = voting()
    policy = fit_sequence(samples, [4], kind)
    orders = samples.orders(1, seed=2)
    correct, cost = replay(policy, samples, orders)
    for question in range(20):
        pool = solutions(samples, question, orders[0, question])
        got = run_over(Following(policy), Question(str(question), "?"), pool, Budget())
        assert got.cost.generations == cost[question, 0]
        if correct[question, 0] in (0.0, 1.0):
            assert (got.choice.answer == "answer 0") == bool(correct[question, 0])


def test_the_reason_of_stopping_is_noted():
    samples = voting()
    pool = solutions(samples, 0, np.arange(16))
    got = run_over(Following(fit_sequence(samples, [4])), Question("q", "?"), pool, Budget())
    assert "after" in got.choice.note or "most" in got.choice.note


def test_another_model_is_refused_where_there_is_one_only():
    samples = with_large(voting(questions=100), rate=1.0, cost=1.0)
    policy = fit_sequence(samples, [4])
    with pytest.raises(Unsupported, match="switches to large"):
        run_over(Following(policy), Question("q", "?"), solutions(samples, 0, np.arange(16)), Budget())


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 60), st.lists(st.integers(1, 9), max_size=60))
def test_a_purse_is_never_overspent_and_leaves_no_question_without_an_answer(questions, more, wanted):
    total = questions + more
    purse = Purse(total, questions)
    firsts = [purse.grant(wanted[i % len(wanted)] if wanted else 1, first=True) for i in range(questions)]
    later = [purse.grant(n, first=False) for n in wanted]
    assert min(firsts) >= 1 and sum(firsts) + sum(later) <= total


def test_following_with_an_empty_purse_answers_with_what_there_is():
    samples = voting()
    pool = solutions(samples, 0, np.arange(16))
    got = run_over(
        Following(fit_sequence(samples, [8], "fixed"), purse=Purse(2, 1)), Question("q", "?"), pool, Budget()
    )
    assert got.cost.generations == 2 and got.choice.note == "the budget ran out"
