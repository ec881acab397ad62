import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from outlay.errors import UserError
from outlay.study.roles import roles_of
from outlay.study.runs import recorded, recorded_in
from outlay.study.settings import Settings
from outlay.study.study import parse_study
from outlay.study.summary import summarise, summarise_files, write_summary
from outlay.traces import Store
from outlay.types import Budget, Cost, Question, Solution, Step, Trace

FAST = Settings(resamples=200, splits=2)
QUESTIONS = 24


def trace(
    question: int, strategy: str, rights: Sequence[bool], seed: int = 0, model: str = "small", budget: int = 0
) -> Trace:
    solutions = tuple(
        Solution(
            (Step(" x", 5),), True, "7" if right else "8", (0.9 if right else 0.3,), 0.9 if right else 0.3, sample=i
        )
        for i, right in enumerate(rights)
    )
    n = budget or len(rights)
    return Trace(
        Question(f"q{question:02}", "?", "7", "made-up"),
        {"name": strategy},
        Budget(generations=n),
        seed,
        model,
        None if strategy == "greedy" else "prm",
        "7",
        solutions,
        Cost(generated_tokens=5 * n, generations=float(n), flops=100.0 * n),
        correct=rights[0],
        solution_correct=tuple(rights),
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    generator = np.random.default_rng(0)
    found = Store(tmp_path / "traces")
    for q in range(QUESTIONS):
        draws = [bool(r) for r in generator.random(24) < q / QUESTIONS]
        found.append(
            [
                trace(q, "best_of_n", draws[:16]),
                trace(q, "best_of_n", draws[16:], seed=1_000_003),
                trace(q, "greedy", draws[:1]),
                trace(q, "beam_search", [True], budget=4),
                trace(q, "greedy", [True], model="large"),
            ]
        )
    return found


def test_runs_find_their_places(store: Store) -> None:
    (found,) = recorded(store.solutions(), store.runs())
    assert found.pool.correct.shape == (QUESTIONS, 16)
    assert found.difficulty_pool is not None
    assert found.difficulty_pool.correct.shape == (QUESTIONS, 8)
    assert found.difficulty_pool.questions == found.pool.questions
    assert [run.key for run in found.runs] == ["beam_search", "greedy", "large_greedy"]
    assert found.flops is not None
    assert np.allclose(found.flops.of("best_of_n", [1, 16]), [[100.0, 1600.0]])


def test_a_store_gives_a_group_with_all_its_strategies(store: Store) -> None:
    (group,) = summarise(store, FAST)["groups"]
    assert {"pass", "best_of_n", "weighted", "majority", "greedy", "large_greedy", "beam_search"} == set(
        group["curves"]
    )
    assert group["curves"]["large_greedy"]["mean"] == [1.0]
    assert group["verifier"]["name"] == "prm"
    assert group["cost"]["generated_tokens"] == QUESTIONS * 5 * (16 + 8 + 1 + 4)


def test_the_larger_model_is_no_candidate_of_the_small_ones_policy(store: Store) -> None:
    (group,) = summarise(store, FAST)["groups"]
    assert "large_greedy" not in json.dumps(group["policies"])


def test_a_run_that_covers_some_questions_only_is_left_out_and_said(store: Store) -> None:
    store.append(trace(0, "lookahead", [True], budget=8))
    (group,) = summarise(store, FAST)["groups"]
    assert "lookahead" not in group["curves"]
    assert any("lookahead at budget 8 covers 1 of 24" in warning for warning in group["warnings"])


def test_a_store_without_a_pool_is_refused(tmp_path: Path) -> None:
    lone = Store(tmp_path)
    lone.append(trace(0, "greedy", [True]))
    with pytest.raises(UserError, match="no pool of plain samples"):
        summarise(lone, FAST)


def test_files_and_folders_are_summarised_together(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    rows = [
        {"question_id": q, "model": m, "correct": (q + i) % 3 == 0, "answer": str((q + i) % 3), "sample": i}
        for m in ("a", "b")
        for q in range(30)
        for i in range(4)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    summary = summarise_files([store.path, path], FAST)
    assert [(group["task"], group["model"]) for group in summary["groups"]] == [
        ("made-up", "small"),
        ("pool", "a"),
        ("pool", "b"),
    ]
    (pair,) = summary["comparisons"][0]["differences"]
    assert pair["difference"]["mean"] == 0.0


def test_a_summary_is_written_whole(store: Store, tmp_path: Path) -> None:
    write_summary(summarise(store, FAST), tmp_path / "out" / "summary.json")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["seed"] == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.json"]


def test_the_command_prints_one_json_object(store: Store) -> None:
    import typer

    from outlay.cli.analyse import analyse

    app = typer.Typer()
    app.command()(analyse)
    result = CliRunner().invoke(app, [str(store.path), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["groups"][0]["task"] == "made-up"


def test_the_command_tells_findings_and_warnings(store: Store) -> None:
    import typer

    from outlay.cli.analyse import analyse

    app = typer.Typer()
    app.command()(analyse)
    result = CliRunner().invoke(app, [str(store.path)])
    assert result.exit_code == 0, result.output
    assert "One sample is right" in result.stdout
    assert "24 questions" in result.stdout


STUDY = {
    "name": "made-up",
    "entries": [
        {
            "task": "made-up",
            "model": "small",
            "verifier": "prm",
            "large": "large",
            "pool": 4,
            "difficulty_samples": 8,
            "searches": [{"strategy": {"name": "best_of_n", "temperature": 0.6}, "budgets": [16]}],
        }
    ],
    "pilot": 2,
}


def study_store(path: Path) -> Store:
    """A small pool, a larger one for difficulty, and a still larger run of the same strategy at another temperature."""
    generator = np.random.default_rng(0)
    found = Store(path)
    for q in range(QUESTIONS):
        draws = [bool(r) for r in generator.random(28) < q / QUESTIONS]
        cooler = replace(trace(q, "best_of_n", draws[12:]), strategy={"name": "best_of_n", "temperature": 0.6})
        judging = trace(q, "best_of_n", draws[4:12], seed=1_000_003)
        found.append([trace(q, "best_of_n", draws[:4]), judging, cooler, trace(q, "greedy", [True], model="large")])
    return found


def test_a_study_says_which_run_is_the_pool_and_which_tells_difficulty(tmp_path: Path) -> None:
    store = study_store(tmp_path)
    (found,) = recorded(store.solutions(), store.runs(), roles_of(parse_study(STUDY, "here")))
    assert found.pool.size == 4
    assert found.difficulty_pool is not None
    assert found.difficulty_pool.size == 8
    assert sorted(run.key for run in found.runs) == ["large_greedy", '{"name":"best_of_n","temperature":0.6}']


def test_a_folder_that_names_its_study_is_read_by_it(tmp_path: Path) -> None:
    store = study_store(tmp_path)
    assert recorded_in(store)[0].pool.size == 16
    store.update_meta({"study": parse_study(STUDY, "here").model_dump(mode="json")})
    assert recorded_in(store)[0].pool.size == 4


def test_a_study_that_cannot_be_read_leaves_the_runs_to_tell(tmp_path: Path) -> None:
    store = study_store(tmp_path)
    store.update_meta({"study": {"written": "by another version"}})
    assert recorded_in(store)[0].pool.size == 16


def test_models_that_share_a_task_each_have_their_policy(tmp_path: Path) -> None:
    from outlay.report.outputs import write
    from outlay.study.findings import find

    store = Store(tmp_path / "traces")
    generator = np.random.default_rng(0)
    for q in range(QUESTIONS):
        for model in ("a", "b"):
            draws = [bool(r) for r in generator.random(16) < q / QUESTIONS]
            judging = trace(q, "best_of_n", draws[8:], seed=1_000_003, model=model)
            store.append([trace(q, "best_of_n", draws[:8], model=model), judging])
    entry = {"task": "made-up", "verifier": "prm", "pool": 8, "difficulty_samples": 8}
    study = parse_study({"name": "two", "entries": [entry | {"model": "b"}, entry | {"model": "a"}]}, "here")
    found = find(study, store)
    assert [group["model"] for group in found.summary["groups"]] == ["b", "a"]
    assert list(found.policies) == ["made-up b", "made-up a"]
    assert {policy.model for policy in found.policies.values()} == {"a", "b"}
    write(found, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out" / "policies").iterdir()} == {"made-up-a.yaml", "made-up-b.yaml"}
