import numpy as np
import pytest
from hypothesis import given

from enumeration import by_enumeration, pools
from outlay.curves import pass_at_k
from outlay.errors import UserError


@given(pools())
def test_equals_enumeration(pool):
    correct, _, _ = pool
    n = correct.size
    expected = [by_enumeration(n, k, lambda subset: float(correct[subset].any())) for k in range(1, n + 1)]
    np.testing.assert_allclose(pass_at_k([correct], range(1, n + 1))[0], expected, atol=1e-12)


def test_closed_form_of_three_right_in_ten():
    correct = [[True] * 3 + [False] * 7]
    np.testing.assert_allclose(pass_at_k(correct, [1, 2, 8]), [[0.3, 1 - 21 / 45, 1.0]], atol=1e-15)


def test_large_pool_does_not_overflow():
    correct = np.zeros((1, 5000), dtype=bool)
    correct[0, 0] = True
    np.testing.assert_allclose(pass_at_k(correct, [2500]), [[0.5]])


def test_a_single_k_gives_one_column():
    assert pass_at_k([[True, False]], 1).shape == (1, 1)


def test_smaller_pools_are_nan_beyond_their_size():
    correct = np.array([[True, False, False], [True, False, True]])
    valid = np.array([[True, True, False], [True, True, True]])
    np.testing.assert_allclose(pass_at_k(correct, [1, 3], valid=valid), [[0.5, np.nan], [2 / 3, 1.0]])


def test_absent_samples_may_stand_anywhere():
    correct, valid = np.array([[True, True, False]]), np.array([[False, True, True]])
    np.testing.assert_allclose(pass_at_k(correct, [1, 2], valid=valid), [[0.5, 1.0]])


@pytest.mark.parametrize("k", [0, 3, [1, 4], [], 1.5])
def test_refuses_k_outside_the_pool(k):
    with pytest.raises(UserError, match="`k` must"):
        pass_at_k([[True, False]], k)


def test_refuses_values_that_are_not_true_or_false():
    with pytest.raises(UserError, match="only true and false"):
        pass_at_k([[0.5, 1.0]], 1)


def test_refuses_a_flat_list():
    with pytest.raises(UserError, match="reshape one question"):
        pass_at_k([True, False], 1)
