"""Logs of inspect_ai (`.eval` and `.json`) as rows of samples.

Read here rather than through inspect_ai, which brings a hundred packages: a log is JSON, and an `.eval` a zip file of JSON
documents, in newer versions compressed by Zstandard. A sample's epochs are its question's samples. Its grade is the first score
that is right or wrong (`C`, `I`, true, false, 1, 0; `P` and `N` count as wrong). Checked against logs that version 0.3.285
wrote.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from outlay.errors import UserError
from outlay.traces.files import reason
from outlay.traces.lines import raised

_ZSTANDARD = 93
_GRADES: Mapping[Any, bool] = {"C": True, "I": False, "P": False, "N": False, 1: True, 0: False}


def is_inspect_log(path: Path) -> bool:
    """Whether the file's name is one that inspect_ai gives to a log."""
    return path.suffix in (".eval", ".json")


def inspect_rows(path: Path, bad: Callable[[UserError], None] = raised) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, row) for every sample of a log, as `outlay.traces.read_samples` takes them.

    A sample that ended in an error is told to `bad`, which raises unless it is given. Raises UserError for a file that is missing,
    damaged, or no log of inspect_ai. A sample without a grade has no `correct` in its row, and the reader says so.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}; check the path.")
    try:
        head, samples = _zipped(path) if path.suffix == ".eval" else _plain(path)
        task, model = str(head["eval"]["task"]), str(head["eval"]["model"])
        for sample in samples:
            where = f"{path}, sample {sample['id']!r}, epoch {sample.get('epoch', 1)}"
            try:
                row = _row(where, sample, task, model)
            except UserError as error:
                bad(error)
                continue
            yield where, row
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, pa.ArrowException, struct.error) as error:
        raise UserError(
            f"{path} cannot be read as a log of inspect_ai ({type(error).__name__}: {reason(error)}); expected what `inspect eval` "
            "writes as .eval or .json."
        ) from error


def _plain(path: Path) -> tuple[Any, list[Any]]:
    log = json.loads(path.read_bytes())
    return log, log["samples"] or []


def _zipped(path: Path) -> tuple[Any, Iterator[Any]]:
    archive = zipfile.ZipFile(path)
    names = {info.filename: info for info in archive.infolist()}
    # a log of a run that was broken off has no header yet
    head = json.loads(_content(archive, names["header.json" if "header.json" in names else "_journal/start.json"]))
    samples = (info for name, info in names.items() if name.startswith("samples/") and name.endswith(".json"))
    return head, (json.loads(_content(archive, info)) for info in samples)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member's bytes; Zstandard by pyarrow, since Python's zipfile reads it only from 3.14 on."""
    if info.compress_type != _ZSTANDARD:
        return archive.read(info)
    file = archive.fp
    assert file is not None
    file.seek(info.header_offset)
    name, extra = struct.unpack("<26x2H", file.read(30))
    file.seek(name + extra, 1)
    content: bytes = pa.Codec("zstd").decompress(file.read(info.compress_size), info.file_size).to_pybytes()
    return content


def _row(where: str, sample: Mapping[str, Any], task: str, model: str) -> dict[str, Any]:
    if sample.get("error"):
        message = " ".join(str(sample["error"].get("message", "")).split())
        raise UserError(
            f"{where}: ended in an error ({message:.120}) and has no answer; run it again, or leave it out."
        )
    target = sample.get("target")
    usage = (sample.get("model_usage") or {}).get(model) or {}
    metadata = sample.get("metadata") or {}
    grade = next(
        (
            (score, _GRADES[value])
            for score in (sample.get("scores") or {}).values()
            if (value := _value(score)) in _GRADES
        ),
        None,
    )
    row = {
        "task": task,
        "model": model,
        "question_id": sample["id"],
        "sample": int(sample.get("epoch", 1)) - 1,
        "text": _text(sample.get("output") or {}) or None,
        "reference": target[0] if isinstance(target, list) and target else target or None,
        "tokens": usage.get("output_tokens"),
        "level": metadata.get("level"),
    }
    if grade is not None:
        score, row["correct"] = grade
        row["answer"] = score.get("answer") or None
    return row


def _value(score: Mapping[str, Any]) -> Any:
    value = score.get("value")
    return value if isinstance(value, (str, int, float)) else None


def _text(output: Mapping[str, Any]) -> str:
    if output.get("completion"):
        return str(output["completion"])
    content = output["choices"][0]["message"]["content"] if output.get("choices") else ""
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)
