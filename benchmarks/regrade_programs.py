"""Run a pool of programs again in the sandbox, and compare the verdicts and pass@k with those that are published.

    python -m benchmarks.regrade_programs POOL.jsonl.gz --questions HumanEval.jsonl.gz [--labels LABELS.jsonl.gz]
    python -m benchmarks.regrade_programs ... --share 0.05 --workers 1

A line of the pool is one question: `prompt`, as in the questions' file, and `samples`, the completions. A line of the labels
has `task_id` and `correct`. `--share` takes so many of every question's samples, evenly. Exit code 1 where a pass@k is more
than a point from what the labels of the same samples give.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from outlay import curves, tasks
from outlay.errors import UserError
from outlay.tasks.code_task import CodeTask
from outlay.tasks.question_rows import question_rows
from outlay.tasks.sandbox import Sandbox

TOLERANCE = 0.01
"""Of pass@k: programs near the time limit, and those that draw random numbers, may fall either way."""


def main() -> int:
    options = parsed()
    loaded = tasks.load(f"humaneval:{options.questions}?time_limit={options.seconds}")
    assert isinstance(loaded, CodeTask)
    by_prompt = {question.metadata["prompt"]: question for question in loaded.questions("all")}
    programs, names = [], []
    for place, row in question_rows(options.pool):
        question = by_prompt.get(row["prompt"])
        if question is None:
            raise UserError(
                f"{place}: no question of {options.questions} has this prompt; give as --questions "
                "the file with which the programs were written (pools often mend some prompts)."
            )
        for sample in taken(row["samples"], options.share):
            programs.append(loaded.program(question, row["samples"][sample]))
            names.append((question.id, sample))
    began = time.monotonic()
    runs = list(Sandbox.found().run_all(programs, loaded.limits, options.workers))
    seconds = time.monotonic() - began
    print(f"{len(runs)} programs in {seconds:.0f} s with {options.workers} workers: {len(runs) / seconds:.1f} a second")
    print(
        "  " + ", ".join(f"{verdict}: {count}" for verdict, count in Counter(run.verdict for run in runs).most_common())
    )
    right = table(names, [run.passed for run in runs])
    ks = [k for k in (1, 2, 10, 100) if k <= right.shape[1]]
    ours = curves.pass_at_k(right, ks).mean(axis=0)
    print("pass@k:", ", ".join(f"{k}: {100 * value:.1f}%" for k, value in zip(ks, ours, strict=True)))
    return 0 if options.labels is None else agreement(options.labels, names, right, runs, ks, ours)


def agreement(path: Path, names: list[tuple[str, int]], right: Any, runs: Any, ks: list[int], ours: Any) -> int:
    labels = {row["task_id"]: row["correct"] for _, row in question_rows(path)}
    labelled = [bool(labels[name][sample]) for name, sample in names]
    theirs = curves.pass_at_k(table(names, labelled), ks).mean(axis=0)
    print("labels:", ", ".join(f"{k}: {100 * value:.1f}%" for k, value in zip(ks, theirs, strict=True)))
    differ = [(*name, run) for name, run, label in zip(names, runs, labelled, strict=True) if run.passed != label]
    print(f"verdicts that differ: {len(differ)} of {len(names)}")
    for name, sample, run in differ[:20]:
        print(f"  {name} sample {sample}: {run.verdict} ({run.detail[:100]})")
    return int(bool((np.abs(ours - theirs) > TOLERANCE).any()))


def table(names: list[tuple[str, int]], values: list[bool]) -> Any:
    by_question: dict[str, list[bool]] = {}
    for (name, _), value in zip(names, values, strict=True):
        by_question.setdefault(name, []).append(value)
    return np.array(list(by_question.values()), dtype=bool)


def taken(samples: list[str], share: float) -> list[int]:
    """Evenly spread places of so large a share of the samples; at least two."""
    count = min(max(round(share * len(samples)), 2), len(samples))
    return [int(place) for place in np.linspace(0, len(samples) - 1, count).round()]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=3.0, help="computing time of one program")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
