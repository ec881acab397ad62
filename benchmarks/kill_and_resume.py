"""Kill a run at random moments, go on each time, and compare what it says in the end with an undisturbed run.

    python benchmarks/kill_and_resume.py --quick              # the quick demo, five kills
    python benchmarks/kill_and_resume.py                      # the whole demo
    python benchmarks/kill_and_resume.py --study study.yaml --kills 2

Every kill is SIGKILL, which no process can answer: of the whole process group, and every third time of the parent alone, whose
workers then have to end by themselves. The moments are drawn from `--seed`; each is at least `STARTED` seconds in, so that
something runs, and on average they leave each resumption an equal share of the undisturbed run. Exit code 0 if the summaries are
equal, `seconds` aside, and the traces hold every run once; 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from outlay.traces import Store

STARTED = 1.5
"""Seconds after which workers have usually been started."""

SECONDS_TO_VANISH = 20.0
"""Workers of a parent that was killed alone must be gone by then; usually they are within a tenth of a second."""


def main() -> int:
    options = parsed()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.out or scratch)
        command = [sys.executable, "-m", "outlay.cli.main", *what_to_run(options)]
        began = time.monotonic()
        subprocess.run([*command, "--out", str(folder / "undisturbed")], check=True, stdout=subprocess.DEVNULL)
        whole = time.monotonic() - began
        print(f"undisturbed: {whole:.1f} s, {finished(folder / 'undisturbed')} runs", flush=True)
        moments = random.Random(options.seed)
        for number in range(options.kills):
            kill_once(
                [*command, "--out", str(folder / "killed")], folder / "killed", number, moments, whole, options.kills
            )
        subprocess.run([*command, "--out", str(folder / "killed")], check=True, stdout=subprocess.DEVNULL)
        return compared(folder / "undisturbed", folder / "killed")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the quick demo instead of the whole")
    parser.add_argument("--study", help="a study of your own instead of the demo")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="worker processes; 0: one a core")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--out", help="keep both folders here; they must not exist yet")
    return parser.parse_args()


def what_to_run(options: argparse.Namespace) -> list[str]:
    chosen = ["run", options.study] if options.study else ["demo", *(["--quick"] if options.quick else [])]
    return [*chosen, "--workers", str(options.workers)]


def kill_once(command: list[str], out: Path, number: int, moments: random.Random, whole: float, kills: int) -> None:
    """Start, wait, kill, and say what was lost."""
    before = finished(out)
    moment = STARTED + moments.uniform(0, 2) * max(whole - STARTED, 0.0) / (kills + 1)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(timeout=moment)
        print(f"kill {number + 1}: it ended before {moment:.1f} s", flush=True)
        return
    except subprocess.TimeoutExpired:
        pass
    alone = number % 3 == 1
    if alone:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    seconds = vanished(process.pid)
    leftovers = sum(1 for _ in out.rglob("*.tmp"))
    print(
        f"kill {number + 1}: {'parent alone' if alone else 'all'} after {moment:.1f} s; runs {before} -> {finished(out)}, "
        f"{leftovers} half-written files, workers gone after {seconds:.1f} s",
        flush=True,
    )


def vanished(group: int) -> float:
    """Seconds until no process of the group runs any more."""
    began = time.monotonic()
    while any(running_in(group)):
        if time.monotonic() - began > SECONDS_TO_VANISH:
            raise SystemExit(f"processes of the killed run are still there: {list(running_in(group))}")
        time.sleep(0.02)
    return time.monotonic() - began


def running_in(group: int) -> list[int]:
    """Processes of a group, those aside that have ended and are not yet waited for."""
    told = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    fields = [line.split() for line in told.splitlines()]
    return [int(pid) for pid, its_group, state in fields if int(its_group) == group and not state.startswith("Z")]


def finished(out: Path) -> int:
    return len(Store(out, create=False).done()) if (out / "runs").is_dir() else 0


def compared(undisturbed: Path, killed: Path) -> int:
    """Print how the two differ; the exit code."""
    equal = summary(undisturbed) == summary(killed)
    found = Store(killed, create=False).verify()
    runs = finished(undisturbed)
    leftovers = sum(1 for _ in killed.rglob("*.tmp"))
    print(f"summaries: {'equal' if equal else 'DIFFERENT'}, seconds aside")
    print(
        f"traces: {found.runs} runs (undisturbed {runs}), {found.duplicates} made twice and counted once, {found.orphans} "
        f"solutions of unfinished writes ignored, {len(found.incomplete)} incomplete, {len(found.unreadable)} unreadable, "
        f"{leftovers} half-written files left"
    )
    return 0 if equal and found.ok and found.runs == runs and not leftovers else 1


def summary(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return {name: value for name, value in content.items() if name != "seconds"}


if __name__ == "__main__":
    sys.exit(main())
