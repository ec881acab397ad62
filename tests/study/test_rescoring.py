"""The pool scored again by another verifier, through real runs on a shipped model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from outlay.curves import interval, majority_at_k
from outlay.errors import UserError
from outlay.study.findings import find
from outlay.study.pools import Pool
from outlay.study.rescoring import Rescored, rescored_part, same_samples
from outlay.study.roles import roles_of
from outlay.study.run import run_package
from outlay.study.runs import recorded
from outlay.study.settings import Settings
from outlay.study.study import parse_study
from outlay.study.work import jobs, packages
from outlay.traces import Store

ENTRY = {
    "task": "arithmetic",
    "model": "embedded:arithmetic-small",
    "verifier": "embedded:arithmetic-prm",
    "weak_verifiers": ["embedded:arithmetic-clean-prm", "random:1"],
    "questions": 24,
    "pool": 8,
    "difficulty_samples": 4,
    "searches": [
        {"strategy": {"name": "beam_search", "width": 2}, "budgets": [4]},
        {
            "strategy": {"name": "beam_search", "width": 2},
            "budgets": [2, 4],
            "verifier": "embedded:arithmetic-clean-prm",
        },
    ],
}
STUDY = {"name": "weak", "pilot": 2, "entries": [ENTRY]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("weak"))
    loaded: dict[tuple[str, str | None], object] = {}
    for package in packages(parse_study(STUDY, "test"), set()):
        run_package(package, store.path, loaded, lambda _: None)
    return store


def test_each_verifier_scores_the_very_same_samples(finished: Store) -> None:
    (found,) = recorded(finished.solutions(), finished.runs(), roles_of(parse_study(STUDY, "test")))
    assert [one.verifier for one in found.rescored] == ["embedded:arithmetic-clean-prm", "random:1"]
    for one in found.rescored:
        assert same_samples(found.pool, one.pool)
        assert one.pool.scores is not None and not np.array_equal(one.pool.scores, found.pool.scores)
        assert one.flops is not None and found.flops is not None
        assert np.allclose(one.flops.drawing([8]), found.flops.drawing([8]))
    clean, chance = (one.flops.scoring([8]).sum() for one in found.rescored if one.flops is not None)
    assert clean > 0 and abs(chance) < 1e-9 * clean  # chance reads nothing


def test_what_a_weak_verifier_led_is_no_candidate_of_a_policy(finished: Store) -> None:
    (found,) = recorded(finished.solutions(), finished.runs(), roles_of(parse_study(STUDY, "test")))
    assert [run.budgets for run in found.runs if run.spec["name"] == "beam_search"] == [(4,)]
    assert [run.budgets for run in found.rescored[0].runs] == [(2, 4)]
    assert found.rescored[1].runs == ()


def test_the_summary_has_a_part_for_each_verifier_and_asks_about_each(finished: Store) -> None:
    summary = find(parse_study(STUDY, "test"), finished).summary
    (group,) = summary["groups"]
    assert [one["name"] for one in group["verifiers"]] == ["embedded:arithmetic-clean-prm", "random:1"]
    assert set(group["verifiers"][0]["curves"]) == {"best_of_n", "weighted", '{"name":"beam_search","width":2}'}
    one_sample = [one["curves"]["best_of_n"]["mean"][0] for one in (*group["verifiers"], group)]
    assert one_sample == pytest.approx([one_sample[0]] * 3)
    asked = {claim["subject"] for claim in summary["claims"] if claim["name"] == "over_optimised_on_easy"}
    assert {"best-of-N by arithmetic-prm", "best-of-N by arithmetic-clean-prm", "best-of-N by random:1"} <= asked


def test_unfinished_rescoring_is_left_out_and_said(finished: Store, tmp_path: Path) -> None:
    solutions, runs = finished.solutions(), finished.runs()
    verifiers = np.array(runs["verifier"].to_pylist())
    first = runs["question_id"].to_pylist()[0]
    kept = [
        not (judge == "random:1" and question == first)
        for judge, question in zip(verifiers, runs["question_id"].to_pylist(), strict=True)
    ]
    (found,) = recorded(solutions, runs.filter(kept), roles_of(parse_study(STUDY, "test")))
    assert [one.verifier for one in found.rescored] == ["embedded:arithmetic-clean-prm"]
    assert any("random:1" in warning and "finish the run" in warning for warning in found.pool.warnings)


def test_other_samples_are_found_out() -> None:
    pool = Pool("t", "m", ("a", "b"), np.array([[True, False], [False, False]]), scores=np.zeros((2, 2)))
    assert same_samples(pool, replace(pool, scores=np.ones((2, 2))))
    assert not same_samples(pool, replace(pool, correct=~pool.correct))
    assert not same_samples(pool, replace(pool, questions=("a", "c")))
    numbered = replace(pool, answers=np.zeros((2, 2), dtype=np.int64))
    assert not same_samples(numbered, replace(numbered, answers=np.ones((2, 2), dtype=np.int64)))


def test_a_verifier_that_is_right_and_one_that_is_wrong() -> None:
    right = np.array([[True, False, False, False]] * 20)
    pool = Pool("t", "m", tuple(map(str, range(20))), right, scores=np.where(right, 0.9, 0.1))
    both = [Rescored("good", pool), Rescored("bad", replace(pool, scores=np.where(right, 0.1, 0.9)))]
    good, bad = rescored_part(both, {"oracle": np.arange(20) % 2}, Settings(resamples=100))
    assert (good["auc_within_question"]["mean"], bad["auc_within_question"]["mean"]) == (1.0, 0.0)
    assert good["curves"]["best_of_n"]["mean"] == [0.25, 0.5, 1.0]
    assert bad["curves"]["best_of_n"]["mean"] == [0.25, 0.0, 0.0]
    assert bad["bins"]["oracle"]["best_of_n"]["mean"] == [[0.25, 0.0, 0.0]] * 2


def test_the_jobs_of_weak_verifiers_share_strategy_and_seed_with_the_pool() -> None:
    wanted = jobs(parse_study(STUDY, "test").entries[0], 7)
    weak = [job for job in wanted if job.verifier in ENTRY["weak_verifiers"] and job.budget == 8]
    assert len(weak) == 2
    assert all((job.strategy, job.seed, job.model) == (wanted[0].strategy, 7, wanted[0].model) for job in weak)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"verifier": None, "searches": []}, "compared with a good one"),
        ({"weak_verifiers": ["embedded:arithmetic-prm"], "searches": []}, "none is the entry's own"),
        ({"weak_verifiers": ["random:1", "random:1"], "searches": []}, "each is named once"),
        ({"weak_verifiers": ["random:1"]}, "none of the entry's weak_verifiers"),
    ],
)
def test_weak_verifiers_that_make_no_sense_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says) as raised:
        parse_study({**STUDY, "entries": [{**ENTRY, **change}]}, "s.yaml")
    assert "\n" not in str(raised.value)


def test_verifiers_made_of_others_and_free_ones_stand_beside_the_studys_own(tmp_path: Path) -> None:
    """A constant's weighted vote is majority exactly, also after the way through traces and pools."""
    weak = ["constant:0.5", "noisy:0.2:embedded:arithmetic-prm", "agreement", "logprob"]
    study = {"name": "free", "pilot": 2, "entries": [{**ENTRY, "weak_verifiers": weak, "searches": []}]}
    store, loaded = Store(tmp_path), dict[tuple[str, str | None], object]()
    for package in packages(parse_study(study, "test"), set()):
        run_package(package, store.path, loaded, lambda _: None)
    (found,) = recorded(store.solutions(), store.runs(), roles_of(parse_study(study, "test")))
    assert [one.verifier for one in found.rescored] == weak
    constant, noisy, agreement, _ = rescored_part(found.rescored, {}, Settings(resamples=50))
    majority = interval(majority_at_k(found.pool.correct, found.pool.answers, [1, 2, 4, 8]), resamples=50).mean
    assert constant["curves"]["weighted"]["mean"] == pytest.approx(majority, abs=1e-6)
    assert constant["auc_within_question"]["mean"] == 0.5
    assert 0.5 < noisy["auc_within_question"]["mean"] < 1
    assert agreement["curves"]["best_of_n"]["mean"][-1] == pytest.approx(majority[-1], abs=1e-6)
