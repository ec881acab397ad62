import subprocess
import sys

import pytest
from typer.testing import CliRunner

from outlay.cli.main import app


def refused(*arguments):
    failed = CliRunner().invoke(app, list(arguments))
    assert (failed.exit_code, failed.stdout) == (2, "")
    (line,) = failed.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["analyze"], 'there is no command "analyze": did you mean "analyse"?'),
        (["lab", "chek"], 'there is no command "lab chek": did you mean "check"?'),
        (["zzz"], 'there is no command "zzz": known are '),
        (["run", "x", "--dry-rn"], '"run" has no option "--dry-rn": did you mean "--dry-run"?'),
        (["lab", "check", "--famly", "x"], '"lab check" has no option "--famly": did you mean "--family"?'),
        (["--vers"], '"outlay" has no option "--vers": did you mean "--version"?'),
        (["run"], "missing argument"),
        (["run", "x", "--workers", "many"], "--workers"),
        (["calibrate", "x", "--budget"], "--budget"),
        (["demo", "more"], '"outlay demo --help" shows how it is used'),
        (["--show-completion", "zhs"], 'there is no completion for the shell "zhs": did you mean "zsh"?'),
    ],
)
def test_a_mistake_of_usage_is_one_sentence_with_the_nearest_known_name(arguments, says):
    line = refused(*arguments)
    assert line.startswith("outlay: ") and says in line


def test_an_option_that_is_near_none_is_answered_with_all():
    assert refused("plugins", "--qqqq").endswith("known are --help, --json, --verbose")


@pytest.mark.parametrize("arguments", [[], ["lab"]])
def test_no_command_shows_the_help_and_is_a_mistake(arguments):
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 2
    assert "Commands" in shown.output


@pytest.mark.parametrize("arguments", [["--version"], ["plugins", "--help"]])
def test_the_module_is_the_command(arguments):
    module = subprocess.run([sys.executable, "-m", "outlay", *arguments], capture_output=True, text=True)
    command = CliRunner().invoke(app, arguments)
    assert module.returncode == 0
    assert module.stdout.split() == command.stdout.split()


def test_the_module_says_mistakes_like_the_command():
    failed = subprocess.run([sys.executable, "-m", "outlay", "analyze"], capture_output=True, text=True)
    assert failed.returncode == 2
    assert failed.stderr == 'outlay: there is no command "analyze": did you mean "analyse"?\n'
