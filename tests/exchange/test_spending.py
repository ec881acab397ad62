import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.errors import UserError
from outlay.exchange import Matched, Spending, matched

COSTS = np.array([[8.0, 16.0, 32.0], [12.0, 24.0, 48.0]])  # means 10, 20, 40


def drawn(any_size: bool = True) -> Spending:
    return Spending("best_of_n", np.array([1, 2, 4]), np.zeros((2, 3)), COSTS, any_size)


@pytest.mark.parametrize(
    ("budget", "found"),
    [
        (9.9, Matched(None, False)),
        (10.0, Matched(0, False)),
        (39.9, Matched(1, False)),
        (40.0, Matched(2, False)),
        (49.9, Matched(2, False)),
        (50.0, Matched(2, True)),
    ],
)
def test_a_budget_buys_the_largest_size_whose_mean_cost_it_covers(budget: float, found: Matched) -> None:
    assert matched(drawn(), budget) == found


def test_a_search_is_beyond_what_was_run_only_where_twice_its_size_would_fit() -> None:
    assert not matched(drawn(any_size=False), 79.0).beyond
    assert matched(drawn(any_size=False), 80.0).beyond


@given(budget=st.floats(0.1, 100))
def test_what_is_bought_is_never_dearer_than_the_budget(budget: float) -> None:
    place = matched(drawn(), budget).place
    assert place is None or drawn().mean_flops[place] <= budget * (1 + 1e-6)


def test_sizes_that_do_not_rise_or_do_not_match_are_refused() -> None:
    with pytest.raises(UserError, match="sizes must rise"):
        Spending("best_of_n", np.array([2, 2, 4]), np.zeros((2, 3)), COSTS)
    with pytest.raises(UserError, match=r"\[questions, 2 sizes\]"):
        Spending("best_of_n", np.array([1, 2]), np.zeros((2, 3)), COSTS)


def test_some_questions_alone() -> None:
    assert drawn().on([1]).mean_flops.tolist() == [12.0, 24.0, 48.0]
