"""A task whose questions lie in a file: what every family of such files shares.

A `Family` says how a row of its files is asked and what its answer is; `FileTask` reads a file, makes the prompts and judges. A
row's field `split` gives a question its split; without it the splits are drawn by a hash of the prompt, so that they stay
disjoint whatever the seed; `all` takes every question. Limits: the whole file is read at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.tasks.equality import Equality, equality
from outlay.tasks.extraction import Extractor, extractor
from outlay.tasks.options import Options, options_of
from outlay.tasks.question_rows import Row, question_rows
from outlay.tasks.task import SPLIT_SHARES, split_of
from outlay.tasks.templates import Template
from outlay.types import Question


@dataclass(frozen=True)
class Asked:
    """One row, understood: the fields that a template may show, the right answers, its identifier, what else is known.

    `answer_field` is the row's field that holds the reference, which no template may show.
    """

    fields: Mapping[str, Any]
    references: tuple[str, ...]
    id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    answer_field: str | None = None


@dataclass(frozen=True)
class Family:
    """A kind of question file: how its rows are read, and how it is asked and judged unless the options say otherwise.

    `row` reads one row given its place and the options; it raises UserError for a row without question or answer.
    """

    name: str
    row: Callable[[str, Row, Options], Asked]
    template: str = "{{ question }}"
    extract: str = "stated"
    equal: str = "math"
    max_solution_tokens: int = 1024
    answers_can_vote: bool = True


@dataclass(frozen=True)
class FileTask:
    """The questions of one file, asked and judged as its family or its options say.

    >>> FileTask(FAMILY, "questions.jsonl").questions("test", 10)    # doctest: +SKIP

    Raises UserError, with file and line, where an option is wrong or a row is not a question.
    """

    family: Family
    argument: str
    _read: list[Question] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the file now, so that a mistake in it is met before anything is spent."""
        _ = self._extract, self._equality, self.options
        self._read.extend(self._questions())

    @property
    def name(self) -> str:
        """The address that `outlay.tasks.load` takes."""
        return f"{self.family.name}:{self.argument}"

    @property
    def answers_can_vote(self) -> bool:
        """Whether counting equal answers means anything."""
        return self.family.answers_can_vote if self.options.votes is None else self.options.votes

    @property
    def max_solution_tokens(self) -> int:
        """Tokens of the longest sensible solution."""
        return self.options.max_solution_tokens or self.family.max_solution_tokens

    @cached_property
    def options(self) -> Options:
        """What the address or the task file says."""
        return options_of(self.family.name, self.argument)

    @cached_property
    def _extract(self) -> Extractor:
        return extractor(self.options.extract or self.family.extract, f"{self.name}, `extract`")

    @cached_property
    def _equality(self) -> Equality:
        return self._judge()

    def _judge(self) -> Equality:
        return equality(self.options.equal or self.family.equal, f"{self.name}, `equal`")

    def questions(self, split: str = "test", count: int | None = None, seed: int = 0) -> list[Question]:
        """`count` questions of a split in an order that the seed draws; all of them when `count` is None.

        The first k are the same for every count >= k. Raises UserError where there are fewer.
        """
        found = [q for q in self._read if split == "all" or q.metadata.get("split", split_of(q.text)) == split]
        named = {str(q.metadata["split"]) for q in self._read if "split" in q.metadata} | {*SPLIT_SHARES, "all"}
        if split not in named:
            raise UserError(f"{self.name} has no split {split!r}: use one of {', '.join(sorted(named))}.")
        random.Random(seed).shuffle(found)
        if count is not None and count > len(found):
            raise UserError(
                f"{self.options.path} has {len(found)} questions in split {split!r}, and {count} were asked for; ask for "
                "fewer, or for split 'all'."
            )
        return found if count is None else found[:count]

    def extract(self, text: str) -> str | None:
        """The answer that a solution states, in the form that equal answers share; None where it states none."""
        found = self._extract(text)
        return None if found is None else self._equality.form(found) or None

    def grade(self, question: Question, answer: str) -> bool:
        """Whether an answer says the same as the question's reference, or as one of them.

        Raises UserError where the question has none.
        """
        if question.reference is None:
            raise UserError(f"Question {question.id!r} of {self.name} has no `answer`, so nothing can be graded on it.")
        accepted = question.metadata.get("accepted") or [question.reference]
        return any(self._equality.equal(answer, str(reference)) for reference in accepted)

    def equivalent(self, a: str, b: str) -> bool:
        """Whether two answers say the same."""
        return self._equality.equal(a, b)

    def _questions(self) -> list[Question]:
        path = Path(self.options.path)
        template = Template(*self.options.template_or(self.family.template))
        found: dict[str, Question] = {}
        for number, (where, row) in enumerate(question_rows(path), 1):
            question = self._question(number, where, row, template)
            if question.id in found:
                raise UserError(f"{where}: there are two questions with id {question.id!r}; give each its own.")
            found[question.id] = question
        if not found:
            raise UserError(f"{path} has no questions; expected one JSON object a line with `question` and `answer`.")
        return list(found.values())

    def _question(self, number: int, where: str, row: Row, template: Template) -> Question:
        asked = self.family.row(where, row, self.options)
        metadata = dict(asked.metadata)
        if len(asked.references) > 1:
            metadata["accepted"] = list(asked.references)
        return Question(
            id=asked.id or (str(number) if self.family.name == "jsonl" else f"{self.family.name}/{number}"),
            text=template.prompt(asked.fields, where, asked.answer_field),
            reference=asked.references[0],
            task=self.name,
            metadata=metadata,
        )


def found_field(row: Row, where: str, names: tuple[str, ...], chosen: str | None, option: str, what: str) -> str:
    """Which of the fields `names` the row has (the one that the options have `chosen`, where they did).

    Raises UserError that says what is missing, what is there, and how to name the right one.
    """
    wanted = (chosen,) if chosen else names
    for name in wanted:
        if row.get(name) is not None:
            return name
    there = ", ".join(f"`{name}`" for name in list(row)[:8]) or "no fields"
    expected = " or ".join(f"`{name}`" for name in wanted)
    raise UserError(
        f"{where}: no {what} in it; expected {expected}, there is {there}; name the right field with {option}=..."
    )


def plain(value: Any) -> str:
    """A reference as text: a whole number without its `.0`, anything else as it is.

    >>> plain(51.0), plain(" x ")
    ('51', 'x')
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
