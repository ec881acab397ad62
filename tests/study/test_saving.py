from dataclasses import replace

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.policies import PolicyCurve
from outlay.study.deciding import Realised
from outlay.study.pools import Pool
from outlay.study.saving import Source, at_level, savings
from outlay.study.saving_told import markdown, sentences
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
    (found,) = savings({("toy", "m"): one}, {("toy", "m"): other}, FAST, (1.0, 2.0, 4.0))
    return found


def test_other_questions_measure(entry):
    assert entry["fitted_on"] == 60 and entry["questions"] == 50 and not entry["cross_fitted"]


def test_every_policy_stands_beside_both_baselines(entry):
    for name in ("sequential", "sequential_switching", "threshold", "score_threshold", "fixed", "cascade"):
        policy = entry["policies"][name]
        assert {"compute_ratio", "compute_ratio_to_best_fixed", "rounds", "monte_carlo_error"} <= set(policy)


def test_the_best_fixed_was_chosen_elsewhere_with_greedy_among_the_candidates(entry):
    assert any("greedy" in row[0] for row in entry["best_fixed"]["choices"])


def test_what_fits_is_not_what_is_measured():
    """The measured questions' outcomes decide nothing: turned round, the costs stay the same."""
    one, other = source(40, 6, seed=1), source(40, 6, seed=2)
    turned = replace(other, pool=replace(other.pool, correct=~other.pool.correct))
    a, b = (
        savings({("t", "m"): one}, {("t", "m"): each}, FAST, (2.0,))[0]["policies"]["sequential"]["cost"]
        for each in (other, turned)
    )
    assert a == b


def test_the_headline_is_told(entry):
    text = " ".join(sentences(entry))
    assert "less than uniform best-of-N" in text and "fitted, on 60 other questions" in text
    assert "| uniform best-of-N |" in markdown([entry])


def curve(accuracy, cost):
    rows = np.tile(accuracy, (50, 1)).astype(float)
    return PolicyCurve(
        "c",
        np.array(cost, dtype=float),
        rows,
        np.tile(np.array(cost, dtype=float), (50, 1)),
        np.zeros((1, 1, 1, len(cost)), dtype=np.int64),
        ("c",),
        np.zeros(len(cost), dtype=np.bool_),
    )


def test_costs_at_a_level_are_read_between_budgets():
    base, mine = curve([0.2, 0.6], [4, 16]), curve([0.4, 0.8], [1, 4])
    found = at_level(base, mine, 0.4, {"resamples": 20, "seed": 0})
    assert found["value"] == pytest.approx(8.0) and not found["censored"]  # log-midway between 4 and 16 is 8


def test_a_level_that_only_the_policy_reaches_gives_a_lower_bound():
    found = at_level(curve([0.2, 0.5], [4, 16]), curve([0.8], [2]), 0.7, {"resamples": 20, "seed": 0})
    assert found == {"value": 8.0, "low": 8.0, "high": None, "censored": True}


def test_a_level_out_of_reach_says_nothing():
    assert at_level(curve([0.2], [4]), curve([0.3], [2]), 0.9, {"resamples": 20, "seed": 0}) is None


def test_too_few_questions_are_refused():
    with pytest.raises(UserError, match="nothing to decide"):
        savings({("t", "m"): source(questions=10)}, None, FAST)
