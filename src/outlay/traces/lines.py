"""JSON lines, plain or gzipped, each with its number, so that a mistake in a file can be shown where it is."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.traces.files import reason


def raised(error: UserError) -> None:
    """What becomes of a bad row unless a caller wants to go on without it: the error is raised."""
    raise error


def json_rows(path: Path, bad: Callable[[UserError], None] = raised) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, object) for every line that is not blank.

    A line that is not a JSON object, and a file that ends too early, are told to `bad`, which raises unless it is given.
    Raises UserError where the file is missing or may not be read.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}; check the path.")
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        row = _object(path, number, line)
                    except UserError as error:
                        bad(error)
                        continue
                    yield number, row
    except PermissionError as error:
        raise UserError(f"{path} cannot be read ({reason(error)}); allow yourself to read it.") from error
    except (OSError, EOFError, zlib.error) as error:
        bad(
            UserError(
                f"{path}, after line {number}: cannot be read ({reason(error)}); expected "
                f"{'a whole gzip file' if path.suffix == '.gz' else 'JSON lines'}, so fetch or write it again."
            )
        )


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    expected = "expected one JSON object a line, as UTF-8 text; mend or remove the line"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else "not JSON"
        why = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else reason(error)
        raise UserError(f"{path}, line {number}: {what} ({why}); {expected}.") from error
    if not isinstance(row, dict):
        raise UserError(f"{path}, line {number}: found {_kind(row)}; {expected}.")
    return row


def _kind(value: Any) -> str:
    """What JSON calls it."""
    names = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
