import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enumeration import pools
from outlay.curves import accuracy, auc, auc_by_question, auc_within_question, brier, reliability
from outlay.errors import UserError


def pairwise(correct, scores):
    right, wrong = scores[correct], scores[~correct]
    return np.mean((right[:, None] > wrong) + (right[:, None] == wrong) / 2) if right.size and wrong.size else np.nan


@given(pools())
def test_auc_counts_pairs(pool):
    correct, _, scores = pool
    np.testing.assert_allclose(auc_by_question([correct], [scores])[0], pairwise(correct, scores))


@given(pools(largest=6), pools(largest=6))
def test_overall_auc_counts_the_pairs_of_all_questions(one, two):
    n = min(one[0].size, two[0].size)
    correct, scores = (np.stack([one[part][:n], two[part][:n]]) for part in (0, 2))
    np.testing.assert_allclose(auc(correct, scores, resamples=5).value, pairwise(correct.ravel(), scores.ravel()))


@given(st.lists(pools(largest=6), min_size=1, max_size=4))
def test_within_question_auc_is_the_mean_over_questions_with_both_classes(questions):
    n = min(correct.size for correct, _, _ in questions)
    correct, scores = (np.stack([question[part][:n] for question in questions]) for part in (0, 2))
    own = [pairwise(c, s) for c, s in zip(correct, scores, strict=True) if c.any() and not c.all()]
    expected = np.mean(own) if own else np.nan
    np.testing.assert_allclose(auc_within_question(correct, scores, resamples=5).value, expected)


def test_difficulty_alone_raises_only_the_overall_auc():
    generator = np.random.default_rng(0)
    ease = generator.random((300, 1))
    correct = generator.random((300, 16)) < ease
    scores = ease + 0.001 * generator.random((300, 16))
    assert auc(correct, scores).value > 0.8
    assert auc_within_question(correct, scores).value == pytest.approx(0.5, abs=0.03)


def test_questions_of_one_class_do_not_count_within():
    assert auc_within_question([[True, True], [True, False]], [[0.1, 0.2], [0.9, 0.1]]).questions == 1


def test_no_question_with_both_classes_gives_nan():
    assert np.isnan(auc_within_question([[True, True]], [[0.1, 0.2]]).value)


def test_the_overall_interval_covers_repeated_data():
    generator = np.random.default_rng(1)
    values = []
    for _ in range(100):
        correct = generator.random((60, 8)) < generator.random((60, 1))
        values.append(auc(correct, correct + generator.normal(size=correct.shape), resamples=100))
    truth = np.mean([v.value for v in values])
    assert 0.88 <= np.mean([v.low <= truth <= v.high for v in values]) <= 1.0


def test_brier_of_a_sure_and_right_verifier_is_0():
    assert brier([[True, False]], [[1.0, 0.0]]).value == 0.0


def test_accuracy_counts_judgements():
    assert accuracy([[True, False, True, False]], [[0.9, 0.2, 0.3, 0.1]]).value == 0.75


def test_reliability_of_calibrated_scores_is_the_diagonal():
    generator = np.random.default_rng(2)
    scores = generator.random((500, 20))
    curve = reliability(generator.random(scores.shape) < scores, scores)
    assert np.abs(curve.predicted - curve.observed).max() < 0.04 and curve.count.sum() == scores.size


def test_calibration_refuses_logits():
    with pytest.raises(UserError, match="calibrated_scores"):
        reliability([[True, False]], [[3.0, -1.0]])


def test_a_reliability_bin_in_which_all_agree_does_not_claim_certainty():
    curve = reliability([[False, True]] * 10, [[0.05, 0.95]] * 10)
    assert curve.high[0] == pytest.approx(1 - 0.025 ** (1 / 10)) and curve.low[0] == 0
    assert curve.low[1] == pytest.approx(0.025 ** (1 / 10)) and curve.high[1] == 1
