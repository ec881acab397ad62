"""Existing solutions scored by another verifier are the runs that a study with that verifier would have made."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from outlay import verifiers
from outlay.errors import UserError
from outlay.strategies import BeamSearch, BestOfN, MajorityVote, WeightedBestOfN
from outlay.study.judging import judged, left_alone, scored_spec, to_judge
from outlay.study.judging_files import asked_in, judge_file, rows_left
from outlay.study.roles import roles_of
from outlay.study.run import run_package
from outlay.study.runs import recorded, recorded_in
from outlay.study.study import parse_study
from outlay.study.work import packages
from outlay.traces import Store
from outlay.types import Trace
from toy import solve

WEAK = "embedded:arithmetic-prm-weak"
ENTRY = {
    "task": "arithmetic",
    "model": "embedded:arithmetic-small",
    "verifier": "embedded:arithmetic-prm",
    "weak_verifiers": [WEAK],
    "questions": 12,
    "pool": 8,
    "difficulty_samples": 4,
    "searches": [{"strategy": {"name": "beam_search", "width": 2}, "budgets": [4]}],
}
STUDY = {"name": "weak", "pilot": 2, "entries": [ENTRY]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("study"))
    loaded: dict[tuple[str, str | None], object] = {}
    for package in packages(parse_study(STUDY, "test"), set()):
        run_package(package, store.path, loaded, lambda _: None)
    store.update_meta({"study": STUDY})
    return store


def by(store: Store, verifier: str) -> list[Trace]:
    return list(judged(verifiers.load(verifier), verifier, to_judge(store.traces())))


def place(trace: Trace) -> tuple[str, int | None, int]:
    return trace.question.id, trace.budget.generations, trace.seed


def test_they_are_the_runs_that_the_study_made_itself(finished: Store) -> None:
    own = {place(trace): trace for trace in finished.traces() if trace.verifier == WEAK}
    again = {place(trace): trace for trace in by(finished, WEAK)}
    assert len(own) == 12 and set(own) < set(again)  # the samples for difficulty are scored too
    for key, trace in own.items():
        assert replace(again[key], cost=trace.cost) == trace
        assert replace(again[key].cost, seconds=trace.cost.seconds) == trace.cost


def test_every_pool_is_scored_once_and_a_search_is_left_alone(finished: Store) -> None:
    pools = to_judge(finished.traces())
    assert len(pools) == 24
    assert len({one.key("v") for one in pools}) == 24
    assert left_alone(finished.traces()) == ["beam_search"]


def test_a_study_finds_the_pool_by_the_added_verifier(finished: Store, tmp_path: Path) -> None:
    store = Store(tmp_path / "copy")
    store.append(list(finished.traces()))
    store.update_meta({"study": STUDY})
    before = [one.rescored for one in recorded_in(store)]
    store.append(by(store, "logprob"))
    (after,) = recorded_in(store)
    assert [one.verifier for one in before[0]] == [WEAK]
    assert [one.verifier for one in after.rescored] == [WEAK, "logprob"]
    pool = after.rescored[1].pool
    assert pool.scores is not None and np.isfinite(pool.scores).any()
    assert [run.spec["name"] for run in after.runs] == [run.spec["name"] for run in recorded_in(finished)[0].runs]
    assert [len(one.runs) for one in after.rescored] == [0, 0]  # the samples for difficulty are no search of its own
    flops = after.rescored[1].flops
    assert flops is None or not flops.scoring([8]).any()


def test_without_a_study_the_scored_pool_is_the_pool() -> None:
    traces = solve(MajorityVote(temperature=0.7), n=6, questions=5)
    scored = list(judged(verifiers.load("agreement"), "agreement", to_judge(traces)))
    assert all(trace.strategy == {"name": "best_of_n", "temperature": 0.7} for trace in scored)
    for trace in scored:
        answers = [solution.answer for solution in trace.solutions]
        assert [s.score for s in trace.solutions] == [answers.count(answer) / 6 for answer in answers]
        assert trace.answer in {a for a in answers if answers.count(a) == max(map(answers.count, answers))}
        assert trace.correct == (trace.answer == trace.question.reference)
        assert trace.cost.calls == 2 and trace.cost.verifier_prompt_tokens == 0


def test_the_answer_is_the_one_that_the_strategy_would_have_chosen() -> None:
    for strategy in (BestOfN(aggregation="min"), WeightedBestOfN()):
        live = solve(strategy, n=6, questions=8, verifier=verifiers.load("random:4"))
        other = solve(strategy, n=6, questions=8, verifier=verifiers.load("constant"))
        again = {t.question.id: t for t in judged(verifiers.load("random:4"), "random:4", to_judge(other))}
        assert [again[t.question.id].answer for t in live] == [t.answer for t in live]
        assert [again[t.question.id].solutions for t in live] == [t.solutions for t in live]


def test_a_search_is_no_pool() -> None:
    assert to_judge(solve(BeamSearch(), n=4, questions=2, verifier=verifiers.load("random:1"))) == []


def test_the_spec_of_a_scored_pool() -> None:
    assert scored_spec({"name": "majority"}) == {"name": "best_of_n"}
    assert scored_spec({"name": "weighted_best_of_n", "aggregation": "min"})["name"] == "weighted_best_of_n"


ROWS = [
    {"question_id": f"q{q}", "question": f"what is {q}", "answer": str(i % 3), "correct": i % 3 == 0, "mine": [q, i]}
    for q in range(5)
    for i in range(4)
]


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def scored(samples: Path, out: Path, address: str = "agreement", stop: int | None = None) -> None:
    left = rows_left(asked_in(samples), out, address)
    list(judge_file(verifiers.load(address), address, left[:stop], out))


def test_a_file_comes_back_whole_with_scores(tmp_path: Path) -> None:
    samples, out = written(tmp_path / "a.jsonl", ROWS), tmp_path / "b.jsonl"
    scored(samples, out)
    for before, after in zip(ROWS, read(out), strict=True):
        share = 0.5 if before["answer"] == "0" else 0.25
        assert after == {**before, "score": share, "step_scores": [share], "verifier": "agreement"}


def test_it_goes_on_where_it_was_stopped_whatever_was_half_written(tmp_path: Path) -> None:
    samples, out, whole = written(tmp_path / "a.jsonl", ROWS), tmp_path / "b.jsonl", tmp_path / "whole.jsonl"
    scored(samples, whole)
    for cut in ("", '{"question_id": "q2", "answ', json.dumps(ROWS[8]) + "\n"):
        out.unlink(missing_ok=True)
        scored(samples, out, stop=2)
        with out.open("a") as file:
            file.write(cut.replace('"mine"', '"verifier": "agreement", "mine"'))
        scored(samples, out)
        assert out.read_text() == whole.read_text()
    scored(samples, out)
    assert out.read_text() == whole.read_text()


def test_what_another_verifier_or_another_file_wrote_is_left_alone(tmp_path: Path) -> None:
    samples, out = written(tmp_path / "a.jsonl", ROWS), tmp_path / "b.jsonl"
    scored(samples, out)
    with pytest.raises(UserError, match="was written by the verifier 'agreement'"):
        scored(samples, out, "random:1")
    with pytest.raises(UserError, match="from another file"):
        scored(written(tmp_path / "c.jsonl", ROWS[4:]), out)
    with pytest.raises(UserError, match="has more rows"):
        scored(written(tmp_path / "c.jsonl", ROWS[:8]), out)


def test_steps_and_log_probabilities_of_a_file_are_read(tmp_path: Path) -> None:
    row = {"question_id": 1, "answer": "1", "correct": True, "steps": ["a", "b"], "tokens": 4, "logprob": -2.0}
    samples, out = written(tmp_path / "a.jsonl", [row, {**row, "logprob": None}]), tmp_path / "b.jsonl"
    scored(samples, out, "logprob")
    first, second = read(out)
    assert first["step_scores"] == [pytest.approx(np.exp(-0.5))] * 2
    assert (second["score"], second["step_scores"]) == (None, [])


def test_chains_of_a_file_are_refused(tmp_path: Path) -> None:
    samples = written(tmp_path / "a.jsonl", [{"question_id": 1, "correct": True, "position": 0}])
    with pytest.raises(UserError, match="chains of revisions"):
        asked_in(samples)


def test_roles_without_additions_are_the_studys_own(finished: Store) -> None:
    (found,) = recorded(finished.solutions(), finished.runs(), roles_of(parse_study(STUDY, "test")))
    assert [one.verifier for one in found.rescored] == [WEAK]
