"""One's own traces as what a probe learns from: questions with graded solutions, dealt to training, validation and test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from outlay.errors import UserError
from outlay.study.judging_files import asked_in
from outlay.study.roles import PLAIN_SAMPLING
from outlay.traces import Store
from outlay.types import Question, Solution, Trace

PARTS = ("training", "validation", "test")


@dataclass(frozen=True, slots=True)
class Graded:
    """A question, its independent solutions, and which of them are right."""

    question: Question
    solutions: tuple[Solution, ...]
    correct: NDArray[np.bool_]


def graded_in(path: Path, task: str | None = None, model: str | None = None) -> list[Graded]:
    """The graded pools in a folder of traces or a file of samples, a question once, by identifier.

    Those of a task and a model alone, where these are named.

    Raises UserError where there are none, where questions have no text or solutions no grade, or where several models drew.
    """
    if not path.exists():
        raise UserError(f"there is no {path}: give a folder of traces or a file of samples as traces")
    found = _in_folder(path, task, model) if path.is_dir() else _in_file(path, task, model)
    if not found:
        raise UserError(
            f"{path} holds no graded pools of plain samples to learn from (best_of_n, weighted_best_of_n, majority)"
        )
    if not all(one.question.text.strip() for one in found):
        raise UserError(f"{path} does not say what was asked: each row needs the field question with its text")
    return sorted(found, key=lambda one: one.question.id)


def _in_folder(path: Path, task: str | None, model: str | None) -> list[Graded]:
    store = Store(path, create=False)
    for damage in store.damage():
        raise UserError(damage)
    best: dict[tuple[str, str], Trace] = {}
    models = set()
    for trace in store.traces():
        if (
            trace.strategy["name"] not in PLAIN_SAMPLING
            or len(trace.solutions) < 2
            or not _whole(trace.solution_correct)
        ):
            continue
        if task not in (None, trace.question.task) or model not in (None, trace.model):
            continue
        models.add((trace.question.task, trace.model))
        key = (trace.question.task, trace.question.id)
        if key not in best or len(best[key].solutions) < len(trace.solutions):
            best[key] = trace
    _one_source(path, models)
    return [
        Graded(one.question, one.solutions, np.array(one.solution_correct, dtype=np.bool_)) for one in best.values()
    ]


def _whole(grades: Sequence[bool | None]) -> bool:
    return bool(grades) and None not in grades


def _in_file(path: Path, task: str | None, model: str | None) -> list[Graded]:
    asked = [
        one
        for one in asked_in(path)
        if task in (None, one.request.question.task) and model in (None, str(one.rows[0].get("model", "")))
    ]
    _one_source(path, {(one.request.question.task, str(one.rows[0].get("model", ""))) for one in asked})
    found = []
    for one in asked:
        grades = [row.get("correct") for row in one.rows]
        if not all(isinstance(grade, bool | int) for grade in grades):
            raise UserError(
                f"{path}: question {one.request.question.id} has rows without a grade (field correct, true or false)"
            )
        found.append(Graded(one.request.question, one.request.solutions, np.array(grades, dtype=np.bool_)))
    return found


def _one_source(path: Path, found: Iterable[tuple[str, str]]) -> None:
    listed = sorted(set(found))
    if len(listed) > 1:
        told = ", ".join(
            f"{model or 'a model without a name'} on {task or 'a task without a name'}" for task, model in listed[:6]
        )
        raise UserError(
            f"{path} holds samples of several models or tasks ({told}): a probe learns from one, so name it with task and model"
        )


def dealt(graded: Sequence[Graded], shares: Sequence[float], seed: int) -> dict[str, list[Graded]]:
    """The questions of each part, by a hash of seed and question: the same question is always in the same part."""
    parts: dict[str, list[Graded]] = {part: [] for part in PARTS}
    for one in graded:
        name = f"{seed}\x1f{one.question.task}\x1f{one.question.id}"
        place = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") / 2.0**64
        part = 0 if place < shares[0] else 1 if place < shares[0] + shares[1] else 2
        parts[PARTS[part]].append(one)
    return parts


def rectangle(values: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rows of unequal length [questions, longest], and which places hold a value."""
    longest = max(map(len, values), default=0)
    table = np.zeros((len(values), longest))
    valid = np.zeros((len(values), longest), dtype=np.bool_)
    for row, one in enumerate(values):
        table[row, : len(one)], valid[row, : len(one)] = one, True
    return table, valid
