"""MATH and MATH-500: competition mathematics with a formula for an answer (Hendrycks et al., arXiv 2103.03874).

A row has `problem` and `answer`, or a `solution` whose last box is the answer. Answers are compared by math-verify where it is
installed (the extra `math`), with a time limit for each comparison, besides by exact arithmetic (see `equivalence`); without it by
exact arithmetic alone, which finds a point or two fewer answers right, and a line in the log says so.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from outlay.errors import UserError
from outlay.tasks import equivalence, math_verifying
from outlay.tasks.file_task import Asked, Family, FileTask, found_field, plain
from outlay.tasks.options import Options
from outlay.tasks.question_rows import Row

TEMPLATE = r"""{{ question }}

Think step by step, each step in a paragraph of its own. Put the final answer in \boxed{}."""

log = logging.getLogger(__name__)


def math_row(where: str, row: Row, options: Options) -> Asked:
    """A row of MATH; raises UserError where it has neither an answer nor a solution with a box."""
    text = found_field(row, where, ("problem", "question"), options.question_field, "question_field", "problem")
    field = found_field(row, where, ("answer", "solution"), options.answer_field, "answer_field", "answer")
    written = plain(row[field])
    answer = equivalence.last_box(written) or (written if field != "solution" else None)
    if not answer:
        raise UserError(
            f"{where}: `{field}` holds no answer; expected the answer itself or a solution with a \\boxed{{}}."
        )
    identifier = row.get(options.id_field or "unique_id", row.get("id"))
    kept = {name: row[name] for name in ("level", "subject", "type", "split") if row.get(name) is not None}
    fields = {name: value for name, value in row.items() if name not in ("answer", "solution")}
    return Asked(
        {**fields, "question": row[text]}, (answer,), None if identifier is None else str(identifier), kept, field
    )


FAMILY = Family("math", math_row, TEMPLATE, "stated", "math-verify", max_solution_tokens=2048)


def math_task(argument: str) -> FileTask:
    """The task `math:ARGUMENT`."""
    if math_verifying.installed():
        return FileTask(FAMILY, argument)
    log.warning(
        "math-verify is not installed, so answers to %s are compared by exact arithmetic alone, which misses some equal "
        "ones; install it with: pip install 'outlay[math]'",
        argument,
    )
    return FileTask(replace(FAMILY, equal="math"), argument)
