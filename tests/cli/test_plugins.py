"""A package of somebody else, laid out as an installer would leave it: some of what it registers works, some does not."""

import json
import os
import subprocess
import sys

import pytest

MODULE = '''
from dataclasses import dataclass
from typing import ClassVar

from outlay.strategies.parallel import MajorityVote
from outlay.tasks.countdown import Countdown


@dataclass(frozen=True)
class Patient(MajorityVote):
    """Wait and see.

    More that is not shown.
    """

    name: ClassVar[str] = "patient"
    patience: int = 3


def server(address, *, key, timeout=2.5):
    """Models of a server."""


def easy(argument=""):
    """Countdown again."""
    return Countdown()


not_callable = 7
'''
ENTRY_POINTS = """
[outlay.strategies]
patient = elsewhere:Patient
greedy = elsewhere:Patient

[outlay.models]
elsewhere = elsewhere:server
absent = elsewhere.nothing:server
unnamed = elsewhere:nothing
exits = exits:model
seven = elsewhere:not_callable

[outlay.tasks]
easy = elsewhere:easy

[outlay.policies]
mine = elsewhere:server
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    (site / "elsewhere.py").write_text(MODULE)
    (site / "exits.py").write_text("raise SystemExit('wanted out')")
    for large in ("torch", "transformers"):
        (site / f"{large}.py").write_text("")  # not what these tests are about, and slow to import
    info = site / "somebody_elses-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody-elses\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    second = site / "zz_second-3.dist-info"
    second.mkdir()
    (second / "METADATA").write_text("Metadata-Version: 2.1\nName: zz-second\nVersion: 3\n")
    (second / "entry_points.txt").write_text("[outlay.tasks]\neasy = elsewhere:easy\n")
    return site


def outlay(site, *arguments):
    environment = {**os.environ, "PYTHONPATH": f"{site}:{os.environ.get('PYTHONPATH', '')}", "COLUMNS": "80"}
    command = [sys.executable, "-m", "outlay", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def found(site):
    listed = outlay(site, "plugins", "--json")
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)


def test_what_a_package_registers_is_listed_with_its_origin_summary_and_options(found):
    assert found["strategies"]["patient"] == {
        "from": "somebody-elses 1.2",
        "builtin": False,
        "summary": "Wait and see.",
        "options": {"temperature": 1.0, "top_p": 1.0, "prompt": "{question}", "patience": 3},
        "broken": None,
    }
    assert found["models"]["elsewhere"]["options"] == {"key": "(required)", "timeout": 2.5}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent", "ModuleNotFoundError: No module named 'elsewhere.nothing'"),
        ("unnamed", "AttributeError: module 'elsewhere' has no attribute 'nothing'"),
        ("exits", "SystemExit: wanted out"),
        ("seven", "elsewhere:not_callable is nothing that can be called"),
    ],
)
def test_what_does_not_load_is_listed_as_broken_with_its_reason(found, name, reason):
    listed = found["models"][name]
    assert listed["from"] == "somebody-elses 1.2" and listed["broken"].startswith(reason)


def test_a_name_that_is_taken_stays_with_its_first_owner(found):
    assert found["strategies"]["greedy"]["builtin"]
    unused = {(one["kind"], one["from"]): one["broken"] for one in found["unused"]}
    assert unused["strategies", "somebody-elses 1.2"] == "never used, because the name belongs to Outlay itself"
    owner = found["tasks"]["easy"]["from"]
    (other,) = {"somebody-elses 1.2", "zz-second 3"} - {owner}
    assert unused["tasks", other] == f"never used, because the name belongs to {owner}"


def test_packages_register_no_policies(found):
    assert set(found["policies"]) == {"uniform", "best_fixed", "per_bin", "across"}


@pytest.mark.parametrize("kind", ["models", "verifiers", "strategies", "tasks", "policies"])
def test_everything_built_in_says_what_it_is_and_its_module(found, kind):
    builtin = {name: one for name, one in found[kind].items() if one["builtin"]}
    assert builtin
    for name, one in builtin.items():
        assert one["summary"] and one["broken"] is None, name
        assert one["from"].startswith("outlay."), name


def test_options_are_those_that_a_study_may_give(found):
    from outlay.strategies import BeamSearch, from_spec

    options = found["strategies"]["beam_search"]["options"]
    assert from_spec({"name": "beam_search", **options}) == BeamSearch()


def test_the_table_has_every_name_and_fits_80_columns(site, found):
    listed = outlay(site, "plugins")
    assert listed.returncode == 0
    names = {line.split()[0] for line in listed.stdout.splitlines() if line and not line.startswith(" ")}
    assert {
        name for kind in ("models", "verifiers", "strategies", "tasks", "policies") for name in found[kind]
    } <= names
    assert max(map(len, listed.stdout.splitlines())) <= 80 and "…" not in listed.stdout


def test_a_broken_plugin_that_is_used_fails_in_one_sentence(site, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(
        'name: a\npilot: 2\nentries: [{task: countdown, model: "absent:x", questions: 10, pool: 4, difficulty_samples: 2}]\n'
    )
    failed = outlay(site, "run", str(study), "--out", str(tmp_path / "out"))
    assert (failed.returncode, failed.stdout) == (1, "")
    (line,) = failed.stderr.strip().splitlines()
    assert "somebody-elses 1.2" in line and "elsewhere.nothing" in line


@pytest.mark.parametrize(("address", "reason"), [("absent:x", "elsewhere.nothing"), ("elsewhere:x", "'key'")])
def test_the_doctor_says_how_a_plugin_fails_and_looks_at_the_rest(site, address, reason):
    failed = outlay(site, "doctor", "--model", address, "--json")
    assert (failed.returncode, failed.stderr) == (1, "")
    report = json.loads(failed.stdout)
    assert reason in report["model"]["broken"] and not report["works"]
    assert len(report["checks"]) > 10


def test_a_long_option_is_one_shortened_line():
    from rich.console import Console

    from outlay.cli.plugins import everything, show

    console = Console(width=100, record=True)
    with console.capture() as shown:
        show(console, "strategies", everything()["strategies"])
    assert "critique={question}\\n\\nA proposed solution:" in shown.get()
    assert "Check the solution" not in shown.get()
    assert "text=\\n\\nWait," in shown.get()
