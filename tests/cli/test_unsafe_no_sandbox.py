"""`--unsafe-no-sandbox`: programs run uncontained only where a person said so."""

import json
import os
import subprocess
import sys

import pytest

from outlay.tasks.sandbox import UNSAFE

STUDY = """
name: code
pilot: 2
entries:
  - {task: 'humaneval:q.jsonl', model: 'embedded:countdown-small', split: all, questions: 10, pool: 4}
"""
ROW = {"prompt": "def f():\n", "entry_point": "f", "test": "def check(f):\n    assert f() == 1\n"}


@pytest.mark.parametrize("allowed", [False, True])
def test_a_task_that_runs_programs_needs_the_sandbox_or_the_flag(tmp_path, allowed):
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(ROW | {"task_id": f"q/{n}"}) for n in range(10)))
    environment = {name: value for name, value in os.environ.items() if name != UNSAFE} | {"PATH": str(tmp_path)}
    flag = ["--unsafe-no-sandbox"] if allowed else []
    command = [sys.executable, "-m", "outlay", "run", "study.yaml", "--out", "new", "--dry-run", *flag]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    refused = "needs bubblewrap" in done.stderr
    assert refused is not allowed
    assert done.returncode == (0 if allowed else 2), done.stderr
