"""How long a process takes from its start to its end: `import outlay` and `outlay --help` beside `import numpy`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    'python -c "import numpy"': [sys.executable, "-c", "import numpy"],
    'python -c "import outlay"': [sys.executable, "-c", "import outlay"],
    "outlay --help": [str(Path(sys.executable).with_name("outlay")), "--help"],
}


def seconds(repeats: int) -> dict[str, dict[str, float]]:
    """Medians of wall and CPU seconds and the peak memory (MiB) of each command, run in turns after a first run each."""
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as compiled:
        for turn in range(repeats + 1):
            for name, command in COMMANDS.items():
                one = once(command, compiled)
                if turn:  # the first run compiles
                    taken[name].append(one)
    return {
        name: dict(zip(("wall", "cpu", "peak_mib"), map(statistics.median, zip(*runs, strict=True)), strict=True))
        for name, runs in taken.items()
    }


def once(command: list[str], compiled: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MiB of one process; `compiled` keeps bytecode from one run to the next."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**environment, "PYTHONPYCACHEPREFIX": compiled}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}")
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return wall, usage.ru_utime + usage.ru_stime, peak
