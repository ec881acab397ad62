import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.errors import UserError
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import Charges, Rule, charge, choose


def table(budget, reuses=(), accuracy=None, questions=2):
    budget = np.asarray(budget, dtype=float)
    return Candidates(
        names=tuple(f"candidate {i}" for i in range(budget.size)),
        specs=tuple({"name": "toy", "number": i} for i in range(budget.size)),
        budget=budget,
        accuracy=np.zeros((questions, budget.size)) if accuracy is None else accuracy,
        cost=np.tile(budget, (questions, 1)),
        reuses_pilot=reuses,
    )


def chosen(accuracy, cost, budget, rule=None, bin_of=None):
    """The choice at one budget where every candidate costs `cost` on every question."""
    accuracy, cap = np.asarray(accuracy, dtype=float), np.asarray(cost, dtype=float)
    bins = np.zeros(len(accuracy), dtype=np.int64) if bin_of is None else np.asarray(bin_of)
    charges = Charges(np.tile(cap, (len(accuracy), 1)), cap)
    return choose(accuracy, charges, bins, int(bins.max()) + 1, np.array([budget], dtype=float), rule or Rule())[:, 0]


def test_the_most_accurate_that_fits_is_chosen():
    assert chosen([[0.1, 0.5, 0.9]], [1, 4, 16], budget=4) == [1]


def test_every_bin_chooses_for_itself():
    assert chosen([[0.9, 0.1], [0.2, 0.8]], [4, 4], budget=4, bin_of=[0, 1]).tolist() == [0, 1]


def test_nothing_fits_is_minus_1():
    assert chosen([[0.5]], [4], budget=3) == [-1]


def test_a_cap_counts_even_where_the_mean_cost_is_small():
    charges = Charges(cost=np.array([[1.0, 2.0]]), cap=np.array([16.0, 2.0]))
    picked = choose(np.array([[0.9, 0.1]]), charges, np.zeros(1, dtype=np.int64), 1, np.array([4.0]), Rule())
    assert picked.tolist() == [[1]]


def test_equals_take_the_cheaper_then_the_first():
    assert chosen([[0.5, 0.5, 0.5]], [4, 1, 1], budget=4) == [1]


accuracies = st.lists(st.lists(st.integers(0, 4).map(lambda v: v / 4), min_size=3, max_size=3), min_size=1, max_size=6)


@given(accuracies)
def test_without_options_nothing_that_fits_is_better(accuracy):
    pick = chosen(accuracy, [1, 2, 8], budget=2)[0]
    assert np.mean(accuracy, axis=0)[pick] == pytest.approx(np.mean(accuracy, axis=0)[:2].max())


@given(accuracies)
def test_one_standard_error_never_costs_more(accuracy):
    costs = [1, 2, 8]
    plain, thrifty = (chosen(accuracy, costs, 8, Rule(one_standard_error=flag))[0] for flag in (False, True))
    assert costs[thrifty] <= costs[plain]


def test_one_standard_error_is_of_the_paired_difference():
    shared_luck = np.random.default_rng(0).random(50) * 0.5
    accuracy = np.stack([shared_luck, shared_luck + 0.1], axis=1)  # always a tenth better, whatever the luck
    assert chosen(accuracy, [1, 4], 4, Rule(one_standard_error=True)) == [1]


def test_one_standard_error_takes_the_cheaper_of_two_that_noise_cannot_part():
    accuracy = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
    assert chosen(accuracy, [1, 4], 4, Rule(one_standard_error=True)) == [0]
    assert chosen(accuracy, [1, 4], 4) == [1]


@pytest.mark.parametrize("shrinkage, expected", [(0.0, [0, 1]), (0.2, [0, 1]), (0.4, [0, 0]), (1e6, [0, 0])])
def test_shrinkage_draws_a_small_bin_towards_all_questions(shrinkage, expected):
    accuracy = [[0.9, 0.1]] * 9 + [
        [0.4, 0.6]
    ]  # contrasts: -0.2 in the second bin, 0.7 overall; even at 0.2 / 0.7 = 0.29
    assert chosen(accuracy, [4, 4], 4, Rule(shrinkage=shrinkage), [0] * 9 + [1]).tolist() == expected


def test_an_estimate_is_added_to_what_does_not_reuse_it():
    charges = charge(table([4, 16], reuses=(True, False)), difficulty_cost=3)
    assert charges.cost[0].tolist() == [4.0, 19.0] and charges.cap.tolist() == [4.0, 19.0]


def test_a_pilot_larger_than_what_reuses_it_is_paid_in_full():
    assert charge(table([2], reuses=(True,)), difficulty_cost=8).cost[0].tolist() == [8.0]


def test_refuses_an_estimate_that_earns_compute():
    with pytest.raises(UserError, match="at least 0"):
        charge(table([2]), difficulty_cost=-1)
