import gzip
import json
from pathlib import Path

import pytest

from outlay.errors import UserError
from outlay.tasks.jsonl import jsonl_task
from outlay.types import Question


def write(path: Path, rows: list[object]) -> str:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return str(path)


def test_questions_come_with_id_text_reference_and_the_rest_as_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", [{"id": "a", "question": "1+1?", "answer": "2", "level": 3}])
    (question,) = jsonl_task(path).questions("all")
    assert (question.id, question.text, question.reference) == ("a", "1+1?", "2")
    assert question.metadata == {"level": 3}


@pytest.mark.parametrize("field", ["question", "prompt", "text"])
def test_the_question_may_stand_under_any_of_its_names(tmp_path: Path, field: str) -> None:
    path = write(tmp_path / "q.jsonl", [{field: "1+1?", "reference": 2}])
    (question,) = jsonl_task(path).questions("all")
    assert (question.id, question.text, question.reference) == ("1", "1+1?", "2")


def test_a_worked_reference_gives_its_answer(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", [{"question": "?", "answer": "16 - 3 = 13\n#### 1,300"}])
    task = jsonl_task(path)
    (question,) = task.questions("all")
    assert task.grade(question, "1300")


def test_grading_is_by_meaning(tmp_path: Path) -> None:
    task = jsonl_task(write(tmp_path / "q.jsonl", [{"question": "?", "answer": "\\frac{1}{2}"}]))
    (question,) = task.questions("all")
    assert task.grade(question, "0.5")
    assert not task.grade(question, "0.25")


def test_gzip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"question": "?", "answer": "1"}\n'))
    assert len(jsonl_task(str(path)).questions("all")) == 1


def test_splits_are_disjoint_and_cover_the_file(tmp_path: Path) -> None:
    task = jsonl_task(write(tmp_path / "q.jsonl", [{"id": i, "question": f"q{i}", "answer": i} for i in range(200)]))
    splits = [{q.id for q in task.questions(split)} for split in ("train", "prm", "validation", "test")]
    assert sum(map(len, splits)) == len(set.union(*splits)) == 200


def test_a_named_split_is_kept(tmp_path: Path) -> None:
    rows = [{"id": i, "question": f"q{i}", "answer": i, "split": "test" if i < 3 else "train"} for i in range(10)]
    assert len(jsonl_task(write(tmp_path / "q.jsonl", rows)).questions("test")) == 3


def test_fewer_questions_are_the_first_of_more(tmp_path: Path) -> None:
    task = jsonl_task(write(tmp_path / "q.jsonl", [{"question": f"q{i}", "answer": i} for i in range(20)]))
    assert task.questions("all", 5, seed=1) == task.questions("all", 12, seed=1)[:5]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (['{"question": "1"', ""], "line 1: not JSON"),
        ([{"question": "1", "answer": 1}, [1]], "line 2: found an array; expected one JSON object"),
        ([{"answer": "1"}], "line 1: no question"),
        (
            [{"id": 1, "question": "a", "answer": 1}, {"id": 1, "question": "b", "answer": 2}],
            "two questions with id '1'",
        ),
        ([{"question": "a", "answer": 1}, {"question": "b"}], "line 2: no answer in it; expected `answer`"),
        ([], "no questions"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, rows: list[object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        jsonl_task(write(tmp_path / "q.jsonl", rows))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        jsonl_task(str(tmp_path / "none.jsonl"))


def test_too_many_questions_are_refused(tmp_path: Path) -> None:
    task = jsonl_task(write(tmp_path / "q.jsonl", [{"question": "?", "answer": 1}]))
    with pytest.raises(UserError, match="has 1 questions"):
        task.questions("all", 2)


def test_grading_without_a_reference_is_refused(tmp_path: Path) -> None:
    task = jsonl_task(write(tmp_path / "q.jsonl", [{"question": "?", "answer": 1}]))
    with pytest.raises(UserError, match="no `answer`"):
        task.grade(Question("x", "?"), "1")
