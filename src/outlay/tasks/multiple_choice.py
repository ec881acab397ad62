"""Multiple choice: a question, its options, and the letter of the right one (AQuA, ARC, MMLU and alike).

A row has `question`, `options` or `choices` (a list of texts, or `{"text": [...], "label": [...]}`), and the right one as a letter
or a number from 0: `correct`, `answer`, `answerKey`, `answer_index` or `label`. A letter in front of an option is taken off and
put back by the template, so that every data set is asked alike (AQuA: Ling et al., arXiv 1705.04146).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from outlay.errors import UserError
from outlay.tasks.file_task import Asked, Family, FileTask, found_field
from outlay.tasks.options import Options
from outlay.tasks.question_rows import Row

TEMPLATE = """{{ question }}

{% for letter, option in options %}
({{ letter }}) {{ option }}
{% endfor %}

Think step by step, each step in a paragraph of its own. End with a line "Answer: " and the letter of the right option."""

ANSWER_FIELDS = ("correct", "answer", "answerKey", "answer_index", "label", "target")
MOST_OPTIONS = 10


def choice_row(where: str, row: Row, options: Options) -> Asked:
    """A row with its options, in the order in which the file has them; raises UserError where the right one is none of them."""
    text = found_field(row, where, ("question", "input"), options.question_field, "question_field", "question")
    listed = found_field(row, where, ("options", "choices"), None, "`options`", "list of options")
    field = found_field(row, where, ANSWER_FIELDS, options.answer_field, "answer_field", "answer")
    texts, labels = _options(row[listed], where)
    right = _letter(row[field], labels, texts, where, field)
    identifier = row.get(options.id_field or "id")
    shown = {name: value for name, value in row.items() if name not in (*ANSWER_FIELDS, "rationale")}
    return Asked(
        {**shown, "question": row[text], "options": list(zip(ascii_uppercase, texts, strict=False))},
        (right,),
        None if identifier is None else str(identifier),
        {"options": texts},
        field,
    )


def _options(value: Any, where: str) -> tuple[list[str], list[str]]:
    """The options' texts without their letters, and the labels by which the row may call them."""
    labels: Sequence[Any] = ascii_uppercase
    if isinstance(value, Mapping):
        labels, value = value.get("label", ascii_uppercase), value.get("text")
    if not isinstance(value, list) or not 2 <= len(value) <= MOST_OPTIONS:
        raise UserError(f"{where}: expected 2 to {MOST_OPTIONS} options, as a list of texts, found {value!r:.40}.")
    texts = [re.sub(rf"^\s*\(?{letter}\s*[).:]\s*", "", str(one)) for letter, one in zip(ascii_uppercase, value)]
    return texts, [str(label) for label in labels][: len(value)]


def _letter(value: Any, labels: Sequence[str], texts: Sequence[str], where: str, field: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and str(value) not in labels:
        place = value
    elif str(value).strip() in labels:
        place = labels.index(str(value).strip())
    elif str(value).strip() in texts:
        place = texts.index(str(value).strip())
    elif str(value).strip().isdigit():
        place = int(str(value))
    else:
        place = -1
    if not 0 <= place < len(texts):
        raise UserError(
            f"{where}: `{field}` is {value!r:.40}, which is none of the {len(texts)} options; expected a letter from A, or a "
            "number from 0."
        )
    return ascii_uppercase[place]


FAMILY = Family("multiple-choice", choice_row, TEMPLATE, "choice", "string", max_solution_tokens=1024)


def multiple_choice_task(argument: str) -> FileTask:
    """The task `multiple-choice:ARGUMENT`."""
    return FileTask(FAMILY, argument)
