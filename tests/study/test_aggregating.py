"""Every aggregation of step scores is read from the same pool, from files and from folders of traces."""

import json
from pathlib import Path

import pytest

from outlay.errors import UserError
from outlay.selection import AGGREGATIONS, aggregate
from outlay.strategies import BestOfN
from outlay.study.samples import read
from outlay.traces import Store
from outlay.verifiers.baselines import RandomScores
from toy import solve

STEPS = [[0.9, 0.2, 0.8], [0.5, 0.6, 0.7], [1.0, 1.0, 0.1], [0.4, 0.4, 0.4]]


@pytest.mark.parametrize("how", AGGREGATIONS)
def test_in_files(tmp_path: Path, how: str) -> None:
    file = tmp_path / "pool.jsonl"
    rows = [
        {"question_id": q, "answer": str(i), "correct": i == 1, "step_scores": steps, "score": 0.123}
        for q in range(3)
        for i, steps in enumerate(STEPS)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (plain,) = read([file]).pools
    (pool,) = read([file], aggregation=how).pools
    assert plain.scores.tolist() == [[0.123] * 4] * 3  # type: ignore[union-attr]
    assert pool.scores.tolist() == [[aggregate(steps, how) for steps in STEPS]] * 3  # type: ignore[union-attr]


@pytest.mark.parametrize("how", AGGREGATIONS)
def test_in_folders_of_traces_it_is_what_the_strategy_would_have_used(tmp_path: Path, how: str) -> None:
    store, other = Store(tmp_path / "last"), Store(tmp_path / "own")
    store.append(solve(BestOfN(), n=6, questions=4, verifier=RandomScores()))
    other.append(solve(BestOfN(aggregation=how), n=6, questions=4, verifier=RandomScores()))
    (found,), (wanted,) = (
        read([store.path], aggregation=how).recorded,
        read([other.path]).recorded,
    )
    assert found.pool.scores.tolist() == wanted.pool.scores.tolist()  # type: ignore[union-attr]


def test_a_rule_that_there_is_not_and_one_that_changes_nothing_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "pool.jsonl"
    file.write_text(
        '{"question_id": 1, "correct": true, "score": 0.5}\n{"question_id": 1, "correct": true, "score": 0.5}\n'
    )
    with pytest.raises(UserError, match='no step aggregation "max"'):
        read([file], aggregation="max")
    with pytest.raises(UserError, match="changes nothing"):
        read([file], aggregation="min")
