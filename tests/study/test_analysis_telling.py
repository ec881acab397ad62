from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from outlay.study.analysis import analyse
from outlay.study.pools import Pool
from outlay.study.settings import Settings
from outlay.study.telling import as_one_goes, in_short, policy_sentences

SETTINGS = Settings(resamples=200, splits=2, headline_budget=16)


def policy(budgets: Sequence[float], accuracy: float, low: float = -0.1, **ratio: Any) -> dict[str, Any]:
    """A policy with one accuracy, `low` as the lower end of its gains, and one ratio at all its budgets."""
    gain = {"mean": low + 0.05, "low": low, "high": low + 0.1}
    found = {"value": 1.0, "low": 0.9, "high": 1.1, "censored": False, **ratio}
    points = [{"mean": accuracy + b / 1000, "low": 0.0, "high": 1.0} for b in budgets]
    same = [gain] * len(budgets)
    return {
        "budget": list(budgets),
        "accuracy": points,
        "gain": same,
        "gain_over_best_fixed": same,
        "compute_ratio": [found] * len(budgets),
    }


def test_the_headline_reads_every_policy_at_one_budget_that_all_have() -> None:
    policies = {
        "uniform_best_of_n": policy([4, 8, 16], 0.5),
        "best_fixed": policy([4, 8, 16], 0.5),
        "per_bin_pilot": policy([4, 8, 16], 0.5),
        "per_bin_oracle": policy([4, 8], 0.6),
    }
    told = in_short(policies, "best_of_n", SETTINGS)
    assert told.startswith("At 8 generations")
    assert "51.6%" not in told  # what 16 generations give
    assert told.count("50.8%") == 3
    assert "60.8%" in told


def test_policies_without_a_common_budget_each_say_their_own() -> None:
    policies = {"uniform_best_of_n": policy([1, 2, 4], 0.5), "per_bin_oracle": policy([8], 0.6)}
    told = in_short(policies, "best_of_n", SETTINGS)
    assert "At 4 generations" in told
    assert "60.8% at 8 generations" in told


def test_the_group_of_a_small_pool_reads_its_headline_where_halves_end() -> None:
    generator = np.random.default_rng(0)
    correct = generator.random((60, 16)) < generator.random((60, 1))
    pool = Pool("t", "m", tuple(f"q{i:02}" for i in range(60)), correct, scores=correct * 0.5 + 0.2)
    group = analyse(pool, settings=SETTINGS)
    assert group["headline"].startswith("At 8 generations")
    assert group["as_one_goes"].startswith("Deciding as one goes (stop, or draw on), 4 generations on average")


def test_a_ratio_that_the_baseline_never_reaches_comes_with_its_interval_and_not_as_a_bound() -> None:
    policies = {
        "uniform_best_of_n": policy([16], 0.5),
        "per_bin_pilot": policy([16], 0.6, low=0.01, value=6.4, high=None, censored=True),
    }
    policies["per_bin_pilot"]["compute_ratio"][0]["low"] = 1.44
    told = in_short(policies, "best_of_n", SETTINGS)
    assert "6.4 times less compute, 1.4 to infinity" in told
    assert "at least" not in told
    (sentence,), _ = policy_sentences({"per_bin_pilot": policies["per_bin_pilot"]}, "best_of_n", SETTINGS)
    assert "6.40 times less compute (1.44 to infinity" in sentence
    assert "lower bound" not in sentence


def test_the_control_is_named_unless_deciding_per_bin_is_above_the_best_fixed() -> None:
    policies = {
        "uniform_best_of_n": policy([16], 0.5),
        "per_bin_pilot": policy([16], 0.6),
        "per_bin_shuffled": policy([16], 0.7),
    }
    told = in_short(policies, "best_of_n", SETTINGS)
    assert "(the control) in 71.6%" in told
    above = {**policies, "per_bin_pilot": policy([16], 0.6, low=0.01)}
    assert "control" not in in_short(above, "best_of_n", SETTINGS)


def going(gain: float, low: float) -> dict[str, Any]:
    told = policy([4], 0.5 + gain, low=low)
    told["gain_over_best_fixed"] = [{"mean": -0.01, "low": -0.03, "high": 0.01}]
    return {
        "uniform_best_of_n": policy([4], 0.5),
        "threshold": {**policy([4], 0.55), "cost": [3.7]},
        "sequential": {**told, "cost": [3.9], "read_at": 4.0},
    }


def test_deciding_as_one_goes_is_told_with_what_it_gains_and_what_a_simple_threshold_does() -> None:
    policies = going(0.125, low=0.1)
    right = policies["sequential"]["accuracy"][0]["mean"]
    told = as_one_goes(policies, "best_of_n")
    assert f"4 generations on average (really 3.9) are right in {100 * right:.1f}%" in told
    assert (
        "against best-of-N with 4 for all, -1.0 points (-3.0 to +1.0), which cannot be told from nothing, against"
        in told
    )
    assert (
        "less compute" in told and "A simple threshold on what is seen, tuned, has" in told and "(really 3.7)" in told
    )


def test_where_looking_gains_nothing_it_is_said() -> None:
    told = as_one_goes(going(0.01, low=-0.02), "best_of_n")
    assert told.count("cannot be told from nothing") == 2
    assert as_one_goes({"uniform_best_of_n": policy([4], 0.5)}, "best_of_n") == ""


def test_savings_are_told_in_flops_where_those_are_known() -> None:
    paid = policy([16], 0.6, low=0.01)
    policies = {"uniform_best_of_n": policy([16], 0.5), "per_bin_pilot": paid}
    (sentence,), _ = policy_sentences(policies, "best_of_n", SETTINGS)
    assert "in generations, the verifier not counted" in sentence
    paid["compute_ratio_flops"] = [{"value": 3.0, "low": 2.0, "high": 4.0, "censored": False}]
    (sentence,), _ = policy_sentences(policies, "best_of_n", SETTINGS)
    assert "3.00 times less compute (2.00 to 4.00, in FLOPs)" in sentence
    assert "3.0 times less compute, 2.0 to 4.0, in FLOPs" in in_short(policies, "best_of_n", SETTINGS)


def test_a_vote_without_scores_that_falls_is_not_called_over_optimisation() -> None:
    """A wrong answer is the most common: one sample is right more often than a vote of many."""
    generator = np.random.default_rng(0)
    answers = generator.choice(4, p=[0.4, 0.5, 0.05, 0.05], size=(200, 32))
    pool = Pool("t", "m", tuple(f"q{i:03}" for i in range(200)), answers == 0, answers, can_vote=True)
    told = next(text for text in analyse(pool, settings=SETTINGS)["sentences"] if "peaks at N=" in text)
    assert "a common wrong answer wins more often" in told
    assert "over-optimisation" not in told


def one_sided_pool(right: bool, questions: int = 30) -> Pool:
    generator = np.random.default_rng(0)
    scores = generator.random((questions, 8))
    names = tuple(f"q{i:02}" for i in range(questions))
    return Pool("t", "m", names, np.full((questions, 8), right), scores=scores)


@pytest.mark.parametrize(("right", "said"), [(True, "Every sample of every"), (False, "No sample of any")])
def test_where_all_samples_are_alike_nothing_is_compared_and_a_warning_says_so(right: bool, said: str) -> None:
    group = analyse(one_sided_pool(right), settings=SETTINGS)
    assert not {"bins", "policies", "verifier", "headline"} & set(group)
    assert group["warnings"][0].startswith(said)
    assert not any("times" in sentence for sentence in group["sentences"])


def test_one_question_is_said_to_tell_nothing_of_others() -> None:
    pool = Pool("t", "m", ("q",), np.array([[True, False] * 4]), scores=np.array([[0.9, 0.1] * 4]))
    group = analyse(pool, settings=SETTINGS)
    assert (
        group["warnings"][0] == "One question: every figure is about this question alone, and says nothing of others."
    )
    assert not any("reliably" in sentence for sentence in group["sentences"])
