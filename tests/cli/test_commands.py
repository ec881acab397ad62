import json

import pytest
from typer.testing import CliRunner

from outlay.cli.calibrate import plain
from outlay.cli.main import app
from outlay.policies import Figure, Measured, Saving
from outlay.traces import Store
from outlay.types import Budget, Cost, Question, Solution, Step, Trace

STUDY = """
name: small
pilot: 2
entries:
  - {task: countdown, model: "embedded:countdown-small", questions: 10, pool: 4, difficulty_samples: 2}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"question_id": q, "correct": q == s, "answer": str(s)} for q in range(4) for s in range(4)]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    return tmp_path


def refused(*arguments):
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 2, (result.output, result.exception)
    return result.stderr


@pytest.fixture
def pool(here):
    """A store of 4 questions with 8 samples each, that vote."""
    store = Store(here / "traces")
    for q in range(4):
        question = Question(f"q{q}", "?", "1", "arithmetic")
        solutions = tuple(
            Solution((Step("x", 1),), True, "1" if (q + s) % 3 == 0 else str(s), sample=s) for s in range(8)
        )
        right = tuple(solution.answer == "1" for solution in solutions)
        cost = Cost(generated_tokens=8, generations=8)
        spec = {"name": "majority"}
        store.append(
            Trace(question, spec, Budget(8), 0, "m", None, "1", solutions, cost, 0, right[0], solution_correct=right)
        )
    return here / "traces"


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyse", "samples.jsonl", "--out", "file"),
        ("analyse", "samples.jsonl", "--out", "file/x"),
        ("run", "study.yaml", "--out", "file"),
        ("run", "study.yaml", "--out", "file/x"),
        ("run", "study.yaml", "--out", "file/x", "--dry-run"),
        ("demo", "--quick", "--out", "file/x"),
        ("calibrate", "nothing", "--budget", "4", "--out", "folder"),
        ("calibrate", "nothing", "--budget", "4", "--out", "file/policy.yaml"),
        ("lab", "train", "--out", "file/x"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(here, arguments):
    before = sorted(here.rglob("*"))
    said = refused(*arguments)
    assert arguments[arguments.index("--out") + 1] in said and "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyse", "samples.jsonl"),
        ("run", "study.yaml"),
        ("demo", "--quick"),
        ("calibrate", "folder", "--budget", "4"),
        ("lab", "check"),
        ("lab", "train"),
    ],
)
def test_a_seed_is_at_least_nought(here, arguments):
    assert "--seed" in refused(*arguments, "--seed", "-1")


@pytest.mark.parametrize("again", ["samples.jsonl", "./samples.jsonl"])
def test_a_file_named_twice_is_refused(here, again):
    assert "given twice" in refused("analyse", "samples.jsonl", again)


def test_a_folder_named_twice_is_refused(pool):
    assert "given twice" in refused("analyse", str(pool), str(pool))


def test_a_study_with_an_unknown_model_samples_nothing(here):
    (here / "study.yaml").write_text(STUDY.replace("pool: 4", "pool: 4, large: embedded:countdown-larg"))
    assert 'field entries.0.large: there is no embedded model "countdown-larg"' in refused(
        "run", "study.yaml", "--out", "new"
    )
    assert not (here / "new").exists()


def test_a_pilot_as_large_as_the_pool_is_refused(pool):
    assert "--pilot 8 leaves nothing of the pool of 8" in refused(
        "calibrate", str(pool), "--budget", "4", "--pilot", "8"
    )


def test_a_policy_without_a_verifier_measures_consensus(pool, here):
    from outlay.policies import Policy

    out = here / "policy.yaml"
    done = CliRunner().invoke(
        app, ["calibrate", str(pool), "--budget", "8", "--pilot", "2", "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    policy = Policy.load(out)
    assert policy.difficulty.measure == "consensus" and policy.difficulty.strategy == {"name": "majority"}
    assert policy.calibrated.splits == 0
    assert "verifier score" not in out.read_text()


@pytest.mark.parametrize("kind", ["sequential", "adaptive_consistency"])
def test_a_policy_that_looks_is_fitted_and_written(pool, here, kind):
    from outlay.policies import Policy, Spend, State

    out = here / "policy.yaml"
    done = CliRunner().invoke(app, ["calibrate", str(pool), "--budget", "4", "--policy", kind, "--out", str(out)])
    assert done.exit_code == 0, done.output
    policy = Policy.load(out)
    assert [plan.budget for plan in policy.plans] == [1.0, 2.0, 4.0]
    first = policy.decide(State(budget=8))
    assert isinstance(first, Spend) and first.purpose == "sample"
    assert "in the order of asking" in out.read_text()


def test_a_total_budget_needs_a_policy(here):
    assert "name its file with --policy" in refused("run", "study.yaml", "--total-budget", "40")


def test_a_total_budget_refuses_a_policy_for_another_task(pool, here):
    made = CliRunner().invoke(app, ["calibrate", str(pool), "--budget", "2", "--policy", "fixed", "--out", "p.yaml"])
    assert made.exit_code == 0, made.output
    assert "calibrated for the task 'arithmetic'" in refused(
        "run", "study.yaml", "--total-budget", "40", "--policy", "p.yaml"
    )


def test_infinity_is_null_in_json():
    figure = Figure(mean=0.5, low=0.4, high=0.6)
    saving = Saving(value=6.4, low=1.4, high=float("inf"), censored=True)
    measured = plain(Measured(accuracy=figure, cost=figure, times_less_than_baseline=saving))
    assert measured["times_less_than_baseline"] == {"value": 6.4, "low": 1.4, "high": None, "censored": True}
    json.dumps(measured, allow_nan=False)
