"""How a measurement is taken: in a process of its own, on one core, by CPU seconds and wall seconds, with its peak memory.

A measurement is a function of this folder that returns plain data. `in_a_process` runs it with one thread for every BLAS; where
a package is missing the answer says so, and nothing is measured.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
OPTIONAL = ("torch", "transformers", "xllamacpp", "gguf", "its-hub")
MARK = "measured: "
CHILD = "from benchmarks.measuring import answer; answer()"


@dataclass(frozen=True)
class Rate:
    """Tokens and the seconds they took: the best of several runs, CPU seconds (of the whole process) and wall seconds apart."""

    tokens: int
    cpu_seconds: float
    wall_seconds: float

    @property
    def per_cpu_second(self) -> float:
        """Tokens a CPU second: what the ratios are made of, as a busy machine disturbs it little."""
        return self.tokens / self.cpu_seconds

    @property
    def per_second(self) -> float:
        """Tokens a second of wall time."""
        return self.tokens / self.wall_seconds


def rate(work: Callable[[], Any], tokens: int, repeats: int) -> Rate:
    """Run `work` so many times; each run handles `tokens` tokens."""
    cpu, wall = [], []
    for _ in range(repeats):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    return Rate(tokens, min(cpu), min(wall))


def in_a_process(measurement: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """What `measurement(**options)` returns, as plain data, and `peak_mib` of its process.

    `{"missing": package}` where it needs a package that is not installed; raises RuntimeError with the end of the process's
    output where it failed.
    """
    command = [sys.executable, "-c", CHILD, measurement.__module__, measurement.__name__]
    done = subprocess.run(
        [*command, json.dumps(options)], cwd=ROOT, env={**os.environ, **ONE_CORE}, capture_output=True, text=True
    )
    marked = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not marked:
        raise RuntimeError(f"{measurement.__module__}.{measurement.__name__} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(marked[-1].removeprefix(MARK))
    return answer


def peak_mib() -> float:
    """The largest resident memory of this process so far, MiB."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / 2**20 if sys.platform == "darwin" else largest / 2**10


def answer() -> None:
    """The other side of `in_a_process`."""
    module, name, options = sys.argv[1:]
    try:
        answer = getattr(importlib.import_module(module), name)(**json.loads(options))
        answer = asdict(answer) if isinstance(answer, Rate) else answer
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        answer = {"missing": error.name}
    print(MARK + json.dumps({"peak_mib": peak_mib(), **answer}), flush=True)
    os._exit(0)  # a library's threads may be slow to end
