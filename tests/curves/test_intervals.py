import numpy as np
import pytest

from outlay.curves import interval, paired_difference
from outlay.curves.intervals import resample_counts
from outlay.errors import UserError


def test_all_right_is_clopper_pearson():
    result = interval(np.ones((20, 1)))
    assert (result.low[0], result.high[0]) == (pytest.approx(0.025 ** (1 / 20)), 1.0)


def test_all_wrong_is_clopper_pearson():
    result = interval(np.zeros((20, 1)), level=0.9)
    assert (result.low[0], result.high[0]) == (0.0, pytest.approx(1 - 0.05 ** (1 / 20)))


def test_ones_that_fell_short_by_rounding_still_agree():
    tenth = np.full((20, 1), 0.1)
    assert interval(sum(tenth for _ in range(10))).low[0] == pytest.approx(0.025 ** (1 / 20))


def test_costs_that_do_not_vary_have_no_width():
    result = interval(np.ones((20, 1)), proportions=False)
    assert (result.low[0], result.high[0]) == (1.0, 1.0)


def test_one_question_says_nothing():
    result = interval([[0.4]])
    assert (result.low[0], result.high[0]) == (0.0, 1.0)


def test_coverage_of_a_binomial_mean():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        result = interval((generator.random((80, 1)) < 0.4).astype(float), resamples=400, seed=trial)
        covered += result.low[0] <= 0.4 <= result.high[0]
    assert 0.90 <= covered / 200 <= 0.985


def test_width_is_that_of_the_normal_approximation():
    values = np.random.default_rng(1).random((2000, 1))
    result = interval(values)
    expected = 2 * 1.96 * values.std() / np.sqrt(2000)
    assert result.high[0] - result.low[0] == pytest.approx(expected, rel=0.06)


def test_same_seed_same_interval():
    values = np.random.default_rng(2).random((50, 3))
    np.testing.assert_array_equal(interval(values, seed=5).low, interval(values, seed=5).low)


def test_columns_do_not_disturb_each_other():
    values = np.random.default_rng(3).random((50, 3))
    np.testing.assert_allclose(interval(values).low[1], interval(values[:, 1]).low[0])


def test_every_resample_has_as_many_questions():
    assert (resample_counts(37, 100, 0).sum(axis=1) == 37).all()


def test_missing_values_leave_the_questions_that_have_one():
    values = np.array([[1.0], [np.nan], [0.0], [0.5]])
    assert interval(values).mean[0] == 0.5


def test_a_column_without_values_is_nan():
    result = interval(np.array([[np.nan, 1.0], [np.nan, 0.0]]))
    assert np.isnan([result.mean[0], result.low[0], result.high[0]]).all()


def test_paired_difference_ignores_what_both_sides_share():
    generator = np.random.default_rng(4)
    shared = generator.random(300)
    result = paired_difference(shared * 0.5 + 0.1, shared * 0.5)
    assert result.high[0] - result.low[0] < 1e-9


def test_no_difference_at_all_is_not_certainty():
    result = paired_difference(np.ones(20), np.ones(20))
    assert result.high[0] == pytest.approx(1 - 0.025 ** (1 / 20)) and result.low[0] == -result.high[0]


def test_one_baseline_against_many_columns():
    assert paired_difference(np.ones((4, 3)), np.zeros(4)).mean.tolist() == [1.0, 1.0, 1.0]


def test_refuses_different_questions():
    with pytest.raises(UserError, match="same questions"):
        paired_difference(np.ones(4), np.ones(5))


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_refuses_a_level_that_is_no_probability(level):
    with pytest.raises(UserError, match="level"):
        interval(np.ones((3, 1)), level=level)


@pytest.mark.parametrize("difference", [0.0, 0.5, -1.0])
def test_a_difference_on_one_question_says_nothing_of_others(difference):
    result = paired_difference([0.5 + difference], [0.5])
    assert (result.low[0], result.high[0]) == (-1.0, 1.0)
