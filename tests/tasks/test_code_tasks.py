"""HumanEval and MBPP: rows in their shapes, made up here; programs really run."""

import json

import pytest

from outlay import tasks
from outlay.errors import UserError
from outlay.tasks.code_task import assembled
from outlay.tasks.sandbox import UNSAFE, running

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'import math\n\n\ndef twice(x: float) -> float:\n    """ Twice x. """\n',
    "entry_point": "twice",
    "canonical_solution": "    return 2 * x\n",
    "test": "\n\ndef check(candidate):\n    assert candidate(3) == 6\n    assert candidate(-1) == -2\n",
}
MBPP = {
    "task_id": 7,
    "text": "Write a function to double a number.",
    "code": "def twice(x):\n    return 2 * x",
    "test_list": ["assert twice(3) == 6", "assert twice(-1) == int(math.ceil(-2.0))"],
    "test_setup_code": "import math",
}


@pytest.fixture(params=["humaneval", "mbpp", "mbpp in the shape of humaneval"])
def task(request, tmp_path):
    row = MBPP if request.param == "mbpp" else HUMANEVAL
    (tmp_path / "q.jsonl").write_text(json.dumps(row))
    try:
        return tasks.load(f"{request.param.split()[0]}:{tmp_path / 'q.jsonl'}")
    except UserError as error:
        pytest.skip(str(error))


ANSWERS = [
    ("```python\ndef twice(x):\n    return x + x\n```", "passed"),
    ("Sure!\n```\nfrom math import fsum\n\ndef twice(x):\n    return fsum([x, x])\n```\nDone.", "passed"),
    ("```python\ntwice = lambda x: 2 * x\n```", "passed"),
    ("```python\ndef twice(x):\n    return x ** 2\n```", "failed"),
    ("```python\ndef twice(x):\n    while True: pass\n```", "timed out"),
    ("```python\ndef twice(x):\n    return 2 * x\nimport sys\nsys.exit()\n```", "ended early"),
    ("```python\ndef twice(x:\n```", "failed"),
]


@pytest.mark.parametrize(("text", "verdict"), ANSWERS)
def test_a_program_is_judged_by_the_tests(task, text, verdict):
    (question,) = task.questions("all")
    answer = task.extract(text)
    assert task.ran(question, answer).verdict == verdict
    assert task.grade(question, answer) is (verdict == "passed")


def test_the_reference_passes_and_neither_it_nor_hidden_tests_are_shown(task):
    (question,) = task.questions("all")
    assert task.grade(question, question.reference)
    assert "2 * x" not in question.text
    assert "candidate(3)" not in question.text
    assert not task.answers_can_vote


def test_a_base_models_completion_is_cut_where_something_new_begins():
    prompt = HUMANEVAL["prompt"]
    following = (
        "\n\ndef other():\n    pass",
        "\n\nclass A:\n    pass",
        "\n# Test\n",
        "\nprint(twice(1))",
        "\nif __name__ == 'x': pass",
    )
    for more in following:
        assert assembled(prompt, "    return 2 * x\n" + more, "twice").rstrip() == prompt + "    return 2 * x"


def test_a_whole_function_keeps_the_prompts_imports():
    program = assembled(HUMANEVAL["prompt"], "def twice(x):\n    return 2 * x", "twice")
    assert program.startswith("import math\n")
    assert program.count("def twice") == 1


@pytest.mark.parametrize(
    ("name", "row", "says"),
    [
        (
            "humaneval",
            {key: value for key, value in HUMANEVAL.items() if key != "test"},
            "no tests in it; expected `test`",
        ),
        (
            "humaneval",
            {key: value for key, value in HUMANEVAL.items() if key != "entry_point"},
            "no name of the function",
        ),
        ("mbpp", MBPP | {"test_list": []}, "expected a list of assertions"),
        ("mbpp", MBPP | {"test_list": ["assert ("]}, "is not Python"),
        ("mbpp", {key: value for key, value in MBPP.items() if key != "text"}, "no request in it"),
    ],
)
def test_a_row_without_what_it_needs_is_refused(name, row, says, tmp_path, monkeypatch):
    monkeypatch.setenv(UNSAFE, "1")
    (tmp_path / "q.jsonl").write_text(json.dumps(row))
    with pytest.raises(UserError, match=says):
        tasks.load(f"{name}:{tmp_path / 'q.jsonl'}")


def test_without_bubblewrap_the_task_is_refused_before_its_file_is_read(tmp_path, monkeypatch):
    monkeypatch.delenv(UNSAFE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    running._working_bubblewrap.cache_clear()
    with pytest.raises(UserError, match="apt install bubblewrap"):
        tasks.load("humaneval:nothing.jsonl")


def test_a_time_limit_may_be_given(tmp_path, monkeypatch):
    monkeypatch.setenv(UNSAFE, "1")
    (tmp_path / "q.jsonl").write_text(json.dumps(HUMANEVAL))
    assert tasks.load(f"humaneval:{tmp_path / 'q.jsonl'}?time_limit=7.5").limits.cpu_seconds == 7.5
