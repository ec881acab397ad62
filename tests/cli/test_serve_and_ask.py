"""`outlay serve` and `outlay ask` on the command line: what is refused before anything is opened, keys, one question."""

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outlay.cli.main import app

sys.path.insert(0, str(Path(__file__).parents[1] / "serve"))
from serving import PILOT, QUESTION, policy_file


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--policy", "none.yaml"], "There is no policy file"),
        (["--policy", "policy.yaml", "--host", "0.0.0.0"], "--api-key-file"),
        (["--policy", "policy.yaml", "--port", "70000"], "is no port"),
        (["--policy", "policy.yaml", "--upstream", "embedded:countdown-large"], "calibrated for the model"),
        (["--policy", "policy.yaml", "--most-usd", "1"], "needs prices"),
        (["--policy", "policy.yaml", "--trace-share", "2"], "is no share"),
        (["--policy", "policy.yaml", "--at-once", "0"], "leaves nothing"),
        (["--policy", "policy.yaml", "--api-key-file", "nothing"], "--new-key"),
        ([], "--policy FILE is missing"),
        (["--new-key", "me"], "--api-key-file"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_sentence(tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    policy_file(tmp_path, PILOT)
    ended = run("serve", *arguments)
    assert ended.exit_code == 2 and says in ended.stderr, ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1 and not (tmp_path / "served").exists()


def test_a_port_that_is_taken_is_told_of(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("serve", "--policy", policy_file(tmp_path, PILOT), "--port", taken.getsockname()[1])
    assert ended.exit_code == 2 and "give another --host or --port" in ended.stderr


def test_a_key_is_made_and_shown_once(tmp_path):
    made = run("serve", "--new-key", "me", "--api-key-file", tmp_path / "keys", "--json")
    key = json.loads(made.stdout)["key"]
    assert made.exit_code == 0 and re.fullmatch(r"outlay-[A-Za-z0-9_-]{43}", key)
    assert key not in (tmp_path / "keys").read_text()
    assert run("serve", "--new-key", "me", "--api-key-file", tmp_path / "keys").exit_code == 2


def test_a_question_is_answered_and_it_is_shown_how(tmp_path):
    policy = policy_file(tmp_path, PILOT)
    shown = run("ask", QUESTION, "--policy", policy, "--budget", "16")
    assert shown.exit_code == 0
    for part in ("pilot", "score", "stopped:", "Answer:", "Cost:", "Uniform best-of-N"):
        assert part in shown.stdout, shown.stdout
    told = json.loads(run("ask", QUESTION, "--policy", policy, "--budget", "16", "--json").stdout)
    assert told["generations"] in (4, 16) and len(told["candidates"]) == told["generations"]


def test_without_a_policy_every_question_gets_the_same(tmp_path):
    told = json.loads(run("ask", QUESTION, "--budget", "5", "--json").stdout)
    assert (told["generations"], told["strategy"]["name"], told["uniform"]) == (5, "best_of_n", None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([QUESTION, "--budget", "0"], "leaves nothing"),
        ([QUESTION, "--target-confidence", "2"], "is no probability"),
        (["What is love?"], "cannot read"),
        ([QUESTION, "--policy", "none.yaml"], "There is no policy file"),
        ([QUESTION, "--model", "embedded:nothing"], "no embedded model"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_in_one_sentence(arguments, says):
    ended = run("ask", *arguments)
    assert ended.exit_code == 2 and says in ended.stderr and len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("own", ["embedded:countdown-large", "openai:http://localhost:1/v1#a"])
def test_a_question_is_not_asked_of_another_model_than_the_policys(tmp_path, own):
    policy = policy_file(tmp_path, PILOT)
    changed = policy.read_text().replace("model: embedded:countdown-small", f"model: {own}")
    policy.write_text(changed)
    assert own in changed
    ended = run("ask", QUESTION, "--policy", policy, "--model", "embedded:countdown-small")
    assert ended.exit_code == 2 and "calibrated for the model" in ended.stderr


def test_a_question_is_not_asked_of_other_weights_than_the_policys(tmp_path):
    policy = policy_file(tmp_path, PILOT)
    policy.write_text(policy.read_text() + "origin:\n  weights:\n    embedded:countdown-small: 0123456789abcdef\n")
    ended = run("ask", QUESTION, "--policy", policy)
    assert ended.exit_code == 2 and "calibrated with other weights of" in ended.stderr
