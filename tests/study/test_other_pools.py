"""Pools at other temperatures, through real runs on a shipped model."""

import json

import numpy as np
import pyarrow.compute as pc
import pytest

from outlay.study.other_pools import methods_of
from outlay.study.pools import Pool
from outlay.study.roles import roles_of
from outlay.study.run import run_package
from outlay.study.runs import recorded
from outlay.study.settings import Settings
from outlay.study.study import parse_study
from outlay.study.summary import group_of
from outlay.study.work import packages
from outlay.traces import Store

STUDY = {
    "name": "warm",
    "pilot": 2,
    "entries": [
        {
            "task": "arithmetic",
            "model": "embedded:arithmetic-small",
            "verifier": "random:1",
            "questions": 24,
            "pool": 4,
            "other_pools": [{"temperature": 0.3, "samples": 6}, {"temperature": 1.5, "samples": 2}],
            "difficulty_samples": 2,
        }
    ],
}
PARSED = parse_study(STUDY, "test")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    found = Store(tmp_path_factory.mktemp("warm"))
    loaded: dict[tuple[str, str | None], object] = {}
    for package in packages(PARSED, set()):
        run_package(package, found.path, loaded, lambda _: None)
    return found


def test_every_way_of_choosing_is_read_at_every_n(store: Store) -> None:
    (found,) = recorded(store.solutions(), store.runs(), roles_of(PARSED))
    assert found.pool.size == 4
    told = [(run.spec["name"], run.spec["temperature"], run.budgets) for run in found.runs if len(run.spec) > 1]
    ways = ("majority", "best_of_n", "weighted_best_of_n")
    assert told == [(way, 0.3, (1, 2, 4, 6)) for way in ways] + [(way, 1.5, (1, 2)) for way in ways]


def test_one_sample_is_the_mean_of_that_pools_samples_and_of_no_others(store: Store) -> None:
    (found,) = recorded(store.solutions(), store.runs(), roles_of(PARSED))
    solutions = store.solutions()
    cool = solutions.filter(pc.match_substring(solutions["strategy"], '"temperature":0.3')).to_pylist()
    for run in (run for run in found.runs if run.spec.get("temperature") == 0.3):
        for place, name in enumerate(found.pool.questions):
            rights = [row["correct"] for row in cool if row["question_id"] == name]
            assert len(rights) == 6
            assert run.correct[place, 0] == pytest.approx(np.mean(rights))
        assert run.cost.tolist() == [[1.0, 2.0, 4.0, 6.0]] * 24


def test_they_stand_among_the_curves_beside_what_they_gain_over_greedy(store: Store) -> None:
    (found,) = recorded(store.solutions(), store.runs(), roles_of(PARSED))
    group = group_of(found, Settings(resamples=100, splits=2))
    key = json.dumps({"name": "majority", "temperature": 0.3}, separators=(",", ":"))
    greedy = group["curves"]["greedy"]["mean"][0]
    for curve in (group["curves"][key], group["curves"]["majority"]):
        for mean, gain in zip(curve["mean"], curve["gain_over_greedy"], strict=True):
            assert gain["mean"] == pytest.approx(mean - greedy, abs=1e-5)
    assert "gain_over_greedy" not in group["curves"]["pass"]


def test_one_that_is_not_whole_is_left_out_and_said(store: Store) -> None:
    runs = store.runs()
    last = sorted(set(runs["question_id"].to_pylist()))[-1]
    cool = pc.match_substring(runs["strategy"], '"temperature":0.3')
    fewer = runs.filter(pc.invert(pc.and_(cool, pc.equal(runs["question_id"], last))))
    (found,) = recorded(store.solutions(), fewer, roles_of(PARSED))
    assert {run.spec.get("temperature") for run in found.runs} == {None, 1.5}
    assert "The pool at temperature 0.3 covers 23 of 24 questions" in " ".join(found.pool.warnings)


def test_scores_on_any_scale_are_read() -> None:
    generator = np.random.default_rng(0)
    correct = generator.random((12, 4)) < 0.5
    scores = np.where(correct, 5.0, -5.0)
    pool = Pool("sums", "m", tuple(map(str, range(12))), correct, np.where(correct, 0, 1), scores, can_vote=True)
    found = {str(run.spec["name"]): run for run in methods_of(pool, {"temperature": 0.3})}
    assert found["best_of_n"].correct[:, -1].tolist() == correct.any(axis=1).astype(float).tolist()
    assert found["weighted_best_of_n"].correct[:, -1].tolist() == correct.any(axis=1).astype(float).tolist()
