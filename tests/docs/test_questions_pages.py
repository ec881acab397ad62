import json
import re
from pathlib import Path

import yaml

from outlay import tasks
from outlay.tasks.equality import NAMED as EQUALITIES
from outlay.tasks.extraction import NAMED as EXTRACTORS
from outlay.tasks.options import Options
from outlay.tasks.sandbox import Limits

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = (DOCS / "how-to" / "bring-your-own-questions.md").read_text()
REFERENCE = (DOCS / "reference" / "tasks.md").read_text()


def block(language, mark):
    return next(text for text in re.findall(rf"```{language}\n(.*?)```", HOW_TO, re.DOTALL) if mark in text)


def test_the_row_and_the_address_on_the_page_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "capitals.jsonl").write_text(block("json", "France"))
    task = tasks.load(yaml.safe_load(block("yaml", "entries"))["entries"][0]["task"])
    (question,) = task.questions("all")
    assert task.grade(question, task.extract("Answer: Paris."))


def test_the_task_file_on_the_page_works(tmp_path):
    (tmp_path / "capitals.yaml").write_text(block("yaml", "path:"))
    (tmp_path / "capitals.jsonl").write_text(json.dumps({"country": "France", "capital": "Paris"}))
    task = tasks.load(f"jsonl:{tmp_path / 'capitals.yaml'}")
    (question,) = task.questions("all")
    assert question.text.startswith("Name the capital of France.")
    assert task.grade(question, task.extract("paris"))


def test_the_functions_on_the_page_work(tmp_path, monkeypatch):
    (tmp_path / "own_judge.py").write_text(block("python", "own_judge"))
    (tmp_path / "q.jsonl").write_text(block("json", "France"))
    monkeypatch.syspath_prepend(tmp_path)
    task = tasks.load(f"jsonl:{tmp_path / 'q.jsonl'}?extract=own_judge:found&equal=own_judge:same")
    assert task.grade(task.questions("all")[0], task.extract("let me see => PARIS"))


def test_the_reference_names_everything_that_there_is():
    files = [name for name in tasks.registered() if f"`{name}` |" in REFERENCE]
    assert set(files) >= {"jsonl", "gsm8k", "svamp", "math", "multiple-choice", "qa", "humaneval", "mbpp"}
    for name in (*EXTRACTORS, *EQUALITIES, "math-verify", "either", *Options.model_fields):
        assert f"`{name}`" in REFERENCE, name


def test_the_reference_has_the_limits_and_the_size_of_the_table():
    limits = Limits()
    assert (limits.cpu_seconds, limits.processes, limits.memory, limits.output) == (3.0, 16, 1 << 30, 64 << 10)
    assert (limits.file, limits.temporary) == (16 << 20, 64 << 20)
    pairs = json.loads((DOCS.parent / "tests" / "tasks" / "answer_pairs.json").read_text())
    assert f"({len(pairs)} of them)" in REFERENCE
