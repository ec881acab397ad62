"""P-values hold exactly: by enumeration of every outcome, and by the size of tests under the hardest hypothesis."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.errors import UserError
from outlay.promises.p_values import betting, binomial, binomial_tail, hoeffding_bentkus, stakes_for


@pytest.mark.parametrize("trials, rate", [(1, 0.3), (7, 0.5), (12, 0.9), (30, 0.05)])
def test_the_binomial_tail_is_the_sum_of_its_terms(trials, rate):
    for successes in range(trials + 2):
        exact = sum(comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(successes, trials + 1))
        assert binomial_tail(successes, trials, rate) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("test", [binomial, hoeffding_bentkus, betting])
def test_a_true_hypothesis_is_rejected_no_more_often_than_the_level(test, threshold):
    """Over all 2 ** 10 outcomes of ten coins whose rate is the threshold itself, the hardest case."""
    chance_of, found = [], []
    for outcome in product([0.0, 1.0], repeat=10):
        ones = sum(outcome)
        chance_of.append(threshold**ones * (1 - threshold) ** (10 - ones))
        found.append(test(outcome, threshold))
    chance, p = np.array(chance_of), np.array(found)
    assert chance.sum() == pytest.approx(1)
    for level in (0.01, 0.05, 0.1, 0.3):
        assert chance[p <= level].sum() <= level + 1e-12


@pytest.mark.parametrize("test", [binomial, betting])
def test_values_between_nought_and_one_do_not_break_the_level(test):
    """Three-valued outcomes with mean 0.5 at threshold 0.5, enumerated; the binomial's rounding is averaged over seeds."""
    kinds, weights = (0.0, 0.5, 1.0), (0.25, 0.5, 0.25)
    rejected = 0.0
    for outcome in product(range(3), repeat=6):
        values = [kinds[i] for i in outcome]
        chance = float(np.prod([weights[i] for i in outcome]))
        if test is binomial:
            rejected += chance * np.mean([binomial(values, 0.5, seed=seed) <= 0.1 for seed in range(12)])
        else:
            rejected += chance * (betting(values, 0.5) <= 0.1)
    assert rejected <= 0.1 + (0.02 if test is binomial else 1e-12)  # the seeds are twelve only


def test_the_level_holds_for_every_seed_of_the_rounding():
    """The same lots for all values would make one seed's test reject 17% of true hypotheses at a level of 12%, another's 3%."""
    kinds, weights = (0.0, 0.5, 1.0), (0.25, 0.5, 0.25)
    outcomes = list(product(range(3), repeat=6))
    chances = [float(np.prod([weights[i] for i in outcome])) for outcome in outcomes]
    values = [[kinds[i] for i in outcome] for outcome in outcomes]
    for seed in range(3):
        rejected = sum(c for c, x in zip(chances, values, strict=True) if binomial(x, 0.5, seed) <= 0.12)
        assert 0.08 < rejected < 0.14


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_binomial_is_never_weaker_than_hoeffding_bentkus(values, threshold):
    assert binomial(values, threshold) <= hoeffding_bentkus(values, threshold) + 1e-12


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.05, 0.95), st.floats(0, 0.5))
def test_a_harder_threshold_is_never_easier_to_reject(values, threshold, more):
    harder = min(threshold + more, 0.99)
    for test in (binomial, betting, hoeffding_bentkus):
        assert test(values, harder) >= test(values, threshold) - 1e-12


def test_betting_is_the_running_maximum_of_capital():
    values, threshold, stakes = [1.0, 0.0, 1.0, 1.0, 0.0], 0.4, (0.3, 0.6)
    capitals, best = np.ones(2), 0.0
    for x in values:
        capitals = capitals * (1 + np.array(stakes) * (x - threshold) / threshold)
        best = max(best, capitals.mean())
    assert betting(values, threshold, stakes) == pytest.approx(min(1, 1 / best))


def test_steady_values_are_shown_sooner_by_betting_and_coins_by_the_binomial():
    steady = [0.55, 0.65] * 60
    assert betting(steady, 0.5, stakes_for(steady, 0.5, 120)) < 1e-8 < binomial(steady, 0.5)
    coins = [1, 1, 1, 0, 0] * 24
    assert binomial(coins, 0.5) < betting(coins, 0.5, stakes_for(coins, 0.5, 120))


@pytest.mark.parametrize("values", [[], [0.5, 1.1], [-0.1], [[0.5]], [float("nan")]])
def test_other_values_are_refused(values):
    with pytest.raises(UserError, match=r"\[0, 1\]"):
        binomial(values, 0.5)
