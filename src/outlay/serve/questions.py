"""Questions as people type them: what an answer to one is, and what a model of this process has to read at its end."""

from __future__ import annotations

from typing import Any

from outlay.drive.solving import LastLine
from outlay.errors import UserError
from outlay.tasks import Task, load

LOOKED_AT = 8
FREE = "free"
"""The task of questions that belong to none: the answer is the last line."""


def task_of(address: str) -> Task:
    """The task at that address, or the one of free questions.

    >>> task_of("free").extract("42")
    '42'
    """
    return LastLine() if address == FREE else load(address)


def last_word(task: Task, model: Any) -> str:
    """The word that every question of the model's own task ends with ("|" in countdown); "" where there is none.

    >>> from outlay import models, tasks
    >>> last_word(tasks.load("countdown"), models.load("embedded:countdown-small"))
    '|'
    """
    if getattr(model, "task", None) != task.name:
        return ""
    try:
        ends = {question.text.split()[-1] for question in task.questions("validation", LOOKED_AT)}
    except (UserError, IndexError):
        return ""
    return ends.pop() if len(ends) == 1 else ""


def whole(text: str, end: str) -> str:
    """The question with its last word, where that was left out.

    >>> whole("2 3 4 > 24", "|"), whole("2 3 4 > 24 |", "|"), whole("What is 2 + 3?", "")
    ('2 3 4 > 24 |', '2 3 4 > 24 |', 'What is 2 + 3?')
    """
    return text if not end or text.split()[-1:] == [end] else f"{text.rstrip()} {end}"
