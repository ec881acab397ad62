import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from outlay.errors import UserError
from outlay.traces import SAMPLES, read_samples


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def row(**fields: object) -> dict[str, object]:
    return {"question_id": "q", "correct": True, "answer": "1", **fields}


def test_a_table_of_samples_has_the_schema(tmp_path: Path) -> None:
    assert read_samples([write(tmp_path / "pool.jsonl", row())]).schema.equals(SAMPLES)


def test_task_and_model_have_defaults(tmp_path: Path) -> None:
    (path,) = [write(tmp_path / "pool.jsonl", row())]
    (sample,) = read_samples([path]).to_pylist()
    assert (sample["task"], sample["model"], sample["sample"]) == ("pool", "unnamed", 0)


def test_samples_without_a_number_are_numbered_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "pool.jsonl", row(), row(question_id="r"), row())
    assert read_samples([path])["sample"].to_pylist() == [0, 0, 1]


def test_gzip_and_parquet_give_the_same(tmp_path: Path) -> None:
    rows = [row(score=0.5, tokens=3, level=2, model="m"), row(answer=None, correct=False, score=0.1, model="m")]
    plain = write(tmp_path / "pool.jsonl", *rows)
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "pool.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pool.parquet")
    expected = read_samples([plain])
    assert read_samples([tmp_path / "z" / "pool.jsonl.gz"]).equals(expected)
    assert read_samples([tmp_path / "pool.parquet"]).equals(expected)


def test_the_last_step_score_is_the_score_where_none_is_given(tmp_path: Path) -> None:
    path = write(tmp_path / "pool.jsonl", row(step_scores=[0.2, 0.9]))
    assert read_samples([path])["score"].to_pylist() == [0.9]


def test_no_answer_and_unknown_answer_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "pool.jsonl", row(answer=None), {"question_id": "r", "correct": 1, "text": "x"})
    assert read_samples([path])["has_answer"].to_pylist() == [True, False]


BAD = [
    ({"correct": True}, "`question_id` is missing"),
    ({"question_id": "q"}, "`correct` is missing"),
    (row(correct="yes"), "`correct` should be true or false"),
    (row(correct=0.5), "`correct` should be true or false"),
    (row(score="high"), "`score` should be a finite number"),
    ('{"question_id": "q", "correct": true, "score": NaN}', "`score` should be a finite number"),
    (row(step_scores=[0.1, None]), "`step_scores` should be a list of finite numbers"),
    (row(sample=-1), "`sample` should be a whole number"),
    (row(tokens=1.5), "`tokens` should be a whole number"),
    (row(answer=["1"]), "`answer` should be a text"),
    (row(chain=0), "`position` is missing"),
    ("{", "not JSON"),
    ("[]", "expected a JSON object"),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_a_bad_line_is_refused_with_file_line_and_field(tmp_path: Path, bad: object, message: str) -> None:
    path = write(tmp_path / "pool.jsonl", row(), bad)
    with pytest.raises(UserError, match=rf"pool\.jsonl, line 2: .*{message}"):
        read_samples([path])


def test_a_sample_given_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "pool.jsonl", row(sample=3), row(sample=3))
    with pytest.raises(UserError, match=r"line 2: sample 3 of question 'q' is already at .*line 1"):
        read_samples([path])


def test_a_position_given_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "pool.jsonl", row(chain=0, position=1), row(chain=0, position=1))
    with pytest.raises(UserError, match="position 1 of chain 0"):
        read_samples([path])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_samples([tmp_path / "none.jsonl"])


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pool.csv").write_text("a,b")
    with pytest.raises(UserError, match=r"pool\.csv is not a kind of file"):
        read_samples([tmp_path / "pool.csv"])


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no samples"):
        read_samples([write(tmp_path / "pool.jsonl")])


def test_a_broken_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pool.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(UserError, match="cannot be read"):
        read_samples([tmp_path / "pool.jsonl.gz"])
