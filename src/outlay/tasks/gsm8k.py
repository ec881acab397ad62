"""GSM8K: grade-school word problems with a whole number for an answer (Cobbe et al., arXiv 2110.14168).

A row has `question` and `answer`, whose worked solution ends in `#### 18`. A solution's answer is the number that it states in a
box, after `####` or `Answer:`, or its last number; it is right where it is the same number.
"""

from __future__ import annotations

from outlay.errors import UserError
from outlay.tasks.extraction import number_stated
from outlay.tasks.file_task import Asked, Family, FileTask, found_field, plain
from outlay.tasks.options import Options
from outlay.tasks.question_rows import Row

TEMPLATE = """{{ question }}

Think step by step, each step in a paragraph of its own. End with a line "#### " and the answer as a number."""


def gsm8k_row(where: str, row: Row, options: Options) -> Asked:
    """A row of GSM8K; raises UserError where its answer holds no number."""
    text = found_field(row, where, ("question", "input"), options.question_field, "question_field", "question")
    field = found_field(row, where, ("answer", "target"), options.answer_field, "answer_field", "answer")
    number = number_stated(plain(row[field]))
    if number is None:
        raise UserError(f"{where}: `{field}` is {row[field]!r:.40}; expected a solution that ends in `#### NUMBER`.")
    return Asked({**row, "question": row[text]}, (number,), _id(row, options), _split(row), field)


def _id(row: Row, options: Options) -> str | None:
    value = row.get(options.id_field or "id")
    return None if value is None else str(value)


def _split(row: Row) -> dict[str, str]:
    return {"split": str(row["split"])} if row.get("split") else {}


FAMILY = Family("gsm8k", gsm8k_row, TEMPLATE, "number_stated", "number", max_solution_tokens=512)


def gsm8k_task(argument: str) -> FileTask:
    """The task `gsm8k:ARGUMENT`."""
    return FileTask(FAMILY, argument)
