"""What a task is: questions by split, and a judge of answers.

The splits are disjoint by construction: a stable hash of a question's canonical content decides the one split that it
may appear in, so no seed and no count can leak a training question into a test. A task makes no promise about *which*
model can answer it, and knows nothing of strategies or verifiers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Literal, Protocol, TypeVar

from outlay.errors import UserError
from outlay.types import Question

T = TypeVar("T")
Split = Literal["train", "prm", "revision", "validation", "test"]

SPLIT_SHARES: dict[Split, int] = {"train": 50, "prm": 30, "validation": 8, "test": 12}
"""Percent of all canonical contents that each split owns, in a task that does not say otherwise."""

MAX_CONSECUTIVE_REJECTIONS = 200_000
"""Draws without a new question after which a split counts as exhausted."""


class Task(Protocol):
    """A family of questions, and how an answer to one is judged.

    `answers_can_vote` says whether equal answers are a sign of rightness (a number) or not (one of many derivations).
    `max_solution_tokens` is the longest solution that a well-behaved model writes, its end token included.
    """

    @property
    def name(self) -> str:
        """The name that `outlay.tasks.load` takes."""
        ...

    @property
    def answers_can_vote(self) -> bool:
        """Whether counting equal answers means anything."""
        ...

    @property
    def max_solution_tokens(self) -> int:
        """Tokens of the longest sensible solution."""
        ...

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        """`count` distinct questions of a split; the first k are the same for every count >= k."""
        ...

    def extract(self, text: str) -> str | None:
        """The canonical answer that a solution's text ends in, None where there is none."""
        ...

    def grade(self, question: Question, answer: str) -> bool:
        """Whether an extracted answer is right."""
        ...

    def equivalent(self, a: str, b: str) -> bool:
        """Whether two extracted answers say the same."""
        ...


def content_hash(content: str) -> str:
    """A stable 16-digit hexadecimal hash of a question's canonical content.

    >>> content_hash("2 4 7 > 15") == content_hash("2 4 7 > 15")
    True
    """
    return blake2b(content.encode(), digest_size=8).hexdigest()


def split_of(content: str, shares: Mapping[Split, int] = SPLIT_SHARES) -> Split:
    """The one split that owns a question with this canonical content; `shares` are percent and sum to 100."""
    percentile = int(content_hash(content), 16) % 100
    for split, share in shares.items():
        if percentile < share:
            return split
        percentile -= share
    raise AssertionError("the shares sum to 100")


def known_split(split: str, task: str, shares: Mapping[Split, int] = SPLIT_SHARES) -> Split:
    """`split` itself where the task has it, a UserError otherwise."""
    for known in shares:
        if split == known:
            return known
    raise UserError(f"task {task!r} has no split {split!r}: use one of {', '.join(shares)} for the questions to draw.")


def drawn(
    draw: Callable[[random.Random], T],
    content: Callable[[T], str],
    task: str,
    split: Split,
    seed: int,
    shares: Mapping[Split, int] = SPLIT_SHARES,
) -> Iterator[T]:
    """Endless draws that belong to `split`; the same (task, split, seed) always gives the same sequence."""
    generator = random.Random(f"{task}/{split}/{seed}")
    while True:
        item = draw(generator)
        if split_of(content(item), shares) == split:
            yield item


def distinct(items: Iterator[T], content: Callable[[T], str], count: int, task: str) -> list[T]:
    """The first `count` items of pairwise different content; a UserError where there are not that many."""
    seen: set[str] = set()
    kept: list[T] = []
    rejected = 0
    while len(kept) < count:
        item = next(items)
        key = content(item)
        if key not in seen:
            seen.add(key)
            kept.append(item)
            rejected = 0
            continue
        rejected += 1
        if rejected >= MAX_CONSECUTIVE_REJECTIONS:
            raise UserError(
                f"task {task!r} has only about {len(kept)} distinct questions in this split but {count} were asked "
                f"for: ask for at most {len(kept)}."
            )
    return kept
