import numpy as np
import pytest
from hypothesis import example, given, settings

from enumeration import by_enumeration, pools, vote_credit
from outlay.curves import class_times_score_at_k, majority_at_k, weighted_at_k, weighted_with_error
from outlay.errors import UserError


def some_pool(seed=0, questions=12, n=24):
    generator = np.random.default_rng(seed)
    answers = generator.integers(-1, 4, (questions, n))
    correct = (answers == 0) | (generator.random((questions, n)) < 0.1)
    return correct, answers, generator.integers(0, 9, (questions, n)) / 8


@settings(max_examples=100, deadline=None)
@example((np.array([False, True]), np.array([-1, -1]), np.zeros(2)))
@given(pools(largest=6))
def test_lies_within_its_error_of_enumeration_and_exact_at_the_ends(pool):
    correct, answers, scores = pool
    n = correct.size
    credit = vote_credit(correct, answers, lambda members: scores[members].sum())
    expected = np.array([by_enumeration(n, k, credit) for k in range(1, n + 1)])
    result = weighted_with_error([correct], [answers], [scores], range(1, n + 1), permutations=400)
    np.testing.assert_allclose(result.values[0, [0, -1]], expected[[0, -1]], atol=1e-12)
    assert (np.abs(result.values[0] - expected) <= 6 * result.error[0] + 0.02).all()


@pytest.mark.parametrize("constant", [1.0, 0.7, 0.1])
def test_any_constant_score_gives_the_same_votes(constant):
    correct, answers, _ = some_pool()
    one = weighted_at_k(correct, answers, np.ones(correct.shape), [2, 5, 16], seed=3)
    np.testing.assert_array_equal(
        weighted_at_k(correct, answers, np.full(correct.shape, constant), [2, 5, 16], seed=3), one
    )


def test_a_constant_score_is_majority_within_the_error():
    correct, answers, _ = some_pool()
    ks = [1, 3, 8, 24]
    result = weighted_with_error(correct, answers, np.full(correct.shape, 0.3), ks, permutations=4000)
    exact = majority_at_k(correct, answers, ks)
    assert (np.abs(result.values - exact) <= 5 * result.error + 1e-12).all()


def test_an_all_zero_verifier_shares_the_win_among_those_drawn():
    value = weighted_at_k([[True, False, False]], [[0, 1, -1]], [[0.0, 0.0, 0.9]], 3)
    assert value[0, 0] == 0.5


def test_where_nobody_answers_the_credit_is_their_own():
    values = weighted_at_k([[False, True, False, True]], [[-1] * 4], [[0.0, 0.9, 0.0, 0.2]], [1, 2, 4])
    np.testing.assert_array_equal(values, 0.5)


def test_a_missing_answer_never_outvotes_an_answer():
    assert weighted_at_k([[False, False, True]], [[-1, -1, 0]], [[0.9, 0.9, 0.0]], 3)[0, 0] == 1.0


def test_a_score_that_is_not_read_may_be_anything():
    assert weighted_at_k([[True, False]], [[0, -1]], [[0.5, -np.inf]], 2)[0, 0] == 1.0


def test_other_questions_do_not_change_a_question():
    correct, answers, scores = some_pool()
    alone = weighted_at_k(correct[:3], answers[:3], scores[:3], [4, 9])
    np.testing.assert_array_equal(weighted_at_k(correct, answers, scores, [4, 9])[:3], alone)


def test_other_ks_do_not_change_a_k():
    correct, answers, scores = some_pool()
    np.testing.assert_array_equal(
        weighted_at_k(correct, answers, scores, [2, 4, 9])[:, 1:2], weighted_at_k(correct, answers, scores, 4)
    )


def test_pools_of_unequal_size():
    correct, answers, scores = some_pool()
    valid = np.ones(correct.shape, dtype=bool)
    valid[5, 10:] = False
    values = weighted_at_k(correct, answers, scores, [1, 10, 16], valid=valid)
    assert np.isnan(values[5, 2]) and values[5, 0] == pytest.approx(correct[5, :10].mean())


def test_the_reported_error_is_the_spread_over_seeds():
    correct, answers, scores = some_pool(questions=1)
    runs = [weighted_with_error(correct, answers, scores, 8, permutations=100, seed=s) for s in range(200)]
    spread = np.std([run.values[0, 0] for run in runs])
    reported = np.mean([run.error[0, 0] for run in runs])
    assert 0.8 < spread / reported < 1.25


@pytest.mark.parametrize("bad", [-0.1, 1.5, -np.inf])
def test_refuses_scores_that_are_no_probabilities(bad):
    with pytest.raises(UserError, match="calibrated_scores"):
        weighted_at_k([[True, False]], [[0, 1]], [[0.5, bad]], 1)


def test_consensus_is_the_sum_of_scores_at_full_size():
    correct, answers, scores = some_pool()
    consensus = class_times_score_at_k(correct, answers, scores, [4, 9])
    np.testing.assert_array_equal(consensus.values, weighted_at_k(correct, answers, scores, [4, 9]))


@pytest.mark.parametrize("power, expected", [(1.0, 0.0), (0.0, 1.0)])
def test_consensus_by_size_power(power, expected):
    result = class_times_score_at_k([[True, False, False, False]], [[0, 1, 1, 1]], [[5, 2, 2, 2]], 4, size_power=power)
    assert result.values[0, 0] == expected


def test_consensus_takes_scores_of_any_scale():
    assert class_times_score_at_k([[True, False]], [[0, 1]], [[1000, 999]], 2).values[0, 0] == 1.0
