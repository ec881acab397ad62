import json

import numpy as np
import pytest

from outlay.study.analysis import analyse
from outlay.study.pools import Pool
from outlay.study.settings import Settings

FAST = Settings(resamples=200, splits=2)


def sharp(questions: int = 80, n: int = 32) -> Pool:
    """Half of the questions are all right, half all wrong, and the score says so: one sample tells difficulty."""
    correct = np.tile((np.arange(questions) % 2 == 0)[:, None], (1, n))
    return Pool("t", "m", tuple(f"q{i:02}" for i in range(questions)), correct, scores=np.where(correct, 0.9, 0.1))


@pytest.fixture(scope="module")
def part() -> dict:  # type: ignore[type-arg]
    found: dict[str, object] = analyse(sharp(), settings=FAST)["difficulty"]
    return found


def test_every_number_of_bins_and_size_of_pilot_has_its_figures(part: dict) -> None:  # type: ignore[type-arg]
    json.dumps(part, allow_nan=False)
    assert part["bins"]["count"] == [1, 2, 3, 5, 8]
    assert part["pilot"]["m"] == [1, 2, 4, 8, 16]
    for name in ("accuracy", "predicted", "shuffled"):
        assert len(part["bins"][name]) == 5
    for name in ("accuracy", "shuffled", "gain_over_shuffled", "agreement", "chance"):
        assert len(part["pilot"][name]) == 5
    assert part["bins"]["budget"] == part["pilot"]["budget"] == 16


def test_a_pilot_that_tells_all_agrees_with_true_bins(part: dict) -> None:  # type: ignore[type-arg]
    assert part["pilot"]["agreement"] == [1.0] * 5
    assert part["pilot"]["chance"] == [0.5] * 5
    assert np.sum(part["pilot"]["bins"]["confusion"]) == 80


def test_a_pilot_of_noise_agrees_by_chance_alone() -> None:
    generator = np.random.default_rng(0)
    correct = generator.random((200, 16)) < generator.random((200, 1))
    pool = Pool("t", "m", tuple(f"q{i:03}" for i in range(200)), correct, scores=generator.random(correct.shape))
    found = analyse(pool, settings=FAST)["difficulty"]["pilot"]
    assert np.allclose(found["agreement"][:3], found["chance"][:3], atol=0.05)


def test_the_settings_own_pilot_is_the_same_policy_in_both_places() -> None:
    generator = np.random.default_rng(0)
    correct = generator.random((60, 16)) < generator.random((60, 1))
    pool = Pool("t", "m", tuple(f"q{i:02}" for i in range(60)), correct, scores=generator.random(correct.shape))
    found = analyse(pool, settings=FAST)
    policy, sizes = found["policies"]["per_bin_pilot"], found["difficulty"]["pilot"]
    assert policy["accuracy"][policy["budget"].index(16)] == sizes["accuracy"][sizes["m"].index(4)]


def test_one_bin_is_the_best_fixed_method() -> None:
    generator = np.random.default_rng(0)
    correct = generator.random((60, 16)) < generator.random((60, 1))
    pool = Pool("t", "m", tuple(f"q{i:02}" for i in range(60)), correct, scores=generator.random(correct.shape))
    bins = analyse(pool, difficulty_pool=pool, settings=FAST)["difficulty"]["bins"]
    assert bins["accuracy"][0]["mean"] == pytest.approx(bins["predicted"][0]["mean"], abs=0.03)


@pytest.mark.parametrize("n", [2, 3])
def test_a_pool_too_small_to_halve_says_why_bins_and_policies_are_absent(n: int) -> None:
    found = analyse(sharp(n=n), settings=FAST)
    assert "bins" not in found
    assert any(f"{n} samples a question are too few" in warning for warning in found["warnings"])


def test_a_pilot_that_leaves_nothing_of_the_pool_is_said() -> None:
    found = analyse(sharp(n=8), settings=Settings(resamples=200, splits=2, pilot=8))
    assert "per_bin_pilot" not in found["policies"]
    assert any("A pilot of 8 samples leaves nothing of a pool of 8" in warning for warning in found["warnings"])


def test_no_policy_is_fitted_to_a_pilot_that_leaves_nothing() -> None:
    from outlay.errors import UserError
    from outlay.study.calibration import calibration_view

    with pytest.raises(UserError, match="leaves nothing"):
        calibration_view(sharp(n=8), settings=Settings(pilot=20))


def test_a_pilots_agreement_is_the_share_of_its_most_frequent_answer() -> None:
    from outlay.difficulty import consensus
    from outlay.study.deciding import pilot_values

    answers = np.random.default_rng(0).integers(-1, 3, size=(50, 8))
    pool = Pool("t", "m", tuple(map(str, range(50))), answers == 0, answers, can_vote=True)
    for m in (2, 5, 8):
        assert np.array_equal(pilot_values(pool, m), consensus(answers[:, :m]))
