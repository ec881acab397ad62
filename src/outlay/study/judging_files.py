"""Files of samples, scored by a verifier: the same rows again with `score`, `step_scores` and `verifier`, in a new file.

Questions are scored one after the other and their rows appended, so that what was scored is kept whenever the work is stopped; the
next call goes on behind the last whole question. The file that is read is never touched, and every field of a row is kept.

Read beside the fields that every sample has: `question` (the question's text, for verifiers that read it), `steps` (a list of
texts, else the whole text is one step) and `logprob` (the sum over the sample's tokens).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outlay.cost import Ledger, Prices
from outlay.drive.scoring import score_all
from outlay.errors import UserError
from outlay.selection import aggregate
from outlay.tasks import equivalence
from outlay.traces import read_samples
from outlay.traces.files import reason, write_text_whole
from outlay.traces.lines import json_rows
from outlay.types import Budget, Cost, Question, Score, Solution, Step, StepScores
from outlay.verifiers.verifier import reads_of

Row = dict[str, Any]
TOGETHER = 64
"""Questions that are scored before their rows are written."""


@dataclass(frozen=True)
class Asked:
    """A question of a file with its rows, as they stand there, and its samples as a request."""

    rows: tuple[Row, ...]
    request: Score


def asked_in(path: Path) -> list[Asked]:
    """The questions of a file of samples (JSON lines, plain or gzipped), in the order of their first rows.

    Raises UserError for a file of another kind, for a row that is no sample, and for chains of revisions, whose attempts only a
    verifier within a run is shown.
    """
    if path.name.endswith(".parquet"):
        raise UserError(f"{path} is Parquet, and what is scored is written as JSON lines: convert it to .jsonl first.")
    samples = read_samples([path]).to_pylist()
    raw = [row for _, row in json_rows(path)]
    groups: dict[tuple[str, str, str], list[tuple[Row, Row]]] = {}
    for row, sample in zip(raw, samples, strict=True):
        if sample["position"] is not None:
            raise UserError(
                f"{path} holds chains of revisions (field `position`): a verifier scores independent samples of a file, so leave "
                "those rows out."
            )
        groups.setdefault((sample["task"], sample["model"], sample["question_id"]), []).append((row, sample))
    return [_asked(key, rows) for key, rows in groups.items()]


def _asked(key: tuple[str, str, str], rows: Sequence[tuple[Row, Row]]) -> Asked:
    task, _, name = key
    first = rows[0][0]
    text = first.get("question")
    question = Question(name, text if isinstance(text, str) else "", rows[0][1]["reference"], task, dict(first))
    return Asked(tuple(row for row, _ in rows), Score(question, tuple(_solution(row, sample) for row, sample in rows)))


def _solution(row: Row, sample: Row) -> Solution:
    text = sample["text"] or ""
    parts = row.get("steps")
    texts = [str(part) for part in parts] if isinstance(parts, list) and parts else [text]
    logprob = row.get("logprob")
    told = float(logprob) if isinstance(logprob, (int, float)) and not isinstance(logprob, bool) else None
    tokens = sample["tokens"] or 0
    steps = [Step(part, tokens // len(texts), None if told is None else told / len(texts)) for part in texts]
    given = sample["answer"] if sample["has_answer"] else equivalence.extract_answer(text)
    return Solution(tuple(steps), finished=True, answer=None if given is None else equivalence.canonical(given))


def rows_left(asked: Sequence[Asked], out: Path, verifier: str) -> list[Asked]:
    """The questions that `out` does not have yet; a question of which it has a part is cut off there, and comes again.

    Raises UserError where `out` was written by another verifier, or from another file.
    """
    if not out.exists():
        return list(asked)
    kept: list[str] = []
    there = list(_whole_lines(out))
    place, done = 0, 0
    for one in asked:
        lines = there[place : place + len(one.rows)]
        if len(lines) < len(one.rows):
            break
        for line, row in zip(lines, one.rows, strict=True):
            found = json.loads(line)
            if found.get("verifier") != verifier:
                raise UserError(
                    f"{out} was written by the verifier {found.get('verifier')!r:.60}, not {verifier}: name another file with --out"
                )
            if found.get("question_id") != row.get("question_id"):
                raise UserError(f"{out} was made from another file of samples: name another file with --out")
        kept += lines
        place, done = place + len(lines), done + 1
    if done == len(asked) and len(there) > place:
        raise UserError(
            f"{out} has more rows than the samples: it was made from another file, so name another with --out"
        )
    if len(kept) < len(there) or not out.read_bytes().endswith(b"\n"):
        write_text_whole(out, "".join(f"{line}\n" for line in kept))
    return list(asked[done:])


def _whole_lines(out: Path) -> Iterator[str]:
    """Lines that were written to their end."""
    for line in out.read_bytes().split(b"\n")[:-1]:
        try:
            text = line.decode()
            json.loads(text)
        except ValueError as error:
            raise UserError(
                f"{out} is no file that outlay verify has written ({reason(error)}): name another with --out"
            ) from error
        yield text


def judge_file(verifier: Any, address: str, left: Sequence[Asked], out: Path, how: str = "last") -> Iterator[Cost]:
    """Score what is left and append it to `out`; for each question what its verifier used, as its rows are written.

    Raises UserError where `out` cannot be written.
    """
    for start in range(0, len(left), TOGETHER):
        batch = left[start : start + TOGETHER]
        scored = dict(score_all(verifier, ((one.request, place) for place, one in enumerate(batch))))
        lines = []
        for place, one in enumerate(batch):
            lines += [json.dumps(row, allow_nan=False) for row in _rows(one, scored[place], address, how)]
        _append(out, "".join(f"{line}\n" for line in lines))
        for place, one in enumerate(batch):
            yield _used(one.request, scored[place], verifier)


def _rows(one: Asked, scores: Sequence[StepScores], address: str, how: str) -> Iterator[Mapping[str, Any]]:
    for row, given in zip(one.rows, scores, strict=True):
        yield {**row, "score": aggregate(given, how), "step_scores": list(given), "verifier": address}


def _used(request: Score, scores: Sequence[StepScores], verifier: Any) -> Cost:
    ledger = Ledger(Budget(), Prices(0, float(getattr(verifier, "parameters", 0))), 0, 0, reads=reads_of(verifier))
    ledger.scored(request)
    ledger.judged(request, scores)
    return ledger.spent


def _append(out: Path, text: str) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(
            f"{out} cannot be written ({reason(error)}); give another place, or make room there."
        ) from error
