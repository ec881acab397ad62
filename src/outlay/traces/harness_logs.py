"""Samples that lm-evaluation-harness logged (`--log_samples`: `samples_<task>_<date>.jsonl`) as rows of samples.

A line is one document under one filter. Where the filter keeps every response of a repeated document, each is a sample, graded
by the logged metric where that is 0 or 1 for all of them and by the target otherwise; where it takes the first, that one alone
is a sample, since the log says nothing of the others. Several filters make several tasks. Checked against files that version
0.4.13 wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from outlay.errors import UserError

_NAME = re.compile(r"^samples_(?P<task>.+)_(?P<date>\d{4}-\d{2}-\d{2}T[\d\-.:]+)$")
_INVALID = "[invalid]"
"""What the harness writes where a filter finds no answer."""

Place = tuple[str, dict[str, Any]]


def is_harness_row(row: dict[str, Any]) -> bool:
    """Whether a JSON line is a document that the harness logged."""
    return "doc_id" in row and "filtered_resps" in row and "resps" in row


def harness_rows(path: Path, lines: Iterable[Place]) -> Iterator[Place]:
    """(place, row) for every graded response, as `outlay.traces.read_samples` takes them.

    Raises UserError for a document that no metric grades as right or wrong.
    """
    found = list(lines)
    task, model = _names(path)
    filters = {row.get("filter", "none") for _, row in found}
    for where, row in found:
        named = task if len(filters) == 1 else f"{task} ({row.get('filter', 'none')})"
        for sample, response in enumerate(_responses(where, row)):
            yield where, {"task": named, "model": model, "question_id": row["doc_id"], "sample": sample, **response}


def _responses(where: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    target = row.get("target")
    reference = str(target[0] if isinstance(target, list) and target else target)
    metric = _metric(where, row)
    kept = row["filtered_resps"]
    if len(row["resps"]) > 1:  # a choice: one request for each option, answered by log-likelihoods
        likelihoods = [float(pair[0]) for pair in kept]
        answer = str(likelihoods.index(max(likelihoods)))
        return [_graded({"answer": answer, "reference": reference}, metric)]
    texts = row["resps"][0]
    answers = kept[0] if len(kept) == 1 and isinstance(kept[0], list) else kept
    return [
        _graded({"text": str(text) or None, "answer": _answer(answer), "reference": reference}, metric)
        for text, answer in zip(texts, answers, strict=False)
    ]


def _graded(response: dict[str, Any], metric: float) -> dict[str, Any]:
    return response | {"correct": bool(metric)} if metric in (0, 1) else response


def _answer(value: Any) -> str | None:
    text = str(value).strip()
    return None if text in ("", _INVALID) else text


def _metric(where: str, row: dict[str, Any]) -> float:
    names = row.get("metrics") or ["exact_match", "acc"]
    values = [row.get(name) for name in names]
    shares = [float(value) for value in values if isinstance(value, (bool, int, float)) and 0 <= value <= 1]
    if not shares:
        raise UserError(
            f"{where}: none of its metrics ({', '.join(map(str, names))}) says right or wrong; log a task with exact_match or acc."
        )
    return shares[0]


def _names(path: Path) -> tuple[str, str]:
    """The task, from the file's name, and the model, from the results beside it or else the folder."""
    stem = path.name.split(".jsonl")[0]
    match = _NAME.match(stem)
    if match is None:
        return stem, path.absolute().parent.name
    results = path.with_name(f"results_{match['date']}.json")
    try:
        told = json.loads(results.read_bytes())
        model = (told.get("config") or {}).get("model_args") or {}
        pretrained = model.get("pretrained") or model.get("model") if isinstance(model, dict) else None
        return match["task"], str(pretrained or told.get("model_name") or path.absolute().parent.name)
    except (OSError, ValueError, AttributeError):
        return match["task"], path.absolute().parent.name
