"""The rows of a question file, whatever its form: JSON lines, a JSON array, CSV or Parquet, plain or gzipped.

The form is read off the content where names mislead (a data set published as `.json` often holds JSON lines). Each row comes with
the place to name when something is wrong with it. Limits: a JSON array and a CSV file are read whole.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.traces.files import reason
from outlay.traces.importers import parquet_rows
from outlay.traces.lines import json_rows

Row = dict[str, Any]


def question_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """(place, row) for every row of the file; the place reads "questions.jsonl, line 3".

    >>> list(question_rows(Path("questions.csv")))            # doctest: +SKIP
    [('questions.csv, row 1', {'question': '1+1?', 'answer': '2'})]

    Raises UserError for a file that is missing, cannot be read, or holds something else than rows with named fields.
    """
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        yield from parquet_rows(path)
    elif name.endswith((".csv", ".tsv")):
        yield from _csv_rows(path, "\t" if name.endswith(".tsv") else ",")
    elif name.endswith(".json") and path.is_file() and _opening(path) == "[":
        yield from _array_rows(path)
    else:
        for number, row in json_rows(path):
            yield f"{path}, line {number}", row


def _text(path: Path, length: int = -1) -> str:
    if not path.is_file():
        raise UserError(f"There is no file {path}; check the path.")
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(length).decode("utf-8-sig", errors="strict" if length < 0 else "ignore")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read ({reason(error)}); expected UTF-8 text, so mend or fetch it again."
        ) from error


def _opening(path: Path) -> str:
    return _text(path, 4096).lstrip()[:1]


def _array_rows(path: Path) -> Iterator[tuple[str, Row]]:
    try:
        rows = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not JSON ({reason(error)}); expected an array of objects, or one JSON object a line."
        ) from error
    for number, row in enumerate(rows, 1):
        where = f"{path}, entry {number}"
        if not isinstance(row, dict):
            raise UserError(f"{where}: found {row!r:.40}; expected an object with named fields, so mend or remove it.")
        yield where, row


def _csv_rows(path: Path, delimiter: str) -> Iterator[tuple[str, Row]]:
    reader = csv.DictReader(io.StringIO(_text(path)), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise UserError(
                    f"{path}, row {number}: the number of fields is not the header's ({len(reader.fieldnames or ())}); "
                    "quote the fields that hold the separator."
                )
            yield f"{path}, row {number}", dict(row)
    except csv.Error as error:
        raise UserError(f"{path}, after row {number}: not CSV ({reason(error)}); mend or remove the row.") from error
