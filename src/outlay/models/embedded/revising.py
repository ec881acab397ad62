"""How a model that revises reads its earlier attempts: before the question, oldest first, each ended by the end token.

    [attempt_1 <end> ... attempt_k <end>] question | attempt_k+1 <end>

With the attempts in front, the places of question and answer relative to each other are the same with any number of attempts.
Training (`outlay.lab`) and running use this one function.
"""

from __future__ import annotations

from collections.abc import Sequence

from outlay.models.embedded.tokenizer import WordTokenizer
from outlay.types import Solution


def revision_prompt(attempts: Sequence[Sequence[int]], question: Sequence[int], end: int) -> tuple[int, ...]:
    """The tokens to continue. An attempt that was cut off has the end token in the place of its last one.

    >>> revision_prompt([(4, 7, 1), (4, 8, 9)], (5, 6), end=1)
    (4, 7, 1, 4, 8, 1, 5, 6)
    """
    before = [token for attempt in attempts for token in (*attempt[:-1], end)]
    return (*before, *question)


def read_attempts(attempts: Sequence[Solution], tokenizer: WordTokenizer, end: int) -> list[Sequence[int]]:
    """The tokens of earlier attempts, as their model wrote them where that is known."""
    return [attempt.state or (*tokenizer.encode(attempt.text), end) for attempt in attempts]
