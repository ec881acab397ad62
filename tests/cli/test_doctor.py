import json
import os
import subprocess
import sys
import tomllib
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outlay.cli import checks
from outlay.cli.main import app
from outlay.traces import Store

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
HELD_TO = {"dev", "bench"}
"""Extras that are for developers of Outlay alone."""


def doctor(*arguments):
    done = CliRunner().invoke(app, ["doctor", *arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


def by_name(report):
    return {check["name"]: check for check in report["checks"]}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def elsewhere(folder, **modules):
    """The report of a process that finds these modules' sources before the installed ones; the large ones are left empty."""
    for name, source in {"torch": "", "transformers": "", **modules}.items():
        (folder / f"{name}.py").write_text(source)
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-m", "outlay", "doctor", "--extras", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return done.returncode, json.loads(done.stdout)


def test_all_that_the_demo_needs_works_here(here):
    code, report = doctor()
    assert code == 0 and report["works"]
    assert [check for check in report["checks"] if check["required"] and check["state"] != "ok"] == []


def test_it_leaves_nothing_behind(here):
    doctor()
    assert list(here.iterdir()) == []


def test_what_is_not_well_comes_with_a_command_and_what_is_well_without(tmp_path):
    _, report = elsewhere(tmp_path, torch="raise ModuleNotFoundError('No module', name='torch')")
    for check in report["checks"]:
        assert (check["do"] is None) == (check["state"] == "ok"), check


def test_the_drawn_answers_are_graded(here):
    _, report = doctor()
    said = by_name(report)["generation"]["says"]
    right = int(said.split(" of ")[0])
    assert 0 < right <= checks.QUESTIONS and "tokens/s" in said


def test_a_library_of_the_core_that_does_not_load_is_broken_and_the_demo_too(tmp_path):
    code, report = elsewhere(tmp_path, jinja2="raise ImportError('damaged')")
    broken = by_name(report)["libraries"]
    assert (code, report["works"], broken["state"]) == (1, False, "broken")
    assert "jinja2: ImportError: damaged" in broken["says"] and broken["do"].endswith(
        "pip install --force-reinstall jinja2"
    )


def test_an_optional_part_may_be_missing(tmp_path):
    code, report = elsewhere(tmp_path, torch="raise ModuleNotFoundError('No module', name='torch')")
    lab = by_name(report)["extra: lab"]
    assert (code, lab["state"], lab["required"]) == (0, "missing", False)
    assert "[lab]" in lab["do"]


def test_an_optional_part_may_be_broken_which_is_not_the_same(tmp_path):
    code, report = elsewhere(tmp_path, torch="raise OSError('libc10.so is gone')")
    lab = by_name(report)["extra: lab"]
    assert (code, lab["state"]) == (0, "broken")
    assert "libc10.so is gone" in lab["says"]


def test_optional_libraries_are_not_imported_unless_that_is_asked_for(tmp_path):
    (tmp_path / "openai.py").write_text("raise SystemExit('imported')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    code = "import sys; from outlay.cli.checks import optional_part; optional_part('extra: openai'); print('openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "False", done.stderr


def test_an_output_folder_that_cannot_be_one_is_broken(here):
    (here / "file").write_text("")
    code, report = doctor("--out", "file")
    folder = by_name(report)["output folder"]
    assert (code, folder["state"]) == (1, "broken")
    assert "file" in folder["says"] and "--out" in folder["do"]


def test_a_lock_keeps_a_second_holder_out(tmp_path):
    assert checks.a_lock_excludes(Store(tmp_path))


def test_a_file_system_without_locks_is_told_from_one_with_them():
    class Unlocked:
        def lock(self):
            return nullcontext()

    assert not checks.a_lock_excludes(Unlocked())


def test_a_folder_of_weights_that_is_damaged_is_named(tmp_path, here):
    """The whole package is copied, so that one file of it can be damaged."""
    import shutil

    import outlay

    package = shutil.copytree(Path(outlay.__file__).parent, tmp_path / "copy" / "outlay")
    (package / "lab" / "weights" / "countdown-large" / "model.safetensors").write_bytes(b"damaged")
    code, report = elsewhere(tmp_path / "copy")
    models = by_name(report)["models"]
    assert (code, models["state"]) == (1, "broken")
    assert "countdown-large" in models["says"] and "countdown-small" not in models["says"]


@pytest.mark.parametrize("width", ["60", "80", "120"])
def test_the_table_fits_the_terminal(here, width):
    done = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": width})
    table = done.stdout.split("\n\n")[0].splitlines()
    assert done.exit_code == 0
    assert "exactness" in done.stdout and "The demo will work here." in done.stdout
    assert max(map(len, table)) <= int(width)
    assert "…" not in done.stdout


@pytest.mark.parametrize(
    "address", ["embedded:countdown-smal", "nowhere:x", "countdown-small", "embedded:countdown-prm"]
)
def test_an_address_of_no_model_is_the_users_mistake(here, address):
    refused = CliRunner().invoke(app, ["doctor", "--model", address])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_model_is_tried(here):
    code, report = doctor("--model", "embedded:arithmetic-small")
    can = report["model"]["capabilities"]
    assert code == 0
    assert (can["runs"], can["log_probabilities"], can["goes_on_from_a_prefix"]) == ("in this process", True, True)
    assert can["parameters"] > 100_000


@pytest.mark.parametrize(
    "address", ["embedded:arithmetic-prm", "embedded:countdown-prm", "oracle:arithmetic", "random:3"]
)
def test_a_verifier_is_tried_on_a_solution_that_it_can_read(here, address):
    code, report = doctor("--verifier", address)
    assert code == 0
    assert report["verifier"]["name"] == address
    assert report["verifier"]["capabilities"]["steps"] >= 1


def test_every_extra_that_a_user_may_install_is_looked_at():
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    assert set(checks.EXTRAS) == set(extras) - HELD_TO


def test_every_library_of_the_core_is_looked_at():
    needed = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    names = {requirement.split(">")[0].split("<")[0].split("=")[0].lower() for requirement in needed}
    assert set(checks.CORE.values()) == names
