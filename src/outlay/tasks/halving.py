"""Halving: twelve digits, each made from the column above it and from half of the digit to its right.

A question has one word a column, `+3 +7 =4 ... =5 |`. A column `=d` is a reset: its digit is d. A column `+s` depends on its
right neighbour: its digit is (s + half of that neighbour, rounded down) modulo 10; the last column is always a reset.
A solution writes the digits from left to right, ` 0 9 4 ... 5 <end>`; the twelve digits together are one answer, so
answers can vote.

The family was **chosen for its properties**: to write the first digit in one pass a model must look ahead through a whole run
of dependent columns, while from a draft every digit can be recomputed from one neighbour, and the halving makes errors
shrink. Revising therefore has something to do here, which it has not on every task (Countdown is the counter-example).
The share of resets of a question, uniform between two bounds, is its difficulty: few resets, long runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from outlay.tasks.task import Split, content_hash, distinct, drawn, known_split
from outlay.types import Question

END = "<end>"
SPLIT_SHARES: Mapping[Split, int] = {"train": 40, "prm": 20, "revision": 20, "validation": 8, "test": 12}
"""Percent of all questions that each split owns; revision models learn from questions of their own."""

Column = tuple[bool, int]
"""Whether it is a reset, and its digit."""


@dataclass(frozen=True, slots=True)
class Halving:
    """The task; `least_resets` and `most_resets` bound a question's share of resets (lower is harder).

    >>> task = Halving()
    >>> task.extract(" 0 9 4 <end>")
    '094'
    """

    columns: int = 12
    least_resets: float = 0.10
    most_resets: float = 0.75
    name: str = "halving"
    answers_can_vote: bool = True

    @property
    def max_solution_tokens(self) -> int:
        """A digit a column, and the end token."""
        return self.columns + 1

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        """`count` distinct questions; this task has a fifth split, `revision`."""
        items = self._drawn(known_split(split, self.name, SPLIT_SHARES), seed)
        return [self._question(item, split) for item in distinct(items, written, count, self.name)]

    def demonstrations(self, count: int, seed: int = 0) -> Iterator[tuple[Question, str]]:
        """Training pairs of a question and its right solution's text, from the train split only; questions may repeat."""
        items = self._drawn("train", seed)
        for _ in range(count):
            item = next(items)
            yield self._question(item, "train"), f" {' '.join(map(str, digits(item)))} {END}"

    def extract(self, text: str) -> str | None:
        """All digits as one answer; None where the text holds anything but single digits."""
        words = text.removesuffix(END).split()
        if not words or not all(len(word) == 1 and word in "0123456789" for word in words):
            return None
        return "".join(words)

    def grade(self, question: Question, answer: str) -> bool:
        """Whether every digit is right."""
        return answer == question.reference

    def equivalent(self, a: str, b: str) -> bool:
        """Whether both are the same digits."""
        return a == b

    def _drawn(self, split: Split, seed: int) -> Iterator[tuple[Column, ...]]:
        return drawn(self._draw, written, self.name, split, seed, SPLIT_SHARES)

    def _draw(self, generator: random.Random) -> tuple[Column, ...]:
        share = generator.uniform(self.least_resets, self.most_resets)
        dependent = [(generator.random() < share, generator.randrange(10)) for _ in range(self.columns - 1)]
        return (*dependent, (True, generator.randrange(10)))

    def _question(self, columns: tuple[Column, ...], split: str) -> Question:
        content = written(columns)
        return Question(
            id=f"{self.name}/{split}/{content_hash(content)}",
            text=f"{content} |",
            reference="".join(map(str, digits(columns))),
            task=self.name,
            metadata={"resets": sum(reset for reset, _ in columns)},
        )


def written(columns: tuple[Column, ...]) -> str:
    """The columns as words; also what makes two questions the same.

    >>> written(((False, 3), (True, 5)))
    '+3 =5'
    """
    return " ".join(f"{'=' if reset else '+'}{digit}" for reset, digit in columns)


def digits(columns: tuple[Column, ...]) -> list[int]:
    """The right answer, worked out from right to left.

    >>> digits(((False, 3), (False, 9), (True, 5)))
    [3, 1, 5]
    """
    result: list[int] = []
    for reset, digit in reversed(columns):
        result.append(digit if reset else (digit + result[-1] // 2) % 10)
    return result[::-1]
