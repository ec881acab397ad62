import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.curves import compute_ratio
from outlay.errors import UserError


def same(curve, questions=30):
    """The same accuracies for every question, so that resampling changes nothing."""
    return np.tile(np.asarray(curve, dtype=float), (questions, 1))


def test_at_a_measured_point_it_is_the_quotient_of_costs():
    assert compute_ratio([1, 4, 16], same([0.2, 0.5, 0.7]), 2.0, same([0.5])[:, 0]).value == pytest.approx(2.0)


def test_between_points_the_cost_is_log_interpolated():
    assert compute_ratio([1, 4, 16], same([0.2, 0.5, 0.7]), 1.0, same([0.6])[:, 0]).value == pytest.approx(8.0)


def test_a_falling_baseline_is_read_by_its_running_maximum():
    ratio = compute_ratio([1, 4, 16, 64], same([0.2, 0.5, 0.3, 0.6]), 1.0, same([0.55])[:, 0])
    assert ratio.value == pytest.approx(32.0) and not ratio.censored


def test_the_first_cost_that_reaches_counts():
    assert compute_ratio([1, 4, 16], same([0.2, 0.5, 0.5]), 1.0, same([0.5])[:, 0]).value == pytest.approx(4.0)


def test_a_baseline_that_never_gets_there_is_censored():
    ratio = compute_ratio([1, 4], same([0.2, 0.5]), 2.0, same([0.9])[:, 0])
    assert (ratio.value, ratio.censored, ratio.high) == (pytest.approx(2.0), True, math.inf)


def test_high_is_infinite_when_enough_resamples_are_censored():
    generator = np.random.default_rng(0)
    base = (generator.random((200, 1)) < [0.3, 0.6]).astype(float)
    policy = (generator.random(200) < 0.6).astype(float)
    ratio = compute_ratio([1, 4], base, 1.0, policy)
    assert ratio.censored_share > 0.025 and ratio.high == math.inf and math.isfinite(ratio.low)


def test_a_policy_equal_to_the_baseline_saves_nothing():
    base = (np.random.default_rng(1).random((100, 1)) < [0.3, 0.5, 0.7]).astype(float)
    ratio = compute_ratio([1, 4, 16], base, [1, 4, 16], base)
    np.testing.assert_allclose(ratio.value, 1.0)


def test_below_the_first_point_the_first_cost_counts():
    assert compute_ratio([2, 4], same([0.5, 0.6]), 1.0, same([0.1])[:, 0]).value == pytest.approx(2.0)


def test_the_interval_holds_the_value():
    generator = np.random.default_rng(2)
    base = (generator.random((150, 1)) < [0.3, 0.5, 0.8]).astype(float)
    ratio = compute_ratio([1, 4, 16], base, 2.0, (generator.random(150) < 0.5).astype(float))
    assert ratio.low <= ratio.value <= ratio.high


def test_costs_by_question():
    costs = np.tile([1.0, 4.0], (30, 1))
    assert compute_ratio(costs, same([0.2, 0.5]), np.full(30, 2.0), same([0.5])[:, 0]).value == pytest.approx(2.0)


def test_refuses_falling_costs():
    with pytest.raises(UserError, match="rising cost"):
        compute_ratio([4, 1], same([0.2, 0.5]), 1.0, same([0.5])[:, 0])


def test_refuses_free_policies():
    with pytest.raises(UserError, match="positive"):
        compute_ratio([1, 4], same([0.2, 0.5]), 0.0, same([0.5])[:, 0])


def read_off(costs, curve, accuracy):
    """The definition, point by point: (cost at which the running maximum reaches the accuracy, whether it does)."""
    best = [max(curve[: i + 1]) for i in range(len(curve))]
    for i, (cost, level) in enumerate(zip(costs, best, strict=True)):
        if level >= accuracy:
            if i == 0:
                return cost, True
            share = (accuracy - best[i - 1]) / (level - best[i - 1])
            return costs[i - 1] ** (1 - share) * cost**share, True
    return costs[-1], False


tenths = st.integers(0, 10).map(lambda v: v / 10)


@given(st.lists(tenths, min_size=1, max_size=6), tenths)
def test_equals_a_plain_reading_of_the_definition(curve, accuracy):
    costs = [3.0**i for i in range(len(curve))]
    ratio = compute_ratio(costs, same(curve, 2), 2.0, same([accuracy], 2)[:, 0], resamples=20)
    cost, reached = read_off(costs, curve, accuracy)
    assert (ratio.value, ratio.censored) == (pytest.approx(cost / 2.0), not reached)


def test_the_interval_covers_a_known_ratio():
    generator = np.random.default_rng(3)
    covered = 0
    for trial in range(100):
        base = generator.random((150, 4)) < [0.2, 0.4, 0.6, 0.8]
        policy = generator.random(150) < 0.6
        ratio = compute_ratio([1, 4, 16, 64], base, 4.0, policy, resamples=200, seed=trial)
        covered += ratio.low <= 4.0 <= ratio.high
    assert covered >= 88
