"""Interrupts, kills and dead workers, with real processes: the state is kept, nobody is left, and it is said how to go on."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from programs import STUDY, alive, begun, outlay, runs_in, wait_until

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked for in /proc"),
]

QUESTIONS = 120
EVERYTHING = 4 * QUESTIONS


@pytest.fixture
def study(tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY.format(questions=QUESTIONS))
    return tmp_path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "study.yaml").write_text(STUDY.format(questions=QUESTIONS))
    assert outlay("run", "study.yaml", "--out", "out", cwd=folder).returncode == 0
    return settled(folder / "out")


def settled(out):
    return json.loads((out / "summary.json").read_text()) | {"seconds": None}


def started(study):
    """A run that is in the middle of its work: something is finished, something is left."""
    process = begun("run", "study.yaml", "--out", "out", "--workers", 2, cwd=study)
    wait_until(lambda: process.poll() is not None or runs_in(study / "out"))
    assert process.poll() is None, process.communicate()
    return process


def to_group(process, number):
    os.killpg(process.pid, number)


def to_parent(process, number):
    process.send_signal(number)


def nobody_is_left(process):
    wait_until(lambda: not alive(process.pid), seconds=20)


@pytest.mark.parametrize(
    ("send", "number", "times", "code"),
    [
        (to_group, signal.SIGINT, 1, 130),
        (to_group, signal.SIGINT, 5, 130),
        (to_parent, signal.SIGINT, 1, 130),
        (to_parent, signal.SIGTERM, 1, 143),
        (to_group, signal.SIGHUP, 1, 129),
    ],
)
def test_an_interrupt_keeps_the_state_and_says_how_to_go_on(study, send, number, times, code):
    process = started(study)
    for _ in range(times):
        if process.poll() is None:
            send(process, number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == code
    assert said.split("\n") == [
        "",
        "Interrupted; what was finished is kept, go on with: outlay run study.yaml --out out --workers 2",
        "",
    ]
    nobody_is_left(process)
    assert 0 < runs_in(study / "out") < EVERYTHING
    assert not list((study / "out").rglob("summary*"))


def test_an_interrupt_while_the_traces_are_read_loses_nothing(study, undisturbed):
    process = started(study)
    wait_until(lambda: process.poll() is not None or runs_in(study / "out") == EVERYTHING)
    to_group(process, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "go on with" in said
    assert not list((study / "out").rglob("summary*"))
    assert outlay("run", "study.yaml", "--out", "out", cwd=study).returncode == 0
    assert settled(study / "out") == undisturbed


def test_no_worker_outlives_a_parent_that_is_killed_alone(study):
    process = started(study)
    process.kill()
    process.communicate()
    nobody_is_left(process)
    assert runs_in(study / "out") < EVERYTHING


def test_a_worker_that_is_killed_is_told_in_one_sentence_and_a_second_run_completes(study, undisturbed):
    process = started(study)
    workers = [number for number, command in alive(process.pid).items() if "spawn_main" in command]
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    (sentence,) = said.splitlines()
    assert "a worker process was killed (SIGKILL)" in sentence
    assert "give the same command again, with fewer --workers" in sentence
    nobody_is_left(process)
    assert outlay("run", "study.yaml", "--out", "out", "--workers", 1, cwd=study).returncode == 0
    assert settled(study / "out") == undisturbed


def test_a_second_run_into_the_folder_is_refused_and_the_first_is_not_disturbed(study, undisturbed):
    process = started(study)
    to_group(process, signal.SIGSTOP)  # it might be done before the second has started, on a busy machine
    try:
        second = outlay("run", "study.yaml", "--out", "out", cwd=study)
    finally:
        to_group(process, signal.SIGCONT)
    assert second.returncode == 2
    assert second.stderr == (
        "outlay: Another run is writing into out; wait for it to end, or give another folder with --out.\n"
    )
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert settled(study / "out") == undisturbed


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode != 0,
    reason="no disk of its own can be mounted here",
)
def test_a_run_goes_on_when_there_is_room_again(study, undisturbed):
    (study / "disk").mkdir()
    run = f'"{sys.executable}" -m outlay.cli.main run study.yaml --out disk/out --workers 2 > "$1.stdout" 2> "$1"; echo $?'
    script = f"""
        mount -t tmpfs -o size=100k none disk
        set -- full; {run}
        find disk -name "*.tmp"
        mount -o remount,size=50m disk
        set -- room; {run}
        cp disk/out/summary.json .
    """
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=study, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "0"]
    (said,) = (study / "full").read_text().splitlines()
    assert "No space left on device" in said
    assert "make room there" in said
    assert settled(study) == undisturbed
