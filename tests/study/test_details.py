"""Step aggregations and chains, read from real runs of shipped models."""

from pathlib import Path

import numpy as np
import pytest

from outlay.selection import AGGREGATIONS, aggregate
from outlay.study.roles import roles_of
from outlay.study.run import run_package
from outlay.study.runs import Recorded, recorded
from outlay.study.study import parse_study
from outlay.study.work import packages
from outlay.traces import Store

SEARCHES = [
    {"strategy": {"name": "revisions", "chains": 2, "selection": "verifier"}, "budgets": [6]},
    {"strategy": {"name": "revisions", "chains": 2, "selection": "majority"}, "budgets": [5]},
]
ENTRY = {"questions": 12, "pool": 4, "difficulty_samples": 4}
STUDY = {
    "name": "details",
    "pilot": 2,
    "entries": [
        {**ENTRY, "task": "arithmetic", "model": "embedded:arithmetic-small", "verifier": "embedded:arithmetic-prm"},
        {
            **ENTRY,
            "task": "halving",
            "model": "embedded:halving-reviser",
            "verifier": "embedded:halving-orm-history",
            "searches": SEARCHES,
        },
    ],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    found = Store(Path(tmp_path_factory.mktemp("details")))
    loaded: dict[tuple[str, str | None], object] = {}
    for package in packages(parse_study(STUDY, "test"), set()):
        run_package(package, found.path, loaded, lambda _: None)
    return found


def read(store: Store, detailed: bool = True) -> list[Recorded]:
    roles = roles_of(parse_study(STUDY, "test"))
    return recorded(store.solutions(), store.runs(), roles, detailed=detailed)


def test_every_aggregation_scores_the_same_samples(store: Store) -> None:
    found = read(store)[0]
    assert found.details is not None and found.pool.scores is not None
    assert set(found.details.aggregated) == set(AGGREGATIONS)
    for pool in found.details.aggregated.values():
        assert np.array_equal(pool.correct, found.pool.correct)
    finite = np.isfinite(found.pool.scores)
    last, least = (found.details.aggregated[how].scores for how in ("last", "min"))
    assert last is not None and least is not None
    assert np.array_equal(last[finite], found.pool.scores[finite])  # what the verifier's score is made of
    assert (least[finite] <= last[finite]).all() and (least[finite] < last[finite]).any()


def test_aggregations_are_those_of_the_recorded_steps(store: Store) -> None:
    rows = [row for row in store.solutions().to_pylist() if row["task"] == "arithmetic" and row["seed"] == 0]
    scored = [row for row in rows if row["step_scores"] and row["answer"] is not None]
    values = sorted(aggregate(row["step_scores"], "prod") or 0.0 for row in scored)
    found = read(store)[0]
    assert found.details is not None
    products = found.details.aggregated["prod"].scores
    assert products is not None
    assert np.allclose(np.sort(products[np.isfinite(products)]), values)


def test_chains_are_read_attempt_by_attempt(store: Store) -> None:
    found = read(store)[1]
    assert found.details is not None
    (chains,) = found.details.attempts  # five attempts in two chains are not a rectangle
    assert (chains.budget, chains.correct.shape, chains.verifier) == (6, (12, 2, 3), "embedded:halving-orm-history")
    right = {
        (row["question_id"], row["chain"], row["position"]): row["correct"]
        for row in store.solutions().to_pylist()
        if '"revisions"' in row["strategy"] and row["budget"] == 6
    }
    for (question, chain, position), correct in right.items():
        assert chains.correct[found.pool.questions.index(question), chain, position] == correct


def test_details_are_read_only_where_they_are_wanted(store: Store) -> None:
    assert [one.details for one in read(store, detailed=False)] == [None, None]
