"""Questions from a JSONL file: `id`, `question` (or `prompt`, or `text`), and `answer` (or `reference`).

Answers are judged by mathematical equivalence (see `equivalence`). Every other field of a line becomes metadata.
A field `split` gives a question its split; without it the splits are drawn by a hash of the text, so that they stay
disjoint whatever the seed. Limits: the whole file is read at once.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.tasks import equivalence
from outlay.tasks.task import split_of
from outlay.traces.lines import json_rows
from outlay.types import Question

TEXT_FIELDS = ("question", "prompt", "text")
REFERENCE_FIELDS = ("answer", "reference")


@dataclass(frozen=True)
class JsonlTask:
    """The questions of one file (`.jsonl` or `.jsonl.gz`).

    >>> JsonlTask("questions.jsonl").questions("test", 10)    # doctest: +SKIP

    Raises UserError, with file and line, where a line is not a question.
    """

    path: str
    max_solution_tokens: int = 2048
    answers_can_vote: bool = True
    _read: list[Question] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the file now, so that a mistake in it is met before anything is spent."""
        self._read.extend(read_questions(Path(self.path)))

    @property
    def name(self) -> str:
        """The name that `outlay.tasks.load` takes."""
        return f"jsonl:{self.path}"

    def questions(self, split: str = "test", count: int | None = None, seed: int = 0) -> list[Question]:
        """`count` questions of a split in an order that the seed draws; all of them when `count` is None.

        `split="all"` takes every question. The first k are the same for every count >= k.
        """
        found = [q for q in self._read if split == "all" or q.metadata.get("split", split_of(q.text)) == split]
        random.Random(seed).shuffle(found)
        if count is not None and count > len(found):
            raise UserError(
                f"{self.path} has {len(found)} questions in split {split!r}, and {count} were asked for; ask for "
                "fewer, or for split 'all'."
            )
        return found if count is None else found[:count]

    def extract(self, text: str) -> str | None:
        """The answer that a solution states in its last box, answer tag or `Answer:` line."""
        return equivalence.extract_answer(text)

    def grade(self, question: Question, answer: str) -> bool:
        """Whether an answer says the same as the question's reference.

        Raises UserError where the question has none.
        """
        if question.reference is None:
            raise UserError(f"Question {question.id!r} of {self.path} has no `answer`, so nothing can be graded on it.")
        return equivalence.equivalent(answer, question.reference)

    def equivalent(self, a: str, b: str) -> bool:
        """Whether two answers say the same."""
        return equivalence.equivalent(a, b)


def read_questions(path: Path) -> list[Question]:
    """The questions of a JSONL file, in its order.

    Raises UserError where the file is missing, a line is not JSON, or a question lacks its text or repeats an id.
    """
    found = [_question(path, number, row) for number, row in json_rows(path)]
    if not found:
        raise UserError(f"{path} has no questions; expected one JSON object a line with `question` and `answer`.")
    seen: set[str] = set()
    for question in found:
        if question.id in seen:
            raise UserError(f"{path} has two questions with id {question.id!r}; give each its own.")
        seen.add(question.id)
    return found


def _question(path: Path, number: int, row: dict[str, Any]) -> Question:
    where = f"{path}, line {number}"
    text_field = next((name for name in TEXT_FIELDS if isinstance(row.get(name), str)), None)
    if text_field is None:
        raise UserError(f"{where}: no question in it; expected one of the fields {', '.join(TEXT_FIELDS)} with a text.")
    reference_field = next((name for name in REFERENCE_FIELDS if row.get(name) is not None), None)
    reference = None if reference_field is None else str(row[reference_field])
    used = {"id", text_field, reference_field}
    return Question(
        id=str(row.get("id", number)),
        text=row[text_field],
        reference=equivalence.extract_answer(reference) or reference if reference else reference,
        task=f"jsonl:{path}",
        metadata={name: value for name, value in row.items() if name not in used},
    )
