"""Questions about the world with a few words for an answer: NQ-open, SQuAD, TriviaQA and alike (the task `qa`).

A row has `question` and `answer`, `answers`, or `target`: a text, a list of texts that are all right, SQuAD's `{"text": [...]}`, or
TriviaQA's `{"value": ..., "aliases": [...]}`; a `context`, where there is one, is shown before the question. An answer is right
where it equals one of them as SQuAD compares: without case, articles and punctuation (Rajpurkar et al., arXiv 1606.05250,
section 6.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.errors import UserError
from outlay.tasks.equality import normalised
from outlay.tasks.file_task import Asked, Family, FileTask, found_field, plain
from outlay.tasks.options import Options
from outlay.tasks.question_rows import Row

TEMPLATE = """{% if context is defined and context %}
{{ context }}

{% endif %}
{{ question[0] | upper }}{{ question[1:] }}{{ "" if question.endswith("?") else "?" }}

End with a line "Answer: " and the answer in as few words as possible."""


def open_row(where: str, row: Row, options: Options) -> Asked:
    """A row with every answer that is accepted; raises UserError where there is none with a letter or digit in it."""
    text = found_field(row, where, ("question", "input"), options.question_field, "question_field", "question")
    field = found_field(row, where, ("answer", "answers", "target"), options.answer_field, "answer_field", "answer")
    accepted = tuple(dict.fromkeys(answer for answer in _answers(row[field]) if normalised(answer)))
    if not accepted:
        raise UserError(
            f"{where}: `{field}` is {row[field]!r:.40}; expected a text, or a list of texts that are right."
        )
    identifier = row.get(options.id_field or "id", row.get("question_id"))
    shown = {name: value for name, value in row.items() if name not in ("answer", "answers", "target")}
    return Asked(
        {**shown, "question": str(row[text]).strip()},
        accepted,
        None if identifier is None else str(identifier),
        {"split": str(row["split"])} if row.get("split") else {},
        field,
    )


def _answers(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [one for name in ("text", "value", "aliases") for one in _answers(value.get(name) or [])]
    if isinstance(value, list):
        return [one for item in value for one in _answers(item)]
    return [plain(value)]


FAMILY = Family("qa", open_row, TEMPLATE, "stated_or_last_line", "text", max_solution_tokens=256)


def open_questions_task(argument: str) -> FileTask:
    """The task `qa:ARGUMENT`."""
    return FileTask(FAMILY, argument)
