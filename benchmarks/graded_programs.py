"""Programs graded at the end of runs: one at a time, and as many at once as there are cores, by the driver of every study.

    python -m benchmarks.graded_programs POOL.jsonl.gz --questions QUESTIONS.jsonl.gz [--share 0.02] [--cores 2]

The pool is one of stored programs, as in `regrade_programs`; a model that hands them out stands in for a server, so that only
grading is left. Both take turns, the best of the repeats counts. Grades have to be the same either way; exit code 1 where they are
not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.regrade_programs import taken
from outlay import tasks
from outlay.drive.concurrently import ConcurrentDriver
from outlay.drive.serving import Unit
from outlay.models.model import Completion
from outlay.strategies import MajorityVote
from outlay.tasks import sandbox
from outlay.tasks.question_rows import question_rows
from outlay.types import Budget


class Stored:
    """A model that says what is stored for a prompt."""

    name, parameters = "stored", 1

    def __init__(self, texts: dict[str, list[str]]) -> None:
        self.texts = texts

    async def sample(
        self,
        prompt: str,
        *,
        n: int,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        seed: int,
        prefix: str = "",
    ) -> list[Completion]:
        return [Completion(text, "end", 0, 0, 1) for text in self.texts[prompt][:n]]


def main() -> int:
    options = parsed()
    if options.at_once:
        print(json.dumps(measured(options)))
        return 0
    turns = [
        {count: alone(options, count) for count in dict.fromkeys((1, options.cores))} for _ in range(options.repeats)
    ]
    found = {count: max((turn[count] for turn in turns), key=lambda one: one["rate"]) for count in turns[0]}
    for count, one in found.items():
        print(f"{count} at once: {one['programs']} programs in {one['seconds']:.1f} s, {one['rate']:.1f} a second")
    one, several = found[1], found[options.cores]
    print(f"ratio: {several['rate'] / one['rate']:.2f}; grades the same: {one['grades'] == several['grades']}")
    return int(one["grades"] != several["grades"])


def alone(options: argparse.Namespace, count: int) -> dict[str, Any]:
    """Measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.graded_programs", *sys.argv[1:], "--at-once", str(count)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of grading a share of the pool through the driver, so many programs at once."""
    sandbox.share_cores(max(len(os.sched_getaffinity(0)) // options.at_once, 1))
    task = tasks.load(f"humaneval:{options.questions}")
    by_prompt = {question.metadata["prompt"]: question for question in task.questions("all")}
    texts, units = {}, []
    for _, row in question_rows(options.pool):
        question = by_prompt[row["prompt"]]
        texts[question.text] = [row["samples"][place] for place in taken(row["samples"], options.share)]
        units.append(Unit(question, MajorityVote(), Budget(generations=len(texts[question.text]))))
    began = time.monotonic()
    traces = list(ConcurrentDriver(task, Stored(texts)).solve(units))
    seconds = time.monotonic() - began
    grades = {trace.question.id: trace.solution_correct for trace in traces}
    programs = sum(len({one.answer for one in trace.solutions}) for trace in traces)
    return {
        "programs": programs,
        "seconds": seconds,
        "rate": programs / seconds,
        "grades": dict(sorted(grades.items())),
    }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--at-once", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
