"""The validity study at a small size: promises are kept, made where they could be, and a shifted stream is noticed."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from studies.promises import PromiseStudy, run, share, summary, world

STUDY = PromiseStudy.model_validate(
    yaml.safe_load((Path(__file__).parents[2] / "studies" / "promises.yaml").read_text(encoding="utf-8"))
)
SMALL = STUDY.model_copy(
    update={
        "worlds": 30,
        "population": 400,
        "questions": 300,
        "orders": 2,
        "truth_orders": 8,
        "drift_worlds": 5,
        "requests": 300,
        "kinds": ("per_bin", "same_for_all"),  # sequential ones take most of the time; the study itself has them
    }
)


@pytest.fixture(scope="module")
def found():
    return run(SMALL)


def test_what_is_promised_is_true_as_often_as_it_says(found):
    """Thirty worlds, five in six near their target: 5 broken ones at 5% have a chance below 2%."""
    for goal in ("accuracy", "mean_cost", "price_of_error"):
        assert sum(one[goal] is False for one in found) <= 4


def test_a_promise_is_made_where_a_candidate_is_clearly_better(found):
    clear = [one for one in found if one["excess"] >= 0.1]
    assert len(clear) >= 5 and sum(one["accuracy"] is not None for one in clear) >= 0.6 * len(clear)


def test_the_shifted_stream_is_noticed_and_the_other_is_not(found):
    told = summary(found)["drift"]
    assert told["false_alarms"][0] == 0.0 and told["noticed"][0] >= 0.6


def test_the_same_seed_gives_the_same_world_and_the_same_findings(found):
    assert np.array_equal(world(SMALL, 3).correct, world(SMALL, 3).correct)
    assert run(SMALL.model_copy(update={"worlds": 2})) == found[:2]


def test_a_run_that_was_ended_goes_on(found, tmp_path):
    kept = tmp_path / "worlds.jsonl"
    done = [{**one, "margin": "kept"} for one in found[:3]]
    kept.write_text("".join(json.dumps(one) + "\n" for one in done) + '{"world": 3, "mar')
    again = run(SMALL.model_copy(update={"worlds": 4}), kept=kept)
    assert again[:3] == done and again[3] == found[3]


@pytest.mark.parametrize(
    "successes, trials, low, high", [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (3, 20, 0.0321, 0.3789)]
)
def test_shares_have_clopper_pearsons_interval(successes, trials, low, high):
    assert share(successes, trials)[1:] == pytest.approx((low, high), abs=2e-4)
