import io
import json
import logging
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from outlay.cli.main import app
from outlay.cli.verbosity import HIDDEN, heard, without_secrets

SECRET = st.text(string.ascii_letters + string.digits, min_size=16, max_size=40)

STUDY = """
name: small
pilot: 2
entries:
  - {task: countdown, model: "embedded:countdown-small", questions: 10, pool: 4, difficulty_samples: 2}
"""


@given(SECRET)
@pytest.mark.parametrize(
    "shape",
    [
        "openai:https://me:{}@host/v1#model",
        "https://host/v1?api_key={}&x=1",
        "Authorization: Bearer {}",
        "options {{'api_key': '{}'}}",
        "token={}",
        "sk-{}",
    ],
)
def test_what_is_shaped_like_a_secret_is_hidden(shape, secret):
    said = without_secrets(shape.format(secret), {})
    assert secret not in said and HIDDEN in said


@given(SECRET, st.sampled_from(["SERVER_API_KEY", "HF_TOKEN", "my_secret", "DB_PASSWORD"]))
def test_what_the_environment_calls_a_secret_is_hidden_wherever_it_stands(secret, name):
    assert secret not in without_secrets(f"asked ({secret}) twice", {name: secret})


@pytest.mark.parametrize(
    "line",
    [
        "study demo, seed 0, in /home/me/runs: 120 runs are there, 3 are left in 2 packages for 2 workers",
        "ended 80 runs of countdown with embedded:countdown-small and embedded:countdown-prm after 2.7 s",
        "31,000 tokens/s at http://localhost:8000/v1",
    ],
)
def test_what_is_no_secret_is_left_alone(line):
    assert without_secrets(line, {"KEYBOARD": "countdown", "USE_TOKEN": "true"}) == line


def test_nothing_is_heard_without_it(capsys):
    with heard(False):
        logging.getLogger("outlay.study").info("working")
    assert capsys.readouterr() == ("", "")


def test_what_the_package_logs_is_heard_on_standard_error_and_no_longer_afterwards(capsys):
    with heard(True):
        logging.getLogger("outlay.study").info("working")
        logging.getLogger("other").info("something else")
    logging.getLogger("outlay.study").info("too late")
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.endswith(" working")


def test_a_programs_own_handlers_hear_the_package():
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logger = logging.getLogger("outlay")
    logger.addHandler(handler)
    try:
        logging.getLogger("outlay.study").warning("heard")
    finally:
        logger.removeHandler(handler)
    assert said.getvalue() == "heard\n"


def test_a_secret_in_an_option_is_not_logged():
    address = "nowhere:https://me:hunter2hunter2@host/v1"
    failed = CliRunner().invoke(app, ["doctor", "--model", address, "-v"])
    assert failed.exit_code == 2
    assert HIDDEN in failed.stderr and "hunter2" not in failed.stderr


@pytest.mark.system
def test_v_tells_of_the_folder_what_is_left_and_every_package(tmp_path):
    study, out = tmp_path / "study.yaml", tmp_path / "out"
    study.write_text(STUDY)
    first = CliRunner().invoke(app, ["run", str(study), "--out", str(out), "--workers", "1", "--json", "-v"])
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["groups"]
    assert f"in {out}: 0 runs are there, " in first.stderr
    assert first.stderr.count("started ") == first.stderr.count("ended ") > 0
    again = CliRunner().invoke(app, ["run", str(study), "--out", str(out), "--workers", "1", "--json", "-v"])
    assert ", 0 are left in 0 packages" in again.stderr and "started " not in again.stderr
