"""Samples that other tools drew: JSONL, JSONL.gz or Parquet, one sample a row, or logs of inspect_ai and lm_eval, to one table.

Fields: `question_id`; `correct` (or `reference`, to be graded later); `answer` or `text`, or both; optional `score`,
`step_scores`, `tokens`, `model`, `task`, `sample`, `chain`, `position`, `level`. Other fields are ignored. An `answer`
of null means that the sample gave none; a missing field means that nothing is known. Every mistake is a UserError that
names file, line and field; a caller may go on without the rows that are wrong. Limits: everything is held in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from outlay.errors import UserError
from outlay.traces.files import reason
from outlay.traces.harness_logs import harness_rows, is_harness_row
from outlay.traces.inspect_logs import inspect_rows, is_inspect_log
from outlay.traces.lines import json_rows, raised

SAMPLES = pa.schema(
    [
        ("task", pa.string()),
        ("model", pa.string()),
        ("question_id", pa.string()),
        ("sample", pa.int64()),
        ("chain", pa.int64()),
        ("position", pa.int64()),
        ("answer", pa.string()),
        ("has_answer", pa.bool_()),
        ("text", pa.string()),
        ("reference", pa.string()),
        ("correct", pa.bool_()),
        ("score", pa.float64()),
        ("step_scores", pa.list_(pa.float64())),
        ("tokens", pa.int64()),
        ("level", pa.string()),
    ]
)
"""One row for each sample. `has_answer`: the field `answer` was there; `position` is null outside chains."""

SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".parquet", ".eval", ".json")


def read_samples(paths: Sequence[str | Path], bad: Callable[[UserError], None] = raised) -> pa.Table:
    """All samples of these files, in the order of the files and their rows.

    A file's samples are of the task that their field `task` names, or else of one named after the file; where no row
    says which `model` drew it, the model is called `unnamed`. Files of one name in several folders need both fields in
    every row: without them their samples would be taken for one pool.

    What is wrong with a row is told to `bad`, which raises it unless another is given; if that returns, the row is left out.

    >>> read_samples(["pool.jsonl.gz"]).num_rows        # doctest: +SKIP
    10000

    Raises UserError for a file that is missing, of another kind, given twice, or has a bad row, for a sample given twice, for
    a question with two references or levels, and for files of one name whose rows do not say which task and model they are of.
    """
    rows: list[dict[str, Any]] = []
    seen = _Seen()
    files = [Path(path) for path in paths]
    twins = _twins(files)
    for path in files:
        before = len(rows)
        for where, raw in _rows(path, bad):
            if path in twins:
                _says_whose(where, raw, twins[path])
            try:
                rows.append(seen.placed(where, _checked(where, raw, _stem(path))))
            except UserError as error:
                bad(error)
        if len(rows) == before:
            raise UserError(f"{path} has no samples in it; expected one a line, each with `question_id` and `correct`.")
    return pa.Table.from_pylist(rows, schema=SAMPLES)


class _Seen:
    """What the rows so far said, with where: which samples there are, and what is the same for all samples of a question."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str, str], dict[tuple[int, int], str]] = {}
        self._said: dict[tuple[str, str, str], tuple[str, str]] = {}

    def placed(self, where: str, row: dict[str, Any]) -> dict[str, Any]:
        """The row, with its number; a UserError where it contradicts an earlier one."""
        for field in ("reference", "level"):
            self._agrees(where, row, field)
        places = self._samples.setdefault((row["task"], row["model"], row["question_id"]), {})
        if row["sample"] is None:
            row["sample"] = len(places)
        chained = row["position"] is not None
        place = (row["chain"], row["position"]) if chained else (-1, row["sample"])
        if place in places:
            what = f"position {row['position']} of chain {row['chain']}" if chained else f"sample {row['sample']}"
            raise UserError(
                f"{where}: {what} of question {row['question_id']!r} is already at {places[place]}; number the "
                "samples of a question apart, or leave `sample` out."
            )
        places[place] = where
        return row

    def _agrees(self, where: str, row: Mapping[str, Any], field: str) -> None:
        if row[field] is None:
            return
        key = (row["task"], row["question_id"], field)
        value, place = self._said.setdefault(key, (row[field], where))
        if not _same(value, row[field]):
            raise UserError(
                f"{where}: field `{field}` of question {row['question_id']!r} is {row[field]!r:.60}, but {value!r:.60} at "
                f"{place}; a question has one {field}, so give different questions different `question_id`s."
            )


def _same(one: str, other: str) -> bool:
    """The same text, or the same number (a data set may write 1 in one row and 1.0 in another)."""
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _twins(files: Sequence[Path]) -> dict[Path, Path]:
    """For each file whose name (its kind aside) another one has, that other one. UserError where a file is given twice."""
    twins: dict[Path, Path] = {}
    for place, path in enumerate(files):
        for other in files[:place]:
            if path.resolve() == other.resolve():
                raise UserError(f"{path} is given twice; its samples would count double, so name each file once.")
            if _stem(path) == _stem(other):
                twins |= {path: other, other: path}
    return twins


def _says_whose(where: str, raw: dict[str, Any], twin: Path) -> None:
    for field in ("task", "model"):
        if raw.get(field) is None:
            raise UserError(
                f"{where}: field `{field}` is missing, and {twin} is a file of the same name, so their samples would be "
                "mixed; give every row its `task` and `model`, or rename one of the files."
            )


def _stem(path: Path) -> str:
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.stem


def _rows(path: Path, bad: Callable[[UserError], None]) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.name.endswith(".parquet"):
        yield from parquet_rows(path)
    elif is_inspect_log(path):
        yield from inspect_rows(path, bad)
    elif path.name.endswith(SUFFIXES) or not path.exists():
        lines = ((f"{path}, line {line}", row) for line, row in json_rows(path, bad))
        first = next(lines, None)
        if first is None:
            return
        whole = chain([first], lines)
        yield from harness_rows(path, whole) if is_harness_row(first[1]) else whole
    else:
        raise UserError(
            f"{path} is not a kind of file that holds samples; expected {', '.join(SUFFIXES)}, or a folder of traces."
        )


def parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, row) for every row of a Parquet file; a UserError where it is missing or cannot be read."""
    if not path.is_file():
        raise UserError(f"There is no file {path}; check the path.")
    try:
        number = 0
        for batch in pq.ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield f"{path}, row {number}", row
    except PermissionError as error:
        raise UserError(f"{path} cannot be read ({reason(error)}); allow yourself to read it.") from error
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path} cannot be read as Parquet ({reason(error)}); it is damaged or another kind of file, so fetch or write it "
            "again."
        ) from error


def _checked(where: str, raw: dict[str, Any], task: str) -> dict[str, Any]:
    def read(name: str, expected: str, accept: Callable[[Any], Any]) -> Any:
        value = raw.get(name)
        if value is None:
            return None
        accepted = accept(value)
        if accepted is None:
            way = "correct it" if name in ("question_id", "correct") else "correct it, or leave the field out"
            raise UserError(f"{where}: field `{name}` should be {expected}, found {value!r:.60}; {way}.")
        return accepted

    row: dict[str, Any] = {
        "task": read("task", "a text", _text) or task,
        "model": read("model", "a text", _text) or "unnamed",
        "question_id": read("question_id", "a text or a number", _label),
        "sample": read("sample", "a whole number from 0", _count),
        "chain": read("chain", "a whole number from 0", _count),
        "position": read("position", "a whole number from 0", _count),
        "answer": read("answer", "a text or a number", _answer),
        "has_answer": "answer" in raw,
        "text": read("text", "a text", _text),
        "reference": read("reference", "a text or a number", _answer),
        "correct": read("correct", "true or false", _truth),
        "score": read("score", "a finite number", _number),
        "step_scores": read("step_scores", "a list of finite numbers", _numbers),
        "tokens": read("tokens", "a whole number from 0", _count),
        "level": read("level", "a text or a number", _label),
    }
    if row["question_id"] is None:
        there = ", ".join(f"`{name}`" for name in list(raw)[:8]) or "no fields"
        raise UserError(
            f"{where}: field `question_id` is missing (there is {there}); every sample needs the question it answers."
        )
    if row["correct"] is None and row["reference"] is None:
        raise UserError(
            f"{where}: field `correct` is missing; say whether the sample is right (true or false), or give the right "
            "answer as `reference`."
        )
    if row["chain"] is not None and row["position"] is None:
        raise UserError(f"{where}: field `position` is missing; a sample of a chain needs its place in it, from 0.")
    if row["position"] is not None and row["chain"] is None:
        row["chain"] = 0
    if row["score"] is None and row["step_scores"]:
        row["score"] = row["step_scores"][-1]
    return row


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _label(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value)


def _answer(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) else None


def _count(value: Any) -> int | None:
    number = _number(value)
    if number is None or number < 0 or number != int(number) or number >= 2**63:
        return None
    return int(value)


def _truth(value: Any) -> bool | None:
    return bool(value) if isinstance(value, (bool, int, float)) and value in (0, 1) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond every float
        return None
    return number if math.isfinite(number) else None


def _numbers(value: Any) -> list[float] | None:
    if not isinstance(value, list):
        return None
    numbers = [_number(item) for item in value]
    return None if None in numbers else numbers  # type: ignore[return-value]
