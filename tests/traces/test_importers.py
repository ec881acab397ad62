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
    ('{"question_id": "q", "correct": true, "tokens": NaN}', "`tokens` should be a whole number"),
    ('{"question_id": "q", "correct": true, "tokens": Infinity}', "`tokens` should be a whole number"),
    ('{"question_id": "q", "correct": true, "sample": -Infinity}', "`sample` should be a whole number"),
    ('{"question_id": "q", "correct": NaN}', "`correct` should be true or false"),
    (row(tokens=2**63), "`tokens` should be a whole number"),
    (row(score=10**400), "`score` should be a finite number"),
    ("[" * 100_000, "not JSON"),
    (row(answer=["1"]), "`answer` should be a text"),
    (row(chain=0), "`position` is missing"),
    ("{", "not JSON"),
    ("[]", "found an array; expected one JSON object"),
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


def test_a_gzip_damaged_in_the_middle_is_refused(tmp_path: Path) -> None:
    lines = (json.dumps(row(sample=i, answer=str(i**9))) + "\n" for i in range(500))
    whole = bytearray(gzip.compress("".join(lines).encode()))
    whole[len(whole) // 2 : len(whole) // 2 + 40] = b"\xff" * 40
    (tmp_path / "pool.jsonl.gz").write_bytes(whole)
    with pytest.raises(UserError, match=r"pool\.jsonl\.gz"):
        read_samples([tmp_path / "pool.jsonl.gz"])


def test_a_gzip_cut_short_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps(row()).encode())
    (tmp_path / "pool.jsonl.gz").write_bytes(whole[:-10])
    with pytest.raises(UserError, match="cannot be read"):
        read_samples([tmp_path / "pool.jsonl.gz"])


@pytest.mark.parametrize("again", ["pool.jsonl", "./pool.jsonl", "folder/../pool.jsonl"])
def test_a_file_given_twice_is_refused(tmp_path: Path, again: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    write(tmp_path / "pool.jsonl", row())
    with pytest.raises(UserError, match="given twice"):
        read_samples(["pool.jsonl", again])


def two_of_one_name(tmp_path: Path, first: dict[str, object], second: dict[str, object]) -> list[Path]:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
    return [write(tmp_path / "x" / "samples.jsonl", first), write(tmp_path / "y" / "samples.jsonl", second)]


@pytest.mark.parametrize("missing", ["task", "model"])
def test_files_of_one_name_are_not_mixed(tmp_path: Path, missing: str) -> None:
    named = {"task": "t", "model": "m"}
    del named[missing]
    paths = two_of_one_name(tmp_path, row(**named), row(**named))
    with pytest.raises(UserError, match=rf"line 1: field `{missing}` is missing, and .* is a file of the same name"):
        read_samples(paths)


def test_files_of_one_name_that_say_what_they_hold_are_read(tmp_path: Path) -> None:
    paths = two_of_one_name(tmp_path, row(task="t", model="a"), row(task="t", model="b"))
    assert read_samples(paths)["model"].to_pylist() == ["a", "b"]


def test_files_of_different_names_are_tasks_of_their_own(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.jsonl", row()), write(tmp_path / "b.jsonl", row())]
    assert read_samples(paths)["task"].to_pylist() == ["a", "b"]


def test_bad_rows_are_told_and_left_out_where_a_caller_wants_that(tmp_path: Path) -> None:
    told: list[UserError] = []
    path = write(tmp_path / "pool.jsonl", row(sample=0), "{", row(score="x"), row(sample=0), row(sample=1), "[]")
    assert read_samples([path], told.append)["sample"].to_pylist() == [0, 1]
    assert [str(error).split(":")[0].rpartition(" ")[2] for error in told] == ["2", "3", "4", "6"]


def test_of_a_gzip_cut_short_the_lines_before_are_read_where_a_caller_wants_that(tmp_path: Path) -> None:
    lines = "".join(json.dumps(row(sample=i, answer=str(i**9))) + "\n" for i in range(5000))
    (tmp_path / "pool.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-2000])
    told: list[UserError] = []
    samples = read_samples([tmp_path / "pool.jsonl.gz"], told.append)["sample"].to_pylist()
    assert samples == list(range(len(samples)))
    assert 0 < len(samples) < 5000
    assert f"after line {len(samples)}: " in str(told[-1])


def test_where_every_row_is_bad_nothing_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no samples"):
        read_samples([write(tmp_path / "pool.jsonl", "{")], lambda _: None)


@pytest.mark.parametrize("field", ["reference", "level"])
def test_a_question_has_one_reference_and_one_level(tmp_path: Path, field: str) -> None:
    path = write(tmp_path / "pool.jsonl", row(model="a", **{field: "1"}), row(model="b", **{field: "2"}))
    with pytest.raises(UserError, match=f"line 2: field `{field}` of question 'q' is '2', but '1' at .*line 1"):
        read_samples([path])


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), ("1", "1.0"), ("x", None), (None, "x")])
def test_a_reference_may_be_written_in_two_ways_or_left_out(tmp_path: Path, one: object, other: object) -> None:
    assert read_samples([write(tmp_path / "pool.jsonl", row(reference=one), row(reference=other))]).num_rows == 2


def test_questions_of_two_tasks_may_share_an_identifier(tmp_path: Path) -> None:
    path = write(tmp_path / "pool.jsonl", row(task="a", reference="1"), row(task="b", reference="2"))
    assert read_samples([path]).num_rows == 2
