"""Whether a served policy does what its file says: fresh questions through `outlay serve`, graded, and then harder ones.

    outlay calibrate demo --task arithmetic --budget 8 --mean --policy sequential --out policy.yaml
    python -m benchmarks.served_policy policy.yaml

Questions of the policy's own task, of its test split and drawn with a seed of their own, go through a server: accuracy with its
interval, mean cost, the mean of the confidences that the answers came with, and what the drift monitor says. Then questions that
are longer than most, which the calibration's were not: the monitor should notice.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from outlay import tasks
from outlay.curves import interval
from outlay.policies import Policy
from outlay.types import Question

SEED = 1911
"""Of the questions; a study's are drawn with other seeds."""


def ask(url: str, question: Question) -> dict[str, Any]:
    """Our own fields of the answer."""
    body = {"model": "outlay", "messages": [{"role": "user", "content": question.text}]}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as reply:
        found: dict[str, Any] = json.load(reply)["outlay"]
    return found


def drift(url: str) -> list[str]:
    """What the metrics say of drift."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as reply:
        lines = reply.read().decode().splitlines()
    return [line.removeprefix("outlay_drift_") for line in lines if line.startswith("outlay_drift_")]


def told(name: str, url: str, task: Any, questions: list[Question]) -> None:
    """Ask them all, and say what came of it."""
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda question: ask(url, question), questions))
    right = [
        one["answer"] is not None and task.grade(question, one["answer"])
        for question, one in zip(questions, answers, strict=True)
    ]
    rows = {
        "right": np.array(right, dtype=float),
        "confidence": np.array([one["confidence"] or 0.0 for one in answers]),
        "generations": np.array([one["generations"] for one in answers]),
    }
    print(f"{name}: {len(questions)} questions")
    for what, values in rows.items():
        found = interval(values[:, None], proportions=what == "right")
        print(f"  {what}: {found.mean[0]:.3f} ({found.low[0]:.3f} to {found.high[0]:.3f})")
    for line in drift(url):
        print(f"  drift {line}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", type=Path)
    parser.add_argument("--questions", type=int, default=300)
    arguments = parser.parse_args()
    task = tasks.load(Policy.load(arguments.policy).task)
    usual = task.questions("test", arguments.questions, SEED)
    longer = sorted(task.questions("test", 8 * arguments.questions, SEED + 1), key=lambda question: -len(question.text))
    with tempfile.TemporaryDirectory() as traces:
        command = [sys.executable, "-m", "outlay", "serve", "--policy", str(arguments.policy), "--port", "0", "--json"]
        server = subprocess.Popen(
            [*command, "--traces", traces], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert server.stdout is not None
        try:
            url = json.loads(server.stdout.readline())["url"]
            told("as the calibration's", url, task, usual)
            told("then longer ones", url, task, longer[: arguments.questions // 2])
        finally:
            server.terminate()
            server.wait(60)
            server.stdout.close()


if __name__ == "__main__":
    main()
