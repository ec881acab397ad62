import numpy as np
import pytest
from hypothesis import given

from enumeration import best_credit, by_enumeration, pools
from outlay.curves import best_of_k, pass_at_k
from outlay.errors import UserError


@given(pools())
def test_equals_enumeration_with_ties_and_unparsable_solutions(pool):
    correct, answers, scores = pool
    scores = np.where(answers < 0, -np.inf, scores)
    n = correct.size
    expected = [by_enumeration(n, k, best_credit(correct, scores)) for k in range(1, n + 1)]
    np.testing.assert_allclose(best_of_k([correct], [scores], range(1, n + 1))[0], expected, atol=1e-12)


@given(pools())
def test_an_oracle_verifier_reaches_coverage(pool):
    correct = pool[0][None]
    ks = range(1, correct.size + 1)
    np.testing.assert_allclose(best_of_k(correct, correct.astype(float), ks), pass_at_k(correct, ks), atol=1e-12)


def test_a_constant_score_is_pass_at_1():
    correct = np.random.default_rng(0).random((5, 64)) < 0.3
    constant = np.full(correct.shape, 0.7)
    expected = np.repeat(correct.mean(axis=1, keepdims=True), 3, axis=1)
    np.testing.assert_allclose(best_of_k(correct, constant, [1, 8, 64]), expected)


def test_unparsable_loses_to_the_lowest_finite_score():
    assert best_of_k([[True, False]], [[-1e300, -np.inf]], 2)[0, 0] == 1.0


def test_order_of_samples_does_not_matter():
    generator = np.random.default_rng(1)
    correct, scores = generator.random((1, 30)) < 0.4, generator.integers(0, 5, (1, 30)) / 4
    order = generator.permutation(30)
    np.testing.assert_allclose(
        best_of_k(correct, scores, [1, 4, 30]), best_of_k(correct[:, order], scores[:, order], [1, 4, 30])
    )


def test_refuses_nan_and_says_where():
    with pytest.raises(UserError, match="NaN at question 0, sample 1"):
        best_of_k([[True, False]], [[0.1, np.nan]], 1)


def test_nan_is_allowed_where_there_is_no_sample():
    value = best_of_k([[True, False]], [[0.1, np.nan]], 1, valid=[[True, False]])
    assert value[0, 0] == 1.0
