import json

import numpy as np
import pytest

from outlay.study.analysis import analyse
from outlay.study.deciding import Realised
from outlay.study.pools import Pool
from outlay.study.settings import Settings

FAST = Settings(resamples=200, splits=2)


def world(questions: int = 120, n: int = 16, seed: int = 0, quality: float = 0.3, rate: float | None = None) -> Pool:
    """Samples with a right answer 0, wrong answers 1 to 3, and a score that is higher for right ones by `quality`."""
    generator = np.random.default_rng(seed)
    rates = generator.random((questions, 1)) if rate is None else np.full((questions, 1), rate)
    correct = generator.random((questions, n)) < rates
    wrong = generator.integers(1, 4, size=(questions, n))
    scores = np.clip(0.4 + quality * correct + 0.2 * generator.standard_normal((questions, n)), 0, 1)
    return Pool(
        "t",
        "m",
        tuple(f"q{i:04}" for i in range(questions)),
        correct,
        np.where(correct, 0, wrong),
        scores,
        can_vote=True,
    )


@pytest.fixture(scope="module")
def group() -> dict:  # type: ignore[type-arg]
    return analyse(world(), settings=FAST)


def test_a_group_has_the_documented_parts(group: dict) -> None:  # type: ignore[type-arg]
    assert {"task", "model", "questions", "samples", "pass_at_1", "curves", "bins", "policies", "verifier"} <= set(
        group
    )
    assert set(group["curves"]) == {"pass", "majority", "best_of_n", "weighted"}
    assert {"n", "mean", "low", "high", "cost"} <= set(group["curves"]["weighted"])
    assert {"budget", "accuracy", "cost", "compute_ratio", "choices"} <= set(group["policies"]["per_bin_pilot"])
    assert {"auc", "auc_within_question", "accuracy", "brier", "per_bin", "reliability"} <= set(group["verifier"])


def test_a_group_is_json_without_nan_and_infinity(group: dict) -> None:  # type: ignore[type-arg]
    assert json.loads(json.dumps(group, allow_nan=False))["task"] == group["task"]


def test_the_same_samples_and_seed_give_the_same_group(group: dict) -> None:  # type: ignore[type-arg]
    assert analyse(world(), settings=FAST) == group


def test_every_curve_lies_within_its_interval(group: dict) -> None:  # type: ignore[type-arg]
    for curve in group["curves"].values():
        assert all(low <= mean <= high for low, mean, high in zip(curve["low"], curve["mean"], curve["high"]))


def test_bins_have_a_row_of_budgets_each(group: dict) -> None:  # type: ignore[type-arg]
    for kind in ("oracle", "predicted"):
        found = group["bins"][kind]
        rows = found["curves"]["weighted"]["mean"]
        assert len(rows) == len(found["count"]) == len(found["pass_at_1"])
        assert {len(row) for row in rows} == {len(found["curves"]["weighted"]["n"])}
    assert len(group["bins"]["predicted"]["agreement"]["confusion"]) == 5


def test_bins_do_not_come_from_the_samples_that_are_measured() -> None:
    """Where all questions are alike, bins of samples' luck must not predict the luck of other samples."""
    found = analyse(world(400, 8, rate=0.5), settings=FAST)["bins"]["oracle"]["pass_at_1"]
    assert all(abs(point["mean"] - 0.5) < 0.1 for point in found)


def test_a_policy_never_costs_more_than_its_budget_before_difficulty(group: dict) -> None:  # type: ignore[type-arg]
    for policy in group["policies"].values():
        costs = policy.get("cost_without_difficulty", policy["cost"])
        over = 0.2 if policy.get("mean_budget") else 0.0  # met on the questions that fit, so about met on others
        assert all(cost <= budget * (1 + over) + 1e-9 for cost, budget in zip(costs, policy["budget"]))


def test_the_cost_of_knowing_difficulty_is_in_the_cost(group: dict) -> None:  # type: ignore[type-arg]
    oracle = group["policies"]["per_bin_oracle"]
    assert oracle["difficulty_cost"] == 8
    assert np.allclose(oracle["cost"], np.array(oracle["cost_without_difficulty"]) + 8, atol=1e-5)
    assert min(group["policies"]["per_bin_pilot"]["cost"]) >= FAST.pilot


def test_a_difficulty_pool_leaves_the_whole_pool_to_measure() -> None:
    found = analyse(world(), difficulty_pool=world(n=8, seed=1), settings=FAST)
    assert found["bins"]["oracle"]["curves"]["pass"]["n"] == [1, 2, 4, 8, 16]
    assert found["policies"]["per_bin_oracle"]["difficulty_cost"] == 8


def test_realised_runs_are_curves_and_candidates() -> None:
    pool = world()
    shape = (len(pool.questions), 2)
    perfect = Realised({"name": "beam_search", "width": 4}, (4, 8), np.ones(shape), np.tile([4.0, 8.0], (shape[0], 1)))
    found = analyse(pool, runs=[perfect], settings=FAST)
    assert found["curves"]['{"name":"beam_search","width":4}']["mean"] == [1.0, 1.0]
    at = found["policies"]["best_fixed"]["budget"].index(8)
    assert found["policies"]["best_fixed"]["accuracy"][at]["mean"] == 1.0
    assert found["policies"]["best_fixed"]["choices"][at] == ['{"n":4,"name":"beam_search","width":4}']


def test_a_run_above_the_pools_budgets_is_no_candidate_for_them() -> None:
    pool = world(n=4)
    runs = Realised({"name": "beam_search"}, (64,), np.ones((120, 1)), np.full((120, 1), 64.0))
    found = analyse(pool, runs=[runs], settings=FAST)
    assert max(found["policies"]["best_fixed"]["cost"]) <= 4


def test_without_scores_what_needs_them_is_absent_and_said() -> None:
    pool = world()
    found = analyse(Pool("t", "m", pool.questions, pool.correct, pool.answers, can_vote=True), settings=FAST)
    assert set(found["curves"]) == {"pass", "majority"}
    assert "verifier" not in found
    assert "per_bin_pilot" in found["policies"]


def test_without_any_way_of_choosing_there_is_no_policy() -> None:
    pool = world()
    found = analyse(Pool("t", "m", pool.questions, pool.correct), settings=FAST)
    assert "policies" not in found
    assert any("Nothing here can choose" in warning for warning in found["warnings"])


def test_few_questions_give_curves_and_a_warning_but_no_policies() -> None:
    found = analyse(world(questions=10), settings=FAST)
    assert "policies" not in found
    assert any("10 questions are too few" in warning for warning in found["warnings"])


def test_one_sample_gives_accuracy_alone() -> None:
    found = analyse(world(n=1), settings=FAST)
    assert "bins" not in found
    assert found["curves"]["pass"]["n"] == [1]


def test_over_optimisation_is_named_with_its_budgets() -> None:
    """Few high-scoring wrong samples: picking the best of many finds them."""
    generator = np.random.default_rng(0)
    correct = generator.random((400, 32)) < 0.5
    scores = np.where(correct, 0.6, 0.4) * generator.random((400, 32))
    traps = generator.random((400, 32)) < 0.1
    correct[traps], scores[traps] = False, 0.9
    pool = Pool("t", "m", tuple(f"q{i}" for i in range(400)), correct, scores=scores)
    told = " ".join(analyse(pool, settings=FAST)["sentences"])
    assert "Best-of-N peaks at N=" in told
    assert "over-optimisation" in told


def test_methods_that_cannot_be_told_apart_are_said_so() -> None:
    found = analyse(world(questions=60, quality=0.0), settings=FAST)
    assert any("cannot be told apart" in text for text in [*found["sentences"], *found["warnings"]])


def test_human_levels_are_a_binning_of_their_own() -> None:
    pool = world()
    levels = tuple(f"Level {1 + i % 3}" for i in range(len(pool.questions)))
    scored = Pool("t", "m", pool.questions, pool.correct, pool.answers, pool.scores, levels=levels, can_vote=True)
    found = analyse(scored, settings=FAST)
    assert found["bins"]["level"]["names"] == ["Level 1", "Level 2", "Level 3"]
    assert found["bins"]["level"]["count"] == [40, 40, 40]
    assert found["policies"]["per_bin_level"]["cost"][0] == 1.0


def test_what_a_policy_is_fitted_to_covers_all_questions() -> None:
    from outlay.study.calibration import calibration_view

    view = calibration_view(world(), settings=FAST)
    assert view.candidates.questions == 120
    assert set(view.values) == {"oracle", "predicted", "pilot"}
    assert view.difficulty_cost["pilot"] == FAST.pilot


def test_no_policy_is_fitted_where_nothing_can_choose() -> None:
    from outlay.errors import UserError
    from outlay.study.calibration import calibration_view

    pool = world()
    with pytest.raises(UserError, match="no policy can be fitted"):
        calibration_view(Pool("t", "m", pool.questions, pool.correct), settings=FAST)


def test_a_gain_is_against_the_baseline_at_the_same_budget() -> None:
    """Half of a pool of 100 measures up to 50, which is no power of two."""
    from outlay.study.measure import expected, with_probabilities

    pool = world(questions=60, n=100)
    policies = analyse(pool, settings=FAST)["policies"]
    for name in ("uniform_weighted", "best_fixed"):
        assert policies[name]["budget"] == [1, 2, 4, 8, 16, 32, 50, 64, 100]
    oracle, uniform = policies["per_bin_oracle"], policies["uniform_weighted"]
    at = oracle["budget"].index(50)
    exact = expected(with_probabilities(pool), [50])[0]["weighted"].mean()
    same = uniform["accuracy"][uniform["budget"].index(50)]["mean"]
    assert same == pytest.approx(exact, abs=2e-3)
    assert oracle["gain"][at]["mean"] == pytest.approx(oracle["accuracy"][at]["mean"] - same, abs=1e-5)


def test_curves_stay_at_powers_of_two_and_the_pool() -> None:
    assert analyse(world(questions=30, n=100), settings=FAST)["curves"]["pass"]["n"] == [1, 2, 4, 8, 16, 32, 64, 100]


def test_a_run_named_like_a_method_of_the_pool_stands_beside_it() -> None:
    pool = world()
    shape = (len(pool.questions), 1)
    run = Realised({"name": "best_of_n"}, (4,), np.zeros(shape), np.full(shape, 4.0))
    found = analyse(pool, runs=[run], settings=FAST)
    for curves in (found["curves"], found["bins"]["oracle"]["curves"]):
        assert curves["best_of_n"]["n"][0] == 1
        assert curves['{"name":"best_of_n","source":"run"}']["n"] == [4]
