"""Studies over a model behind a server, by the real program: whole, resumable, the same in any order; a key is seen nowhere."""

import json
import os
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from fault_server import MODEL, Behaviour, FaultServer
from programs import outlay

pytestmark = pytest.mark.system

KEY = "sk-planted-0103456789-do-not-show"
STUDY = """
name: served
pilot: 2
headline_budget: 4
entries:
  - task: jsonl:questions.jsonl
    model: {model}
    verifier: random:1
    weak_verifiers: [random:2]
    split: all
    questions: 10
    pool: 4
    difficulty_samples: 2
    searches:
      - {{strategy: {{name: beam_search, width: 2}}, budgets: [4]}}
"""
RUNS = 10 * 5


@pytest.fixture
def folder(tmp_path):
    lines = [json.dumps({"id": f"q{i}", "question": f"How many are {i}?", "answer": str(4 + i % 3)}) for i in range(10)]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines))
    return tmp_path


def run(folder, server, *arguments, out="out", **environment):
    (folder / "study.yaml").write_text(STUDY.format(model=server.address))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OUTLAY", "OPENAI"))}
    env |= {"XDG_CACHE_HOME": str(folder / "cache")} | environment
    return outlay("run", "study.yaml", "--out", out, *arguments, cwd=folder, env=env)


def runs(folder, out="out"):
    """Each run's outcome by what it was."""
    table = pq.read_table(folder / out / "runs").to_pylist()
    key = ("question_id", "strategy", "verifier", "seed", "budget")
    kept = ("answer", "correct", "note", "cost_prompt_tokens", "cost_generated_tokens", "cost_calls")
    return {tuple(row[name] for name in key): tuple(row[name] for name in kept) for row in table}


def test_a_study_is_run_over_a_server_and_again_in_another_order_with_the_same_outcome(folder):
    with FaultServer() as server:
        ended = run(folder, server)
        assert ended.returncode == 0, ended.stderr
        first, drawn = runs(folder), server.bill.generated
        assert len(first) == RUNS
        asked = len(server.requests)
        assert run(folder, server).returncode == 0  # nothing is left
        assert server.requests[asked:] == []
        server.behaviour.latency = 0.02
        assert run(folder, server, "--workers", "1", out="again").returncode == 0
    assert runs(folder, "again") == first
    assert json.loads((folder / "out" / "summary.json").read_text())["groups"][0]["questions"] == 10
    pool = sum(cost[4] for key, cost in first.items() if key[2] != "random:2")
    assert 0 < pool <= drawn < sum(cost[4] for cost in first.values())  # scored again, the samples are not drawn again


def test_runs_that_fail_are_told_of_and_made_good_when_it_is_run_again(folder):
    def fails(number):
        body = server.requests[number]
        return "500" if "How many are 3?" in str(body["messages"]) and body.get("n") == 2 else ""

    with FaultServer() as server:
        server.faults = fails
        ended = run(folder, server)
        assert ended.returncode == 1, ended.stderr
        assert "2 of 30 runs failed" in ended.stderr, ended.stderr  # the difficulty samples and the beams come in twos
        assert f"{server.url} failed 6 times in a row" in ended.stderr
        before = len(runs(folder))
        assert before >= 28
        server.faults = lambda number: ""
        assert run(folder, server).returncode == 0
    assert len(runs(folder)) == RUNS > before


def test_a_planted_key_is_seen_nowhere(folder):
    (folder / "key").write_text(KEY + "\n")
    said = []
    with FaultServer(Behaviour(key=KEY, models=(MODEL, "b"))) as server:
        for environment in ({"OUTLAY_API_KEY": KEY}, {"OUTLAY_API_KEY_FILE": str(folder / "key")}):
            ended = run(folder, server, "-vv", out=f"out{len(said)}", **environment)
            assert ended.returncode == 0, ended.stderr
            said.append(ended)
        server.faults = lambda number: "400"
        server.refuses = f"what is {KEY}?"
        said.append(run(folder, server, out="out2", OUTLAY_API_KEY=KEY))
        server.behaviour = replace(server.behaviour, key="another")
        said.append(run(folder, server, "-vv", out="out3", OUTLAY_API_KEY=KEY))
        assert "what is ...?" in said[2].stderr
        assert "refuses the key" in said[3].stderr and "provided: ..." in said[3].stderr
    (folder / "key").unlink()
    written = [file for file in folder.rglob("*") if file.is_file()]
    assert {".parquet", ".json", ".html", ".yaml"} <= {file.suffix for file in written}
    assert any(file.is_relative_to(folder / "cache") for file in written)
    for file in written:
        content = str(pq.read_table(file).to_pylist()).encode() if file.suffix == ".parquet" else file.read_bytes()
        assert KEY.encode() not in content, file
    for ended in said:
        assert KEY not in ended.stdout + ended.stderr
