import math

import numpy as np
import pytest
from hypothesis import given, settings

from enumeration import by_enumeration, pools, vote_credit
from outlay.curves import majority_at_k
from outlay.curves.majority import majority_of_classes
from outlay.errors import UserError


@given(pools(largest=9))
def test_equals_enumeration(pool):
    correct, answers, _ = pool
    n = correct.size
    expected = [by_enumeration(n, k, vote_credit(correct, answers, len)) for k in range(1, n + 1)]
    np.testing.assert_allclose(majority_at_k([correct], [answers], range(1, n + 1))[0], expected, atol=1e-12)


@pytest.mark.parametrize("n, classes, seed", [(40, 3, 0), (100, 12, 1), (256, 60, 2), (256, 2, 3), (1100, 5, 4)])
def test_the_classes_chances_of_winning_sum_to_one(n, classes, seed):
    generator = np.random.default_rng(seed)
    answers = generator.geometric(0.2, size=(1, n)) % classes
    ks = [1, 2, 7, n // 2, n - 1, n]
    total = sum(majority_at_k(answers == c, answers, ks) for c in np.unique(answers))
    np.testing.assert_allclose(total, 1.0, atol=1e-10)


def test_large_pools_agree_with_simulation():
    generator = np.random.default_rng(5)
    answers = np.repeat([[0, 1, 2]], [400, 380, 220], axis=1)
    draws = np.array([generator.permutation(answers[0])[:101] for _ in range(4000)])
    counts = np.stack([(draws == c).sum(axis=1) for c in range(3)], axis=1)
    wins = counts == counts.max(axis=1, keepdims=True)
    simulated = (wins[:, 0] / wins.sum(axis=1)).mean()
    assert abs(majority_at_k(answers == 0, answers, 101)[0, 0] - simulated) < 4 * 0.5 / np.sqrt(4000)


def test_counting_and_weighing_subsets_agree(monkeypatch):
    sizes, credits, ks = (
        np.array([30, 25, 25, 3, 3, 1, 1, 1]),
        np.array([0, 1, 0.5, 0, 1, 0, 1, 0.25]),
        np.arange(1, 99),
    )
    counted = majority_of_classes(sizes, credits, 10, 0.0, ks)
    monkeypatch.setattr("outlay.curves.majority._COUNTABLE", 10)
    np.testing.assert_allclose(majority_of_classes(sizes, credits, 10, 0.0, ks), counted, atol=1e-11)


def test_three_of_two_answers_is_hypergeometric():
    correct = np.array([[True] * 6 + [False] * 4])
    two_or_three = (math.comb(6, 2) * 4 + math.comb(6, 3)) / math.comb(10, 3)
    assert majority_at_k(correct, ~correct * 1, 3)[0, 0] == pytest.approx(two_or_three, abs=1e-12)


@settings(max_examples=30)
@given(pools(largest=20))
def test_values_lie_between_0_and_1(pool):
    values = majority_at_k([pool[0]], [pool[1]], range(1, pool[0].size + 1))
    assert ((values >= 0) & (values <= 1)).all()


def test_at_k_it_is_not_the_majority_of_the_first_k():
    correct, answers = np.array([[False, False, True, True, True, True]]), np.array([[1, 1, 0, 0, 0, 0]])
    assert majority_at_k(correct, answers, 2)[0, 0] == pytest.approx(6 / 15 + 8 / 15 / 2)


def test_nothing_but_missing_answers_counts_as_wrong():
    assert majority_at_k([[False, False]], [[-1, -1]], [1, 2]).tolist() == [[0.0, 0.0]]


def test_a_missing_answer_never_outvotes_an_answer():
    assert majority_at_k([[False, False, False, True]], [[-1, -1, -1, 0]], 4)[0, 0] == 1.0


def test_two_against_two_is_shared():
    assert majority_at_k([[True, True, False, False]], [[7, 7, 3, 3]], 4)[0, 0] == 0.5


def test_a_mixed_class_counts_with_its_mean():
    assert majority_at_k([[True, False, False]], [[0, 0, 1]], 3)[0, 0] == 0.5


def test_refuses_scores_in_the_place_of_answers():
    with pytest.raises(UserError, match="must be integers"):
        majority_at_k([[True, False]], [[0.9, 0.1]], 1)


def test_refuses_other_negative_classes():
    with pytest.raises(UserError, match="question 0, sample 1"):
        majority_at_k([[True, False]], [[0, -2]], 1)
