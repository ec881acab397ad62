import pytest

from outlay.errors import UserError
from outlay.report.reading import Estimate, bin_curves, curve, estimate, estimates


def test_points_without_a_value_are_left_out_and_the_rest_sorted_by_budget() -> None:
    read = curve("best_of_n", {"n": [4, 1, 2], "mean": [0.5, 0.2, None]}, "here")
    assert read is not None and (read.n, read.last) == ((1, 4), Estimate(0.5))


def test_an_empty_curve_is_absent() -> None:
    assert curve("pass", {"n": [], "mean": []}, "here") is None


def test_lists_of_different_lengths_are_reported_with_their_place() -> None:
    with pytest.raises(UserError, match=r"groups\[0\]\.curves\.pass\.mean .* has 2 values where 3"):
        curve("pass", {"n": [1, 2, 4], "mean": [0.1, 0.2]}, "groups[0].curves.pass")


def test_a_word_where_a_number_belongs_is_reported() -> None:
    with pytest.raises(UserError, match="should be a number but is text"):
        estimate("high", "here")


def test_numbers_that_are_not_finite_are_absent() -> None:
    assert estimate({"mean": 0.4, "low": float("nan"), "high": float("inf")}, "here") == Estimate(0.4)


def test_estimates_read_alike_from_columns_and_from_rows() -> None:
    columns = {"mean": [0.1, 0.2], "low": [0.0, 0.1], "high": [0.2, 0.3]}
    rows = [{"mean": 0.1, "low": 0.0, "high": 0.2}, {"mean": 0.2, "low": 0.1, "high": 0.3}]
    assert estimates(columns, "here") == estimates(rows, "here")


def test_curves_of_bins_are_read_bin_by_bin() -> None:
    read = bin_curves({"pass": {"n": [1, 2], "mean": [[0.9, 1.0], [0.1, 0.2]]}}, "here")
    assert [found["pass"].last.mean for found in read] == [1.0, 0.2]


def test_a_bin_without_any_value_has_no_curve() -> None:
    assert bin_curves({"pass": {"n": [1], "mean": [[None], [0.3]]}}, "here")[0] == {}
