"""`outlay calibrate` with a goal: it is promised, or refused with exit code 1 and nothing written; mistakes are exit code 2."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from outlay.cli.main import app
from outlay.policies import Policy
from outlay.traces import Store
from outlay.types import Budget, Cost, Question, Solution, Step, Trace


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    """A store of 120 questions with 8 samples each: of two thirds of the questions most samples are right, of the others few."""
    folder = tmp_path_factory.mktemp("runs")
    generator, made = np.random.default_rng(3), []
    for q in range(120):
        rate = 0.85 if q % 3 else 0.3
        right = tuple(bool(one) for one in generator.random(8) < rate)
        texts = ["1" if one else str(generator.integers(2, 7)) for one in right]
        drawn = tuple(Solution((Step("x", 1),), True, text, sample=s) for s, text in enumerate(texts))
        question = Question(f"q{q:03d}", "?", "1", "arithmetic")
        cost = Cost(generated_tokens=8, generations=8)
        made.append(
            Trace(
                question,
                {"name": "majority"},
                Budget(8),
                0,
                "m",
                None,
                "1",
                drawn,
                cost,
                0,
                True,
                solution_correct=right,
            )
        )
    Store(folder).append(made)
    return folder


def calibrate(traces, out, *goal):
    return CliRunner().invoke(app, ["calibrate", str(traces), "--pilot", "2", "--out", str(out), *goal])


def test_what_the_questions_support_is_promised(traces, tmp_path):
    done = calibrate(
        traces, tmp_path / "policy.yaml", "--target-accuracy", "0.55", "--policy", "same_for_all", "--json"
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    policy = Policy.load(tmp_path / "policy.yaml")
    assert told["promise"] == json.loads(policy.promise.model_dump_json())
    assert policy.promise.tested_on == 72 and policy.promise.bound >= 0.55
    assert told["measured"]["accuracy"]["mean"] == pytest.approx(policy.promise.estimate, abs=1e-6)
    assert (
        "# Promise: At least 55.0% of answers are right, with 95% confidence" in (tmp_path / "policy.yaml").read_text()
    )


@pytest.mark.parametrize("kind", ["across", "window", "threshold", "adaptive_consistency"])
def test_every_kind_of_policy_can_be_promised(traces, tmp_path, kind):
    done = calibrate(traces, tmp_path / "policy.yaml", "--budget", "4", "--mean", "--policy", kind, "--json")
    assert done.exit_code == 0, done.output
    policy = Policy.load(tmp_path / "policy.yaml")
    assert policy.promise.kind == "mean_cost" and policy.promise.target == 4 and policy.answer_confidence is not None
    assert policy.kind in (kind, "rule", "per_bin")  # the last where the same for all is as good


def test_what_they_do_not_support_is_refused_and_nothing_is_written(traces, tmp_path):
    goal = ("--target-accuracy", "0.95", "--policy", "same_for_all")
    plain, as_json = (
        calibrate(traces, tmp_path / "policy.yaml", *goal),
        calibrate(traces, tmp_path / "p.yaml", *goal, "--json"),
    )
    assert plain.exit_code == as_json.exit_code == 1
    assert "cannot be promised at 95% from 120 questions" in " ".join(plain.stderr.split())
    told = json.loads(as_json.stdout)
    assert told["promise"] is None and 0.4 < told["best"]["can_be_promised"] < told["best"]["measured"] < 0.95
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "goal, says",
    [
        ((), "none is given"),
        (("--budget", "4", "--target-accuracy", "0.5"), "--budget and --target-accuracy are given"),
        (("--target-accuracy", "90"), "0.9 is 90%"),
        (("--price-of-error", "0"), "above 0"),
        (("--mean", "--price-of-error", "5"), "--mean says how --budget is meant"),
        (("--budget", "4", "--mean", "--policy", "widnow"), "did you mean"),
        (("--budget", "4", "--policy", "router"), "no other model's answers"),
        (("--target-accuracy", "0.5", "--policy", "router"), "no other model's answers"),
        (("--target-accuracy", "0.5", "--policy", "cascade"), "nothing to switch to"),
        (("--budget", "4", "--difficulty", "words"), 'no estimate of difficulty "words"'),
        (("--target-accuracy", "0.5", "--level", "0.2"), "level"),
    ],
)
def test_another_goal_is_a_mistake(traces, tmp_path, goal, says):
    done = calibrate(traces, tmp_path / "policy.yaml", *goal)
    assert done.exit_code == 2 and says in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []
