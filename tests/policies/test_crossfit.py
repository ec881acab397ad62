from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import coin_flips, two_kinds

from outlay.errors import UserError
from outlay.policies import best_fixed, per_bin, uniform


def test_finds_the_known_best_choice_of_each_bin():
    candidates, ease = two_kinds(noise=1.0)
    curve = per_bin(candidates, ease, bins=2, budgets=[16])
    assert curve.most_chosen() == [["best_of_n x 4", "beam_search x 16"]] or curve.most_chosen() == [
        ["best_of_n x 16", "beam_search x 16"]
    ]


def test_equal_candidates_take_the_cheaper():
    candidates, ease = two_kinds()
    curve = per_bin(candidates, ease, bins=2, budgets=[16])
    assert curve.most_chosen() == [["best_of_n x 4", "beam_search x 16"]]
    assert curve.cost.mean() == pytest.approx(10.0) and curve.accuracy.mean() == pytest.approx(0.8)


def test_beats_the_best_fixed_where_bins_matter():
    candidates, ease = two_kinds(noise=1.0)
    gain = per_bin(candidates, ease, bins=2, budgets=[16]).gain(best_fixed(candidates, budgets=[16]))
    assert gain.low[0] > 0.05


def test_shuffled_difficulty_gains_nothing():
    candidates, ease = two_kinds(noise=1.0)
    random = np.random.default_rng(1).permutation(ease)
    gain = per_bin(candidates, random, bins=2, budgets=[16]).gain(best_fixed(candidates, budgets=[16]))
    assert gain.mean[0] < 0.02


def test_choosing_the_best_of_equals_gains_nothing_on_other_questions():
    measured = [per_bin(world, np.zeros(60), bins=1, splits=4).accuracy.mean() for world in coin_worlds(200)]
    assert abs(np.mean(measured) - 0.5) < 4 * 0.065 / np.sqrt(200)


def test_choosing_and_measuring_on_the_same_questions_would_have_gained():
    optimistic = [world.accuracy.mean(axis=0).max() for world in coin_worlds(60)]
    assert np.mean(optimistic) > 0.58


def coin_worlds(count):
    return (coin_flips(seed=seed) for seed in range(count))


def test_no_question_chooses_for_itself():
    candidates, ease = two_kinds(questions=40, noise=1.0)
    changed = candidates.accuracy.copy()
    changed[7] = 1 - changed[7]
    other = type(candidates)(candidates.names, candidates.specs, candidates.budget, changed, candidates.cost)
    one = per_bin(candidates, ease, bins=1, budgets=[16], splits=1)
    two = per_bin(other, ease, bins=1, budgets=[16], splits=1)
    np.testing.assert_allclose(one.accuracy[7], 1 - two.accuracy[7])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_where_every_candidate_is_half_right_choosing_on_one_fold_loses_on_the_other(seed, splits):
    """All are right on 20 of 40 questions: what one gains on a fold of 20 it lacks on the other, so no choice can gain."""
    generator = np.random.default_rng(seed)
    half_right = generator.permuted(np.tile(np.repeat([0.0, 1.0], 20), (12, 1)), axis=1).T
    world = replace(coin_flips(questions=40, candidates=12), accuracy=half_right)
    assert best_fixed(world, splits=splits, seed=seed).accuracy.mean() <= 0.5 + 1e-12


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 39), st.integers(0, 10**6))
def test_what_a_question_spends_does_not_depend_on_what_it_gets_right(question, seed):
    candidates, ease = two_kinds(questions=40, noise=1.0, seed=seed)
    changed = candidates.accuracy.copy()
    changed[question] = np.random.default_rng(seed).random(len(candidates))
    one, two = (
        per_bin(world, ease, bins=2, splits=3, seed=seed)
        for world in (candidates, replace(candidates, accuracy=changed))
    )
    np.testing.assert_array_equal(one.cost[question], two.cost[question])


def test_a_bin_that_luck_alone_made_gains_nothing():
    """Candidates that are coins, binned by values that know nothing: five bins of twenty coins, no gain."""
    gains = [
        per_bin(world, np.random.default_rng(9).random(60), bins=5, splits=3).accuracy.mean()
        for world in coin_worlds(100)
    ]
    assert abs(np.mean(gains) - 0.5) < 4 * 0.05 / np.sqrt(100)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5), st.sampled_from([4.0, 6.0, 9.0, 16.0, 20.0, 64.0]), st.integers(0, 9))
def test_no_question_ever_costs_more_than_the_budget(pilot, budget, seed):
    candidates, ease = two_kinds(questions=30, noise=1.0, seed=seed)
    curve = per_bin(candidates, ease, bins=2, budgets=[budget], difficulty_cost=pilot, splits=2, seed=seed)
    assert curve.cost.max() <= budget


def test_a_reused_pilot_is_paid_once():
    candidates, ease = two_kinds()
    curve = per_bin(candidates.only([0, 1]), ease, bins=2, budgets=[16], difficulty_cost=3)
    assert curve.cost[ease == 1].max() == 4.0


def test_a_pilot_that_is_not_reused_is_added():
    candidates, ease = two_kinds()
    curve = per_bin(candidates.only([2, 3]), ease, bins=2, budgets=[19], difficulty_cost=3)
    assert curve.cost[ease == 0].max() == 19.0


def test_an_estimate_that_leaves_no_room_is_not_made():
    candidates, ease = two_kinds()
    curve = per_bin(candidates.only([2, 3]), ease, bins=2, budgets=[4, 19], difficulty_cost=3)
    assert curve.pays_for_difficulty.tolist() == [False, True] and curve.cost[:, 0].max() == 4.0


def test_same_seed_same_curve():
    candidates, ease = two_kinds(noise=1.0)
    np.testing.assert_array_equal(
        per_bin(candidates, ease, seed=3).accuracy, per_bin(candidates, ease, seed=3).accuracy
    )


def test_shrinking_all_the_way_is_the_best_fixed_choice():
    candidates, ease = two_kinds(questions=2000, noise=1.0)
    shrunk = per_bin(candidates, ease, bins=2, budgets=[16], shrinkage=1e9, splits=3)
    np.testing.assert_array_equal(shrunk.choices[:, :, 0], shrunk.choices[:, :, 1])


def test_one_standard_error_prefers_the_cheaper_of_two_alike():
    candidates, ease = two_kinds(noise=1.0)
    plain = per_bin(candidates, ease, bins=2, budgets=[16])
    thrifty = per_bin(candidates, ease, bins=2, budgets=[16], one_standard_error=True)
    assert thrifty.cost.mean() <= plain.cost.mean()
    assert thrifty.most_chosen() == [["best_of_n x 4", "beam_search x 16"]]


def test_uniform_takes_the_largest_budget_that_fits():
    candidates, _ = two_kinds()
    curve = uniform(candidates, "best_of_n", budgets=[4, 10, 16])
    assert curve.cost.mean(axis=0).tolist() == [4.0, 4.0, 16.0]


def test_savings_against_itself_are_none():
    candidates, _ = two_kinds()
    base = uniform(candidates, "beam_search")
    assert base.savings(base).value.tolist() == pytest.approx([1.0, 1.0])


def test_savings_compare_costs_at_equal_accuracy():
    candidates, ease = two_kinds()
    policy = per_bin(candidates, ease, bins=2, budgets=[16])
    ratio = policy.savings(uniform(candidates, "beam_search", budgets=[4, 16]))
    assert ratio.censored.tolist() == [True] and ratio.value.tolist() == pytest.approx([16 / 10])


def test_savings_skip_budgets_at_which_the_baseline_spends_no_more():
    candidates, _ = two_kinds()
    base = uniform(candidates, "best_of_n", budgets=[4, 10, 16])
    assert base.savings(base).value.shape == (3,)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda c: uniform(c, "lookahead"), "No candidate matches"),
        (lambda c: uniform(c, {}), "several candidates"),
        (lambda c: uniform(c, "best_of_n", budgets=[1]), "least budget"),
        (lambda c: best_fixed(c, budgets=[1]), "No candidate fits"),
        (lambda c: per_bin(c, [1.0]), "one for each"),
        (lambda c: per_bin(c, np.zeros(c.questions), shrinkage=-1), "shrinkage"),
    ],
)
def test_refuses_in_words(call, words):
    with pytest.raises(UserError, match=words):
        call(two_kinds()[0])
