"""From a study with a larger model to a router's file, as a user goes."""

import json

import pytest
from typer.testing import CliRunner

from outlay.cli.main import app
from outlay.policies import Policy, Spend, State

SMALL, LARGE = "embedded:arithmetic-clean-small", "embedded:arithmetic-clean-large"
STUDY = f"""
name: ladder
seed: 0
pilot: 1
entries:
  - {{task: arithmetic-clean, model: "{SMALL}", verifier: "embedded:arithmetic-clean-prm", large: "{LARGE}", split: validation,
     questions: 60, pool: 4, difficulty_samples: 2}}
"""


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ladder")
    (folder / "ladder.yaml").write_text(STUDY)
    done = CliRunner().invoke(
        app, ["run", str(folder / "ladder.yaml"), "--out", str(folder / "runs"), "--workers", "1"]
    )
    assert done.exit_code == 0, done.output
    return folder / "runs"


@pytest.mark.parametrize("told", ["question", "pilot"])
def test_a_router_is_fitted_to_a_studys_traces(traces, tmp_path, told):
    out = tmp_path / "router.yaml"
    goal = ["--policy", "router", "--difficulty", told, "--budget", "2", "--pilot", "1", "--bins", "2"]
    done = CliRunner().invoke(app, ["calibrate", str(traces), *goal, "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    policy, said = Policy.load(out), json.loads(done.stdout)
    assert policy.kind == "router" and policy.models() == (SMALL, LARGE) and policy.difficulty.source == told
    assert policy.mean_budget == 2 and said["measured"]["cost"]["mean"] < 2.6
    assert any("by lot, blind to the question" in line for line in said["warnings"])
    assert set(policy.origin.weights) >= {SMALL, LARGE}
    step = policy.decide(State(budget=8, question="1 + 2 + 3 ="))
    assert isinstance(step, Spend) and step.purpose == ("answer" if told == "question" else "pilot")
