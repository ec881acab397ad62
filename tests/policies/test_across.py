from itertools import product

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import two_kinds

from outlay.errors import UserError
from outlay.policies import (
    AcrossPlan,
    AcrossPolicy,
    Choice,
    Difficulty,
    Policy,
    Spend,
    State,
    across,
    best_fixed,
)
from outlay.policies.across import concave, split

points = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 10)), min_size=1, max_size=7)


@settings(deadline=None)
@given(points)
def test_the_hull_is_concave_and_above_every_candidate(candidates):
    cost, accuracy = np.array(candidates, dtype=float).T
    hull = concave(cost, accuracy)
    slopes = np.diff(accuracy[hull]) / np.diff(cost[hull])
    assert (np.diff(slopes) < 1e-9).all() and (slopes > 0).all()
    for c, a in candidates:
        if c >= cost[hull[0]]:
            assert a <= np.interp(c, cost[hull], accuracy[hull]) + 1e-9


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_no_mixture_of_candidates_within_the_budget_is_better(seed):
    generator = np.random.default_rng(seed)
    cost = np.sort(generator.integers(1, 9, (2, 3)), axis=1).astype(float)
    accuracy = generator.random((2, 3))
    weights = np.array([0.5, 0.5])
    budget = float(cost[:, 0].mean() + generator.random() * 4)
    found = split(cost, accuracy, weights, np.array([budget]))

    def mean(table):
        rows = np.arange(2)
        low, high = table[rows, found.low[:, 0]], table[rows, found.high[:, 0]]
        return float((weights * (low + found.share[:, 0] * (high - low))).sum())

    assert mean(cost) <= budget * (1 + 1e-6)
    for first, second in product(range(3), range(3)):
        if weights @ [cost[0, first], cost[1, second]] <= budget:
            assert weights @ [accuracy[0, first], accuracy[1, second]] <= mean(accuracy) + 1e-9


def test_a_budget_below_the_cheapest_is_refused():
    with pytest.raises(UserError, match="below 2"):
        split(np.array([[2.0]]), np.array([[0.5]]), np.array([1.0]), np.array([1.0]))


def test_compute_moves_from_easy_questions_to_hard_ones():
    """Easy questions need 4, hard ones 16: at a mean of 10 all get what they need, where a hard cap of 10 helps only the easy."""
    candidates, ease = two_kinds()
    curve = across(candidates, ease, bins=2, budgets=[10], splits=2)
    assert curve.accuracy.mean() == pytest.approx(0.8) and curve.cost.mean() == pytest.approx(10.0)
    assert best_fixed(candidates, budgets=[10], splits=2).accuracy.mean() < 0.6


@settings(deadline=None)
@given(st.integers(0, 50), st.sampled_from([5.0, 7.0, 9.0]))
def test_the_mean_cost_is_within_the_budget_up_to_the_draw_of_lots(seed, budget):
    candidates, ease = two_kinds(questions=100, seed=seed)
    curve = across(candidates, ease, bins=2, budgets=[budget], splits=2, seed=seed)
    assert curve.cost.mean() <= budget + 1.5


def policy():
    plain = Choice(strategy={"name": "best_of_n"}, generations=4, reuses_pilot=True)
    search = Choice(strategy={"name": "beam_search"}, generations=16)
    return AcrossPolicy(
        task="toy",
        model="small",
        verifier="prm",
        difficulty=Difficulty(source="pilot", samples=2, cost=2),
        edges=(0.5,),
        plans=(AcrossPlan(budget=8, choices=(plain, plain), dearer=(plain, search), shares=(0.0, 0.25)),),
    )


def test_a_share_of_the_bin_at_the_margin_gets_the_dearer_choice():
    hard = {"budget": 100, "scores": (0.1, 0.1), "spent": 2}
    assert policy().decide(State(**hard, lot=0.2)) == Spend("small", {"name": "beam_search"}, 16, "answer", 1)
    assert policy().decide(State(**hard, lot=0.3)).strategy == {"name": "best_of_n"}
    assert policy().decide(State(**hard | {"scores": (0.9, 0.9)}, lot=0.0)).strategy == {"name": "best_of_n"}


def test_a_question_never_costs_more_than_its_own_budget():
    step = policy().decide(State(budget=10, scores=(0.1, 0.1), spent=2, lot=0.0))
    assert step.generations <= 8


def test_a_file_comes_back_and_says_what_it_does(tmp_path):
    policy().save(tmp_path / "p.yaml")
    assert Policy.load(tmp_path / "p.yaml") == policy()
    assert (
        "8 generations on average" in (tmp_path / "p.yaml").read_text() and "for 25% of them" in policy().describe()[2]
    )


def test_shares_without_choices_are_refused(tmp_path):
    policy().save(tmp_path / "p.yaml")
    fields = yaml.safe_load((tmp_path / "p.yaml").read_text())
    fields["plans"][0]["shares"] = [0.5]
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(fields))
    with pytest.raises(UserError, match="a share for each bin"):
        Policy.load(tmp_path / "p.yaml")


def test_evaluation_draws_lots_as_its_shares_say():
    candidates, ease = two_kinds(questions=400)
    plain = Choice(strategy={"name": "best_of_n"}, generations=4)
    search = Choice(strategy={"name": "beam_search"}, generations=16)
    whole = AcrossPolicy(
        task="toy",
        model="small",
        verifier="prm",
        plans=(AcrossPlan(budget=7, choices=(plain,), dearer=(search,), shares=(0.25,)),),
    )
    found = whole.evaluate(candidates, resamples=50)
    assert found.cost.mean[0] == pytest.approx(4 + 0.25 * 12, abs=0.8)
    assert ease.size == 400
