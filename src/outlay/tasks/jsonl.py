"""Questions of a user's own: any file of rows with a question and its answer, asked and judged as its options say.

Without options a row has `question` (or `prompt`, `problem`, `text`, `input`) and `answer` (or `reference`, `target`, `output`); an
answer that is a list holds several right ones; every other field becomes metadata; answers are compared as mathematics. Several
fields make the prompt by a template.
"""

from __future__ import annotations

from outlay.tasks import equivalence
from outlay.tasks.file_task import Asked, Family, FileTask, found_field, plain
from outlay.tasks.options import Options
from outlay.tasks.question_rows import Row

TEXT_FIELDS = ("question", "prompt", "problem", "text", "input")
REFERENCE_FIELDS = ("answer", "reference", "target", "output")


def own_row(where: str, row: Row, options: Options) -> Asked:
    """A row of a user's own file.

    Raises UserError where it has no question (and no template makes one of other fields) or no answer.
    """
    templated = options.question_field is None and (options.template or options.template_file)
    text = (
        None
        if templated and not any(row.get(name) is not None for name in TEXT_FIELDS)
        else found_field(row, where, TEXT_FIELDS, options.question_field, "question_field", "question")
    )
    reference = found_field(row, where, REFERENCE_FIELDS, options.answer_field, "answer_field", "answer")
    value = row[reference]
    several = [plain(one) for one in (value if isinstance(value, list) else [value])]
    stated = tuple(equivalence.extract_answer(one) or one for one in several if one)
    if not stated:
        found_field(row | {reference: None}, where, (reference,), None, "answer_field", "answer")
    name = options.id_field or "id"
    used = {name, text, reference}
    return Asked(
        fields={**row, "question": str(row[text])} if text else row,
        references=stated,
        id=str(row[name]) if row.get(name) is not None else None,
        metadata={key: value for key, value in row.items() if key not in used},
        answer_field=reference,
    )


FAMILY = Family("jsonl", own_row, max_solution_tokens=2048)


def jsonl_task(argument: str) -> FileTask:
    """The task `jsonl:ARGUMENT`."""
    return FileTask(FAMILY, argument)
