"""What holds for every command of the application, whichever are added."""

import json

import pytest
import typer
from typer.testing import CliRunner

from outlay.cli.main import app


def leaves(command, path=()):
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from leaves(below, (*path, name))
    else:
        yield path, command


COMMANDS = {" ".join(path): command for path, command in leaves(typer.main.get_command(app))}


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_the_commands_are_found():
    assert {"demo", "run", "analyse", "calibrate", "doctor", "plugins", "lab train", "lab check"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_has_an_example_that_names_the_command(name):
    shown = run(*name.split(), "--help")
    assert shown.exit_code == 0
    assert f"Example: outlay {name}" in " ".join(shown.stdout.split())


@pytest.mark.parametrize("option", [{"-v", "--verbose"}, {"--json"}])
@pytest.mark.parametrize("name", COMMANDS)
def test_it_has_the_options_that_all_have(name, option):
    (found,) = [parameter for parameter in COMMANDS[name].params if option <= set(parameter.opts)]
    assert found.help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_explained(name):
    assert [p.name for p in COMMANDS[name].params if not p.help and p.name != "help"] == []


ROWS = [{"question_id": q, "correct": q == s, "answer": str(s)} for q in range(4) for s in range(4)]


@pytest.mark.parametrize(
    ("arguments", "has"),
    [
        (["analyse", "samples.jsonl"], "groups"),
        (["doctor"], "checks"),
        (["plugins"], "strategies"),
        (["run", "study.yaml", "--dry-run"], "left"),
        (["lab", "check", "--family", "arithmetic-clean", "--questions", "5", "--samples", "4"], "arithmetic-clean"),
    ],
)
def test_json_is_one_object_alone_on_standard_output_also_with_v(arguments, has, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    entry = '{task: countdown, model: "embedded:countdown-small", questions: 10, pool: 4, difficulty_samples: 2}'
    (tmp_path / "study.yaml").write_text(f"name: small\npilot: 2\nentries: [{entry}]\n")
    done = run(*arguments, "--json", "-v")
    assert done.exit_code == 0, done.output
    assert has in json.loads(done.stdout)
    assert "is done after" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyse", "nothing.jsonl"],
        ["run", "nothing.yaml"],
        ["calibrate", "nothing", "--budget", "4"],
        ["doctor", "--model", "embedded:nothing"],
        ["lab", "check", "--family", "nothing"],
        ["lab", "train", "--family", "nothing"],
        ["demo", "--workers", "-1"],
    ],
)
def test_an_error_with_json_is_one_sentence_on_standard_error(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed = run(*arguments, "--json")
    assert (failed.exit_code, failed.stdout) == (2, "")
    assert len(failed.stderr.strip().splitlines()) == 1


def test_v_shows_the_traceback_of_an_error(tmp_path):
    failed = run("analyse", str(tmp_path / "nothing.jsonl"), "-v")
    assert failed.exit_code == 2
    assert "Traceback" in failed.stderr and failed.stderr.strip().splitlines()[-1].startswith("outlay: ")


def test_training_with_json_tells_which_models_it_made(tmp_path):
    """Of the family that is asked for, no model is: so there is nothing to train, and nothing was made."""
    pytest.importorskip("torch")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "outlay.json").write_text("{}")
    asked = ["lab", "train", "--family", "countdown", "--only", "arithmetic-small", "--out", str(tmp_path), "--json"]
    done = run(*asked)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["models"], told["out"]) == ({}, str(tmp_path))
