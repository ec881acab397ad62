from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from claim_worlds import BIN, EASY, FAST, QUESTIONS, SAMPLES, evidence, names, of, pool, run, verdicts

from outlay.study.claims_policies import deciding
from outlay.study.evidence import Evidence
from outlay.study.pools import Pool
from outlay.study.rescoring import Rescored

ONE = replace(FAST, headline_budget=1)
HALF = np.arange(QUESTIONS) % 2 == 0
KINDS = ["oracle", "predicted"]


def specialists(settings: Any = ONE, **changes: Any) -> Evidence:
    """Two searches at N = 1, one right on easy questions only, one on the others only: whoever knows the bin is always right."""
    runs = (run("beam_search", (1,), {1: EASY}, width=2), run("beam_search", (1,), {1: ~EASY}, width=4))
    return evidence(settings, **{"pool": pool(1), "runs": runs, **changes})


def told(found: Evidence, group: Any = None) -> list[Any]:
    return deciding(found, group or {})


def test_knowing_the_bin_where_bins_want_different_searches() -> None:
    claims = told(specialists())
    assert verdicts(claims, "compute_optimal_ahead") == ["holds"] * 2
    assert verdicts(claims, "compute_optimal_over_best_fixed") == ["holds"] * 2
    assert verdicts(claims, "five_bins_over_one") == ["holds"]
    assert [claim.verdict for claim in of(claims, "knowing_difficulty_pays")] == ["holds"] * 2
    assert [claim.bins for claim in of(claims, "compute_optimal_ahead")] == KINDS


def test_where_one_search_is_best_for_all_knowing_adds_nothing() -> None:
    runs = (run("beam_search", (1,), {1: 0.9}),)
    claims = told(specialists(runs=runs))
    assert verdicts(claims, "compute_optimal_ahead") == ["holds"] * 2
    assert verdicts(claims, "compute_optimal_over_best_fixed") == ["cannot be told"] * 2
    assert verdicts(claims, "knowing_difficulty_pays") == ["cannot be told"] * 2


def test_bins_that_know_nothing_gain_nothing() -> None:
    blind = specialists().found.difficulty_pool
    assert blind is not None
    lost = specialists(difficulty_pool=replace(blind, scores=np.random.default_rng(0).permutation(blind.scores)))
    predicted = [claim for claim in of(told(lost), "knowing_difficulty_pays") if claim.bins == "predicted"]
    assert [claim.verdict for claim in predicted] == ["cannot be told"]


@pytest.mark.parametrize(
    ("right", "verdict", "four"), [(8, "holds", "holds"), (16, "cannot be told", "cannot be told")]
)
def test_the_compute_that_is_saved(right: int, verdict: str, four: str) -> None:
    """A search that is always right with one generation, where best-of-N comes near to that with sixteen only."""
    runs = (run("beam_search", (1,), {1: 1.0}),)
    claims = told(specialists(pool=seldom(right), runs=runs))
    assert [claim.verdict for claim in of(claims, "compute_optimal_saves")] == [verdict] * 2
    assert [claim.verdict for claim in of(claims, "compute_optimal_saves_four_times")] == [four] * 2
    assert {claim.unit for claim in of(claims, "compute_optimal_saves")} == {"times"}


def seldom(right: int) -> Pool:
    """One sample is right, or all are; scores find it."""
    correct = np.broadcast_to(np.arange(SAMPLES) < (1 if right < SAMPLES else SAMPLES), (QUESTIONS, SAMPLES)).copy()
    return Pool("toy", "small", names(), correct, scores=np.where(correct, 0.8, 0.2))


def test_what_saves_twice_does_not_save_four_times() -> None:
    """Right with 8 of 16 samples: a search that is right half the time at N = 1 saves exactly the factor of eight, or none."""
    runs = (run("beam_search", (1,), {1: 0.125}),)  # what two samples of which one in sixteen is right give
    claims = told(specialists(pool=seldom(1), runs=runs))
    assert verdicts(claims, "compute_optimal_saves") == ["holds"] * 2
    assert verdicts(claims, "compute_optimal_saves_four_times") == ["does not hold"] * 2


def test_numbers_of_bins() -> None:
    """What is right on every other bin: two or three bins cannot follow, five can, and eight know no more."""
    other = BIN % 2 == 0
    runs = (run("beam_search", (1,), {1: other}, width=2), run("beam_search", (1,), {1: ~other}, width=4))
    claims = told(specialists(runs=runs))
    few = of(claims, "fewer_bins_nearly_as_good")
    assert [(claim.ahead, claim.verdict) for claim in few] == [("2 bins", "does not hold"), ("3 bins", "does not hold")]
    assert verdicts(claims, "five_bins_over_one") == ["holds"]
    (eight,) = of(claims, "eight_bins_add_nothing")
    assert (eight.differing, eight.margin) == (
        0,
        0.02,
    )  # ten questions of each difficulty: there are five bins to be had


def test_a_weak_verifiers_idea_of_difficulty() -> None:
    """Its scores tell the bins (by how many samples it likes), and those of another tell nothing."""
    drawn = pool(4)
    knowing = replace(drawn, scores=np.where(EASY[:, None], 0.9, 0.1) + np.zeros((QUESTIONS, SAMPLES)))
    knowing_nothing = replace(drawn, scores=np.where(HALF[:, None], 0.9, 0.1) + np.zeros((QUESTIONS, SAMPLES)))
    weak = (Rescored("embedded:good", knowing), Rescored("embedded:bad", knowing_nothing))
    claims = of(told(specialists(rescored=weak, pool=drawn)), "knowing_difficulty_pays")
    found = {claim.subject: claim.verdict for claim in claims}
    assert found["the scores of good"] == "holds"
    assert found["the scores of bad"] == "cannot be told"


@pytest.mark.parametrize(
    ("low", "high", "differing", "verdict"),
    [
        (0.01, 0.03, 20, "holds"),
        (-0.03, -0.01, 20, "does not hold"),
        (-0.01, 0.01, 20, "cannot be told"),
        (0.01, 0.03, 5, "cannot be told"),
    ],
)
def test_pilots_are_read_off_the_summary(low: float, high: float, differing: int, verdict: str) -> None:
    gain = {"mean": (low + high) / 2, "low": low, "high": high}
    ratio = {"value": 2.0, "low": 1.5, "high": None, "censored": False}
    group = {
        "difficulty": {
            "pilot": {"m": [2, 4], "budget": 1.0, "gain_over_shuffled": [gain, gain], "differing": [differing] * 2}
        },
        "policies": {
            "per_bin_pilot": {"budget": [1.0], "gain": [gain], "gain_differing": [differing], "compute_ratio": [ratio]}
        },
    }
    claims = told(specialists(), group)
    pilots = [claim for claim in of(claims, "knowing_difficulty_pays") if claim.subject.startswith("a pilot of")]
    assert [(claim.subject, claim.verdict) for claim in pilots] == [
        ("a pilot of 2, paid for", verdict),
        ("a pilot of 4, paid for", verdict),
    ]
    assert verdicts(claims, "pilot_ahead_with_its_cost") == [verdict]
    saved = [claim for claim in of(claims, "compute_optimal_saves") if claim.bins is None]
    assert [claim.verdict for claim in saved] == ["holds" if differing > 5 else "cannot be told"]
    assert saved[0].as_dict()["difference"]["high"] is None


def test_without_samples_for_difficulty_nothing_is_decided() -> None:
    assert told(specialists(difficulty_pool=None)) == []


def test_levels_that_people_gave_are_one_more_kind() -> None:
    drawn = replace(pool(1), levels=tuple(f"Level {1 + int(not easy)}" for easy in EASY))
    claims = told(specialists(pool=drawn))
    assert [claim.bins for claim in of(claims, "compute_optimal_ahead")] == [*KINDS, "level"]
    assert set(verdicts(claims, "compute_optimal_ahead")) == {"holds"}
