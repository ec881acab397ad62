"""`outlay verify` and `outlay verifier-report`: from the folder of a run, and from a file of samples, to what they leave."""

import json

import pytest
from typer.testing import CliRunner

from outlay.cli.main import app
from outlay.strategies import BeamSearch, BestOfN
from outlay.traces import Store
from outlay.verifiers.baselines import RandomScores
from toy import solve

ROWS = [
    {"question_id": f"q{q}", "answer": str((q + i) % 3), "correct": (q + i) % 3 == 0, "score": (i % 4) / 4}
    for q in range(24)
    for i in range(8)
]


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    store = Store(tmp_path / "runs")
    store.append(solve(BestOfN(), n=8, questions=24, verifier=RandomScores()))
    store.append(solve(BeamSearch(width=2), n=8, questions=24, verifier=RandomScores()))
    return store.path


@pytest.fixture
def samples(tmp_path):
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_scores_are_added_to_a_folder_and_the_report_compares(folder, tmp_path):
    runs = Store(folder).runs().num_rows
    done = run("verify", folder, "--verifier", "agreement", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["questions"], told["scored"], told["there"]) == (24, 192, 0)
    assert told["left_alone"] == ["beam_search"]
    store = Store(folder)
    assert store.runs().num_rows == runs + 24 and store.verify().ok
    again = json.loads(run("verify", folder, "--verifier", "agreement", "--json").stdout)
    assert (again["scored"], again["there"]) == (0, 24)
    assert Store(folder).runs().num_rows == runs + 24

    shown = run("verifier-report", folder, "--out", tmp_path / "report", "--json")
    assert shown.exit_code == 0, shown.output
    (group,) = json.loads(shown.stdout)["groups"]
    assert {entry["name"] for entry in group["verifiers"]} == {"agreement", "random:0"}
    assert json.loads((tmp_path / "report" / "verifiers.json").read_text())["groups"] == [group]
    assert (tmp_path / "report" / "report.html").is_file()
    curve = tmp_path / "report" / "calibration-digits-agreement.json"
    assert json.loads(curve.read_text())["verifier"] == "agreement"
    rescaled = run("verify", folder, "--verifier", f"rescaled:{curve}:agreement", "--json")
    assert json.loads(rescaled.stdout)["scored"] == 192

    analysed = run("analyse", folder, "--json")
    others = {one["name"] for one in json.loads(analysed.stdout)["groups"][0]["verifiers"]}
    assert len(others) == 2  # of three verifiers the pool has one


def test_scores_can_go_to_another_folder(folder, tmp_path):
    before = Store(folder).runs().num_rows
    done = run("verify", folder, "--verifier", "constant", "--out", tmp_path / "scored")
    assert done.exit_code == 0, done.output
    assert Store(folder).runs().num_rows == before
    assert set(Store(tmp_path / "scored").runs()["verifier"].to_pylist()) == {"constant"}


def test_a_work_that_was_stopped_goes_on(folder, monkeypatch):
    from outlay.cli import verify

    monkeypatch.setattr(verify, "RUNS_PER_PART", 10)
    kept = []
    append = Store.append

    def interrupted(self, traces):
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append(len(traces))
        append(self, traces)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "append", interrupted)
        stopped = run("verify", folder, "--verifier", "agreement")
    assert stopped.exit_code == 130 and "what was finished is kept, go on with" in stopped.stderr
    told = json.loads(run("verify", folder, "--verifier", "agreement", "--json").stdout)
    assert (told["questions"], told["there"]) == (4, 20)


def test_a_file_is_scored_into_another_and_reported(samples, tmp_path):
    out = tmp_path / "scored.jsonl"
    done = run("verify", samples, "--verifier", "agreement", "--out", out)
    assert done.exit_code == 0, done.output
    assert "192 solutions of 24 pools scored by agreement" in done.stdout.replace("\n", " ")
    assert run("analyse", out).exit_code == 0
    shown = run("verifier-report", samples, out)
    assert shown.exit_code == 0, shown.output
    assert "agreement" in shown.stdout and "AUC within, by bin" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["verify", "nothing", "--verifier", "agreement"], "There is no nothing"),
        (["verify", "samples.jsonl", "--verifier", "agreement"], "say with --out"),
        (["verify", "samples.jsonl", "--verifier", "agreement", "--out", "samples.jsonl"], "into another file"),
        (["verify", "samples.jsonl", "--verifier", "agreement", "--out", "scored"], "ends in .jsonl"),
        (["verify", "samples.jsonl", "--verifier", "agrement", "--out", "s.jsonl"], 'did you mean "agreement"'),
        (["verify", "empty", "--verifier", "agreement"], "holds no traces"),
        (["verifier-report", "samples.jsonl", "--verifier", "agreement"], "no sample is scored by agreement"),
        (["verifier-report", "empty"], "holds no traces"),
        (["verifier-report", "samples.jsonl", "samples.jsonl"], "given twice"),
        (["verifier-report", "samples.jsonl", "--aggregation", "max"], 'no step aggregation "max"'),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(arguments, says, samples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    failed = run(*arguments)
    assert failed.exit_code == 2, failed.output
    assert says in failed.stderr and len(failed.stderr.strip().splitlines()) == 1


def test_scores_that_are_missing_are_counted(samples, tmp_path):
    out = tmp_path / "scored.jsonl"
    done = run("verify", samples, "--verifier", "logprob", "--out", out)
    assert "! 192 solutions have no score (missing, not 0)." in done.stdout
    assert {json.loads(line)["score"] for line in out.read_text().splitlines()} == {None}
    assert "outlay verify first" in run("verifier-report", out).stderr
