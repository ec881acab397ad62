from dataclasses import replace

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.policies import PolicyCurve
from outlay.study.deciding import Realised
from outlay.study.pools import Pool
from outlay.study.saving import Source, savings
from outlay.study.saving_headline import cost_at, headline, times_at
from outlay.study.saving_told import _against, markdown, sentences
from outlay.study.settings import Settings

FAST = Settings(resamples=100, splits=2)


def source(questions=60, size=8, seed=0):
    generator = np.random.default_rng(seed)
    rate = generator.beta(0.7, 0.9, questions)
    correct = generator.random((questions, size)) < rate[:, None]
    scores = np.clip(generator.normal(np.where(correct, 0.8, 0.3), 0.15), 0.01, 0.99)
    pool = Pool("toy", "m", tuple(f"{seed} {q}" for q in range(questions)), correct, None, scores)
    greedy = Realised({"name": "greedy"}, (1,), (rate > 0.5).astype(float)[:, None], np.ones((questions, 1)))
    return Source(pool, (greedy,))


@pytest.fixture(scope="module")
def entry():
    one, other = source(seed=1), source(questions=50, seed=2)
    (found,) = savings({("toy", "m"): one}, {("toy", "m"): other}, FAST, (1.0, 2.0, 4.0), orders=16)
    return found


def test_other_questions_measure(entry):
    assert entry["fitted_on"] == 60 and entry["questions"] == 50 and not entry["cross_fitted"]


def test_every_policy_stands_beside_both_baselines(entry):
    for name in ("sequential", "sequential_switching", "threshold", "score_threshold", "fixed", "cascade"):
        policy = entry["policies"][name]
        assert {"compute_ratio", "compute_ratio_to_best_fixed", "rounds", "monte_carlo_error"} <= set(policy)


def test_a_cascade_stands_against_the_sequential_policy_that_may_switch(entry):
    policies = entry["policies"]
    for rival, name in (("cascade", "sequential_switching"), ("threshold", "sequential")):
        for place, lead in enumerate(policies[rival]["sequential_leads_by"]):
            means = [policies[one]["accuracy"][place]["mean"] for one in (name, rival)]
            assert lead["mean"] == pytest.approx(means[0] - means[1], abs=2e-6)
    assert any(told.startswith("With switches the sequential policy") for told in sentences(entry))


def test_the_best_fixed_was_chosen_elsewhere_with_greedy_among_the_candidates(entry):
    assert any("greedy" in row[0] for row in entry["best_fixed"]["choices"])


def test_what_fits_is_not_what_is_measured():
    """The measured questions' outcomes decide nothing: turned round, the costs stay the same."""
    one, other = source(40, 6, seed=1), source(40, 6, seed=2)
    turned = replace(other, pool=replace(other.pool, correct=~other.pool.correct))
    a, b = (
        savings({("t", "m"): one}, {("t", "m"): each}, FAST, (2.0,), orders=8)[0]["policies"]["sequential"]["cost"]
        for each in (other, turned)
    )
    assert a == b


def test_the_headline_is_told(entry):
    told = sentences(entry)
    assert "less than uniform best-of-N" in told[0]
    assert "the budget was chosen, and every policy fitted, on 60 other questions" in told[0]
    assert any(one.startswith(f"To be right in {100 * entry['headline']['level']:.1f}%") for one in told)
    assert any("random orders" in one and "Monte-Carlo error" in one for one in told)
    assert "| uniform best-of-N |" in markdown([entry])


def test_at_a_given_budget_the_others_still_fix_the_accuracy():
    one, other = source(seed=1), source(questions=50, seed=2)
    (found,) = savings({("t", "m"): one}, {("t", "m"): other}, FAST, (1.0, 2.0, 4.0), budget=3, orders=8)
    assert found["headline"]["budget"] == 2 and not found["headline"]["chosen"] and "level" in found["headline"]
    assert "the budget was fixed, and" in sentences(found)[0]


def test_the_accuracy_is_what_the_fitting_questions_reached(entry):
    """Other questions measure: their own accuracy at that budget is another one."""
    head = entry["headline"]
    assert 0.3 < head["level"] < 1 and head["level"] != head["accuracy"]["mean"]


def test_answers_without_a_verifier_are_decided_by_votes_with_greedy_among_the_fixed():
    """As a real model's samples are: a vote, a greedy answer, no scores."""
    one = source(questions=60, size=8, seed=3)
    answers = np.where(one.pool.correct, 0, np.random.default_rng(5).integers(1, 4, one.pool.correct.shape))
    votes = replace(one, pool=replace(one.pool, scores=None, answers=answers, can_vote=True))
    (found,) = savings({("t", "m"): votes}, None, FAST, (1.0, 2.0, 4.0), budget=4, orders=8)
    assert found["method"] == "majority" and found["cross_fitted"] and "level" not in found["headline"]
    assert {"sequential", "adaptive_consistency", "agreement_threshold", "cascade"} <= set(found["policies"])
    assert "score_threshold" not in found["policies"]
    text = " ".join(sentences(found))
    assert "uniform majority vote" in text and "cross-fitted by question" in text


def curve(accuracy, cost):
    """A policy's curve; accuracies `[B]` of all questions, or `[Q, B]`."""
    given = np.array(accuracy, dtype=float)
    rows = np.tile(given, (50, 1)) if given.ndim == 1 else given
    costs = np.array(cost, dtype=float)
    return PolicyCurve(
        "c",
        costs,
        rows,
        np.tile(costs, (len(rows), 1)),
        np.zeros((1, 1, 1, costs.size), dtype=np.int64),
        ("c",),
        np.zeros(costs.size, dtype=np.bool_),
    )


FEW = {"resamples": 200, "seed": 0}


def test_costs_at_a_level_are_read_between_budgets():
    base, mine = curve([0.2, 0.6], [4, 16]), curve([0.4, 0.8], [1, 4])
    found = times_at(base, mine, 0.4, FEW)
    assert found["value"] == pytest.approx(8.0) and not found["censored"]  # log-midway between 4 and 16 is 8
    assert cost_at(base, 0.4, FEW) == {"mean": 8.0, "low": 8.0, "high": 8.0, "censored": False}


def test_a_level_that_only_the_policy_reaches_gives_a_lower_bound():
    base = curve([0.2, 0.5], [4, 16])
    assert times_at(base, curve([0.8], [2]), 0.7, FEW) == {
        "value": 8.0, "low": 8.0, "high": None, "censored": True, "left_out": 0.0,
    }  # fmt: skip
    assert cost_at(base, 0.7, FEW) == {"mean": 16.0, "low": 16.0, "high": None, "censored": True}


def test_a_level_out_of_reach_says_nothing():
    assert times_at(curve([0.2], [4]), curve([0.3], [2]), 0.9, FEW) is None


def test_a_level_that_the_policy_reaches_in_some_resamples_alone_is_no_sure_saving():
    half = np.repeat([[1.0], [0.0]], 25, axis=0)  # right in 50%, give or take 14
    found = times_at(curve([0.2, 0.9], [4, 16]), curve(half, [2]), 0.5, FEW)
    assert found["value"] > 2 and found["low"] == 0.0 and found["left_out"] == 0.0


def test_resamples_in_which_nobody_reaches_the_level_say_nothing():
    half = np.repeat([[1.0], [0.0]], 25, axis=0)
    found = times_at(curve(half, [16]), curve(half, [2]), 0.5, FEW)
    assert found["low"] == found["value"] == found["high"] == 8.0 and 0.2 < found["left_out"] < 0.6


def test_the_headlines_budget_is_the_one_with_the_largest_sure_saving_on_the_questions_that_chose():
    base = curve([0.2, 0.4, 0.6, 0.8], [1, 4, 16, 64])
    seen = curve([0.2, 0.6, 0.61], [1, 2, 8])  # 1, 8 and about 2 times less
    mine = curve([0.2, 0.5, 0.8], [1, 2, 8])
    found = headline(mine, {"uniform": base, "best_fixed": base}, (seen, base), None, FEW)
    assert found["budget"] == 2 and found["chosen"] and found["level"] == 0.6
    assert found["to_uniform"]["value"] == pytest.approx(4.0)  # 8 over 2
    assert found["at_level"]["to_uniform"]["value"] == pytest.approx(16 / cost_at(mine, 0.6, FEW)["mean"])


def test_a_rival_that_costs_the_same_at_equal_accuracy_is_not_called_beaten():
    """It is behind at the same mean budget, and spends less of it."""
    rival = {
        "budget": [4.0],
        "sequential_ratio": [{"value": 1.0, "low": 0.9, "high": 1.2, "censored": False}],
        "sequential_leads_by": [{"mean": 0.01, "low": 0.002, "high": 0.02}],
        "sequential_costs_more_by": [{"mean": 0.8, "low": 0.7, "high": 0.9}],
    }
    verdict, text = _against("threshold", rival, 4.0)
    assert verdict == "cannot be told from" and "+1.0 points, +0.2 to +2.0, for +0.8 generations" in text
    sure = {"value": 1.5, "low": 1.2, "high": None, "censored": True}
    assert _against("threshold", {**rival, "sequential_ratio": [sure]}, 4.0)[0] == "needs less than"
    dear = {"value": 0.7, "low": 0.5, "high": 0.9, "censored": False}
    assert _against("threshold", {**rival, "sequential_ratio": [dear]}, 4.0)[0] == "needs more than"


def test_too_few_questions_are_refused():
    with pytest.raises(UserError, match="nothing to decide"):
        savings({("t", "m"): source(questions=10)}, None, FAST)
