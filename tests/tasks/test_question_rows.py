import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from outlay.errors import UserError
from outlay.tasks.question_rows import question_rows

ROWS = [{"question": '1, "2"?', "answer": "3"}, {"question": "é\n?", "answer": "4"}]


def as_csv(delimiter):
    quoted = [[f'"{value.replace(chr(34), chr(34) * 2)}"' for value in row.values()] for row in ROWS]
    return "\n".join(delimiter.join(line) for line in [["question", "answer"], *quoted]).encode()


def parquet(folder):
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "a.parquet")
    return (folder / "a.parquet").read_bytes()


LINES = "\n".join(map(json.dumps, ROWS)).encode()
FORMS = {
    "q.jsonl": LINES,
    "q.json": LINES,
    "array.json": b"\n " + json.dumps(ROWS, indent=2).encode(),
    "array.json.gz": gzip.compress(json.dumps(ROWS).encode()),
    "q.jsonl.gz": gzip.compress(LINES),
    "q.csv": b"\xef\xbb\xbf" + as_csv(","),
    "q.csv.gz": gzip.compress(as_csv(",")),
    "q.tsv": as_csv("\t"),
    "q.parquet": parquet,
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_rows(name, tmp_path):
    content = FORMS[name]
    (tmp_path / name).write_bytes(content(tmp_path) if callable(content) else content)
    assert [row for _, row in question_rows(tmp_path / name)] == ROWS


BAD = {
    "q.json": (b"[1]", r"entry 1: found 1; expected an object"),
    "cut.json": (b'[{"a": 1}', "not JSON"),
    "q.csv": (b"a,b\n1\n", r"row 1: the number of fields is not the header's \(2\)"),
    "q.json.gz": (b"plain", "cannot be read"),
    "latin.csv": ("a\né".encode("latin-1"), "expected UTF-8 text"),
    "q.parquet": (b"no", "cannot be read as Parquet"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_place(name, tmp_path):
    content, says = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=says):
        list(question_rows(tmp_path / name))


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet"])
def test_a_missing_file_is_said_so(name, tmp_path):
    with pytest.raises(UserError, match="no file"):
        list(question_rows(tmp_path / name))
