import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from outlay.cli.completion import embedded, joined_at_colons
from outlay.lab.recipes import FAMILIES, MODEL_NAMES, POLICIES, REVISERS, STARS, VERIFIERS, made_by
from outlay.models import registered as backends
from outlay.tasks import registered as tasks

pytestmark = pytest.mark.system

COMMAND = Path(sys.executable).with_name("outlay")
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
needs_command = pytest.mark.skipif(not COMMAND.is_file(), reason="the outlay script is not beside this interpreter")

PROPOSE = {recipe.name for recipe in (*POLICIES, *STARS, *REVISERS)}
VERIFY = {name for recipe in VERIFIERS for name in made_by(recipe)}


def beginning(word, names):
    return {name for name in names if name.startswith(word)}


ASK = """
source <(outlay --show-completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_outlay_completion outlay
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words):
    """What bash would offer for the last of these words, broken as bash breaks them."""
    environment = {**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
    command = ["bash", "--norc", "-c", ASK, "bash", "outlay", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_of_any_shell_is_shown(shell):
    shown = subprocess.run([sys.executable, "-m", "outlay", "--show-completion", shell], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert f"complete_{shell}" in shown.stdout and "_OUTLAY_COMPLETE" in shown.stdout


def test_the_script_is_installed_in_the_home_folder(tmp_path):
    command = [sys.executable, "-m", "outlay", "--install-completion", "bash"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    scripts = [path for path in tmp_path.rglob("*") if path.is_file() and "_OUTLAY_COMPLETE" in path.read_text()]
    assert len(scripts) == 1 and str(scripts[0]) in done.stdout


@needs_bash
@needs_command
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["doc"], {"doctor"}),
        (["lab", "che"], {"check"}),
        (["doctor", "--veri"], {"--verifier"}),
        (["lab", "check", "--family", ""], set(FAMILIES)),
        (["calibrate", "traces", "--task", ""], set(tasks())),
        (["lab", "train", "--only", "countdown-p"], beginning("countdown-p", MODEL_NAMES)),
        (["doctor", "--verifier", "or"], {"oracle:"}),
        (["doctor", "--model", "embedded", ":", "countdown-s"], beginning("countdown-s", PROPOSE)),
        (
            ["doctor", "--model", "embedded:countdown-s"],
            {f"embedded:{name}" for name in beginning("countdown-s", PROPOSE)},
        ),
        (["doctor", "--verifier", "embedded", ":", "countdown"], beginning("countdown", VERIFY)),
    ],
)
def test_bash_is_offered_what_goes_on_from_the_word(words, wanted):
    assert set(offered(*words)) == wanted


@needs_bash
@needs_command
def test_after_the_colon_every_embedded_model_is_offered_without_its_prefix():
    assert "embedded" in backends()
    found = offered("doctor", "--model", "embedded", ":")
    assert {"countdown-small", "arithmetic-large"} <= set(found)
    assert not any(name.startswith("embedded") or name.endswith("-prm") for name in found)


def test_models_are_told_by_their_role_not_by_their_name():
    assert {address.removeprefix("embedded:") for address in embedded(verifying=False)} == PROPOSE
    others = {address.removeprefix("embedded:") for address in embedded(verifying=True)}
    assert others == set(MODEL_NAMES) - PROPOSE >= VERIFY


@needs_bash
@needs_command
def test_a_study_is_left_to_the_shells_own_completion_of_files():
    assert offered("run", "stu") == []


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        (["outlay", ""], (["outlay"], "", "")),
        (["outlay", "doctor", "--model", "a", ":", "b"], (["outlay", "doctor", "--model"], "a:", "b")),
        (["outlay", "x", ":"], (["outlay"], "x:", "")),
        (["outlay", "a", ":", "b", ":", "c"], (["outlay"], "a:b:", "c")),
        (["outlay", "a", ":", ""], (["outlay", "a:"], "", "")),
        (["outlay", "a", ":", "b", "c"], (["outlay", "a:b"], "", "c")),
    ],
)
def test_words_that_bash_broke_at_colons_are_whole_again(words, whole):
    assert joined_at_colons(words) == whole
