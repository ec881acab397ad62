"""Every family of question files: rows in the shapes that the public data sets have, made up here."""

import json
import sys

import pytest

from outlay import tasks
from outlay.errors import UserError

ROWS = {
    "gsm8k": [{"question": "How many?", "answer": "2 + 3 = <<2+3=5>>5\n#### 1,005"}],
    "svamp": [
        {
            "ID": "chal-1",
            "Body": "Tom had 4 nuts",
            "Question": "How many are left?",
            "Answer": 3.0,
            "Type": "Subtraction",
        }
    ],
    "math": [
        {"problem": "Solve.", "solution": r"So \boxed{\frac{1}{2}}.", "level": "Level 2", "unique_id": "test/a.json"},
    ],
    "multiple-choice": [
        {
            "question": "Which?",
            "options": ["A)5(√3 + 1)", "B)7", "C)None of these"],
            "rationale": "It is B",
            "correct": "B",
        }
    ],
    "qa": [{"question": "who sang it", "answer": ["The Beatles", "Beatles, The"]}],
    "jsonl": [{"prompt": "Say 1.", "target": 1, "source": "me"}],
}
RIGHT = {
    "gsm8k": ("That is\n#### 1005 apples", "1005"),
    "svamp": ("4 - 1 = 3 nuts.", "3"),
    "math": (r"Thus $\boxed{0.5}$.", "1/2"),
    "multiple-choice": ("The answer is (B).", "B"),
    "qa": ("Answer: the Beatles!", "beatles"),
    "jsonl": ("Answer: 1.0", "1"),
}
WRONG = {
    "gsm8k": "#### 1006",
    "svamp": "It is 4.",
    "math": r"\boxed{2}",
    "multiple-choice": "Answer: C",
    "qa": "Answer: The Rolling Stones",
    "jsonl": "Answer: 2",
}


def written(folder, rows, name="questions.jsonl"):
    (folder / name).write_text("\n".join(map(json.dumps, rows)))
    return folder / name


@pytest.fixture(params=ROWS)
def family(request):
    return request.param


def test_a_row_becomes_a_question_that_its_answer_answers(family, tmp_path):
    address = f"{family}:{written(tmp_path, ROWS[family])}"
    task = tasks.load(address)
    (question,) = task.questions("all")
    text, answer = RIGHT[family]
    assert (task.name, question.task) == (address, address)
    assert task.extract(text) == answer
    assert task.grade(question, answer)
    assert task.grade(question, question.reference)
    assert not task.grade(question, task.extract(WRONG[family]))
    assert task.extract("") is None


def test_no_prompt_shows_the_answer(family, tmp_path):
    (question,) = tasks.load(f"{family}:{written(tmp_path, ROWS[family])}").questions("all")
    for secret in ("1,005", "So \\boxed", "It is B", "Beatles"):
        assert secret not in question.text


@pytest.mark.parametrize(
    ("family", "field", "says"),
    [
        ("gsm8k", "answer", "no answer in it; expected `answer` or `target`, there is `question`"),
        ("gsm8k", "question", "no question in it"),
        ("svamp", "Answer", "no answer in it"),
        ("math", "solution", "no answer in it"),
        ("math", "problem", "no problem in it"),
        ("multiple-choice", "options", "no list of options in it"),
        ("multiple-choice", "correct", "no answer in it"),
        ("qa", "answer", "no answer in it"),
        ("jsonl", "target", "no answer in it"),
        ("jsonl", "prompt", "no question in it"),
    ],
)
def test_a_missing_field_is_said_with_its_place(family, field, says, tmp_path):
    rows = [{name: value for name, value in row.items() if name != field} for row in ROWS[family]]
    path = written(tmp_path, rows)
    with pytest.raises(UserError, match=says) as refused:
        tasks.load(f"{family}:{path}")
    assert str(refused.value).startswith(f"{path}, line 1: ")


@pytest.mark.parametrize(
    ("family", "row", "says"),
    [
        ("gsm8k", {"question": "?", "answer": "none"}, "expected a solution that ends in `#### NUMBER`"),
        ("math", {"problem": "?", "solution": "no box"}, "holds no answer"),
        ("multiple-choice", {"question": "?", "options": ["1"], "correct": "A"}, "expected 2 to 10 options"),
        ("multiple-choice", {"question": "?", "options": ["1", "2"], "correct": "C"}, "none of the 2 options"),
        ("multiple-choice", {"question": "?", "choices": ["1", "2"], "answer": 2}, "none of the 2 options"),
        ("qa", {"question": "?", "answer": []}, "expected a text, or a list of texts"),
    ],
)
def test_a_row_that_cannot_be_asked_is_refused(family, row, says, tmp_path):
    with pytest.raises(UserError, match=says):
        tasks.load(f"{family}:{written(tmp_path, [row])}")


@pytest.mark.parametrize(
    "row",
    [
        {"question": "?", "choices": ["no", "yes"], "answer": 1},
        {"question": "?", "choices": ["no", "yes"], "answer": "1"},
        {"question": "?", "choices": ["no", "yes"], "answer": "yes"},
        {"question": "?", "options": ["(A) no", "(B) yes"], "correct": "B"},
        {"question": "?", "choices": {"text": ["no", "yes"], "label": ["A", "B"]}, "answerKey": "B"},
        {"question": "?", "choices": {"text": ["no", "yes"], "label": ["1", "2"]}, "answerKey": "2"},
    ],
)
def test_the_right_option_may_be_written_in_any_of_the_usual_ways(row, tmp_path):
    (question,) = tasks.load(f"multiple-choice:{written(tmp_path, [row])}").questions("all")
    assert question.reference == "B"
    assert "(A) no\n(B) yes\n" in question.text


@pytest.mark.parametrize(
    "answer",
    [
        "Paris",
        ["Paris", "paris"],
        {"text": ["Paris"], "answer_start": [3]},
        {"value": "Paris", "aliases": ["City of Light"]},
    ],
)
def test_open_answers_may_be_written_in_any_of_the_usual_ways(answer, tmp_path):
    task = tasks.load(f"qa:{written(tmp_path, [{'question': 'where', 'answers': answer, 'context': 'In France.'}])}")
    (question,) = task.questions("all")
    assert question.text.startswith("In France.\n\nWhere?")
    assert task.grade(question, "paris")


def test_math_says_what_it_does_without_the_library(tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "math_verify", None)
    task = tasks.load(f"math:{written(tmp_path, ROWS['math'])}")
    assert "pip install 'outlay[math]'" in caplog.text
    assert task.grade(task.questions("all")[0], "0.5")


def test_several_right_answers_are_all_right(tmp_path):
    task = tasks.load(f"jsonl:{written(tmp_path, [{'question': '?', 'answer': ['1', '2']}])}")
    (question,) = task.questions("all")
    assert [task.grade(question, answer) for answer in ("1", "2", "3")] == [True, True, False]
