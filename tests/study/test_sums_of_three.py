"""The questions of `studies/smollm2-steps.yaml`: made by `studies/steps.py`, none of them seen while the task was looked for."""

import json
import subprocess
import sys
from pathlib import Path

STUDIES = Path(__file__).parents[2] / "studies"
ROWS = [json.loads(line) for line in (STUDIES / "sums-of-three.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_files_are_what_the_script_makes(tmp_path):
    subprocess.run([sys.executable, STUDIES / "steps.py", tmp_path, "sums-of-three"], check=True)
    for name in ("sums-of-three.jsonl", "sums-of-three.yaml"):
        assert (tmp_path / name).read_bytes() == (STUDIES / name).read_bytes()


def test_what_the_study_asks_was_neither_screened_nor_shown():
    asked = {row["question"] for row in ROWS if row["split"] == "study"}
    others = [row["question"] for row in ROWS if row["split"] != "study"]
    assert len(asked) == 300 and len(others) == 200
    assert not asked & set(others)
    shown = (STUDIES / "sums-of-three.yaml").read_text(encoding="utf-8")
    assert not any(question in shown for question in asked)


def test_the_answers_are_the_sums():
    for row in ROWS:
        numbers = row["question"].removeprefix("What is ").removesuffix("?").split(" + ")
        assert row["answer"] == [str(sum(map(int, numbers)))]
