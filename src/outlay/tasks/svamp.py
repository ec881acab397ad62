"""SVAMP: short arithmetic word problems, varied so that pattern matching fails (Patel et al., arXiv 2103.07191).

A row has `Body`, `Question` and `Answer` (a number); the same names in lower case are taken too.
"""

from __future__ import annotations

from outlay.tasks.file_task import Asked, Family, FileTask, found_field, plain
from outlay.tasks.gsm8k import TEMPLATE
from outlay.tasks.options import Options
from outlay.tasks.question_rows import Row


def svamp_row(where: str, row: Row, options: Options) -> Asked:
    """A row of SVAMP: the body and the question make one text."""
    asked = found_field(
        row, where, ("question_concat", "Question", "question"), options.question_field, "question_field", "question"
    )
    field = found_field(row, where, ("Answer", "answer"), options.answer_field, "answer_field", "answer")
    body = "" if asked == "question_concat" else str(row.get("Body") or row.get("body") or "").strip()
    if body and body[-1] not in ".?!":
        body += "."
    identifier = row.get(options.id_field or "ID", row.get("id"))
    kind = row.get("Type", row.get("type"))
    return Asked(
        {**row, "question": f"{body} {row[asked]}".strip()},
        (plain(row[field]),),
        None if identifier is None else str(identifier),
        {"kind": kind} if kind else {},
        field,
    )


FAMILY = Family("svamp", svamp_row, TEMPLATE, "number_stated", "number", max_solution_tokens=512)


def svamp_task(argument: str) -> FileTask:
    """The task `svamp:ARGUMENT`."""
    return FileTask(FAMILY, argument)
