"""The real `outlay` program in processes of its own, for the system tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = [sys.executable, "-m", "outlay.cli.main"]

STUDY = """
name: small
pilot: 2
headline_budget: 4
entries:
  - task: countdown
    model: embedded:countdown-small
    verifier: embedded:countdown-prm
    split: validation
    questions: {questions}
    pool: 8
    difficulty_samples: 4
    searches:
      - {{strategy: {{name: beam_search, width: 2}}, budgets: [4]}}
"""


def outlay(*arguments, cwd=None, through=(), **options):
    """The program with these arguments, to its end; `through` is a command that starts others, as `env` does."""
    command = [*through, *PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=600, **options)


def begun(*arguments, cwd=None):
    """The program in a process group of its own, still running."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(true, seconds=120.0):
    """Come back when `true()`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def alive(group):
    """Identifiers and command lines of the processes of a group that still run (Linux)."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
                command = (folder / "cmdline").read_text()
            except OSError:
                continue
            if int(its_group) == group and state != "Z":
                found[int(folder.name)] = command
    return found


def runs_in(out):
    """How many runs a folder of traces holds so far."""
    from outlay.traces import Store

    return len(Store(out, create=False).done()) if (out / "runs").is_dir() else 0


def contents(folder):
    """Every file below a folder with its bytes, to be compared later."""
    return {
        str(Path(where, name).relative_to(folder)): Path(where, name).read_bytes()
        for where, _, names in os.walk(folder)
        for name in names
    }
