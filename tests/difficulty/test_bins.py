import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.difficulty import Bins, agreement
from outlay.errors import UserError

values = st.lists(st.integers(0, 6).map(lambda v: v / 6), min_size=1, max_size=40)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_distinct_values_give_bins_of_equal_size(count):
    x = np.random.default_rng(0).permutation(count * 12) / 7.0
    assert np.bincount(Bins.fit(x, count).assign(x)).tolist() == [12] * count


def test_bin_0_is_the_easiest():
    assert Bins.fit([0.1, 0.9], 2).assign([0.9, 0.1]).tolist() == [0, 1]


@given(values, st.integers(1, 8))
def test_equal_values_share_a_bin_and_easier_is_never_in_a_harder_one(x, count):
    placed = Bins.fit(x, count).assign(x)
    assert all((a <= b) for v, a in zip(x, placed, strict=True) for w, b in zip(x, placed, strict=True) if v >= w)


@given(values, st.integers(1, 8))
def test_no_bin_is_empty(x, count):
    bins = Bins.fit(x, count)
    assert sorted(set(bins.assign(x).tolist())) == list(range(bins.count))


def test_a_new_question_is_placed_by_the_kept_edges():
    assert Bins(edges=(0.5, 0.2)).assign([0.9, 0.5, 0.3, 0.0, -np.inf]).tolist() == [0, 0, 1, 2, 2]


def test_many_unsolved_questions_leave_fewer_bins():
    assert Bins.fit([0.0] * 60 + [0.5] * 20 + [1.0] * 20, 5).count == 3


def test_no_values_differ_gives_one_bin():
    assert Bins.fit([0.3] * 5, 5) == Bins(())


def test_neighbouring_floats_are_still_parted():
    x = [1.0, np.nextafter(1.0, 2.0)]
    assert Bins.fit(x, 2).assign(x).tolist() == [1, 0]


@pytest.mark.parametrize("bad", [[], [[0.1]], [np.nan]])
def test_refuses_values_that_cannot_be_cut(bad):
    with pytest.raises(UserError):
        Bins.fit(bad)


def test_refuses_rising_edges():
    with pytest.raises(UserError, match="must fall"):
        Bins(edges=(0.2, 0.5))


def test_agreement_of_equal_binnings_is_1():
    result = agreement([0, 1, 2, 2], [0, 1, 2, 2])
    assert (result.accuracy, result.precision.tolist()) == (1.0, [1.0, 1.0, 1.0])


def test_confusion_has_oracle_rows_and_predicted_columns():
    assert agreement([1, 1, 0], [0, 1, 0]).confusion.tolist() == [[1, 1], [0, 1]]


def test_precision_of_a_bin_that_was_never_predicted_is_nan():
    assert np.isnan(agreement([0, 0], [0, 1]).precision[1])


def test_chance_of_five_equal_bins_is_a_fifth():
    five = np.repeat(np.arange(5), 4)
    assert agreement(five, five).chance == pytest.approx(0.2)


def test_a_given_count_fixes_the_table():
    assert agreement([0, 0], [0, 1], count=5).confusion.shape == (5, 5)


def test_refuses_bins_beyond_the_count():
    with pytest.raises(UserError, match=r"0\.\.1"):
        agreement([0, 2], [0, 1], count=2)
