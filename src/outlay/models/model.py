"""What a model is to Outlay: something that draws continuations.

Two seams, for two kinds of backend. `Model` is asynchronous and speaks text: a server, or anything a user brings.
`InProcessModel` is an engine in this process that advances many requests together, block by block; the batching driver
keeps it full. Neither knows what a strategy is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from outlay.types import Cost, Question, Sample, Solution

NOTHING = Cost()


@dataclass(frozen=True, slots=True)
class Completion:
    """One continuation from a `Model`: its text, why it ended, and what was counted for it (tokens).

    `logprobs` are the log-probabilities of its tokens, `top_logprobs` the likeliest alternatives at each of them, by text, and
    `token_texts` the tokens' own texts, which joined are `text`; None where the model does not tell.
    `wasted` is what was paid for besides: calls that had to be repeated (`retried`), and what was generated and thrown away
    (`cancelled`).
    """

    text: str
    finish_reason: Literal["stop", "length", "end"]
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    logprobs: tuple[float, ...] | None = None
    top_logprobs: tuple[Mapping[str, float], ...] | None = None
    token_texts: tuple[str, ...] | None = None
    wasted: Cost = NOTHING


def by_text(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Tokens' texts with their log-probabilities; those that read alike (pieces of letters do) are one, with their mass together.

    >>> by_text([("a", math.log(0.25)), ("b", math.log(0.5)), ("a", math.log(0.25))])["a"] == math.log(0.5)
    True
    """
    found: dict[str, float] = {}
    for text, logprob in pairs:
        value = float(logprob)
        found[text] = math.log(math.exp(found[text]) + math.exp(value)) if text in found else value
    return found


@runtime_checkable
class Model(Protocol):
    """The asynchronous seam. `finish_reason` is "end" where the model ended its answer, "stop" at a stop string
    (which the text then includes), "length" where it was cut off. One that cannot go on from a `prefix` says so with an attribute
    `continues_prefix = False`; searches and forced continuations are then refused.
    """

    name: str

    async def sample(
        self,
        prompt: str,
        *,
        n: int,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        seed: int,
        prefix: str = "",
    ) -> list[Completion]:
        """`n` continuations of `prompt` + `prefix`."""
        ...


@runtime_checkable
class InProcessModel(Protocol):
    """The engine seam: requests go in with `begin`, solutions come out of `advance`, a block of work at a time."""

    name: str
    parameters: int
    max_tokens: int

    def question_tokens(self, question: Question) -> int:
        """Length of the question's prompt."""
        ...

    def begin(self, request: Sample, keys: Sequence[int], tag: Any) -> None:
        """Queue a request; `keys` holds one random key for each of its `n` continuations."""
        ...

    def advance(self) -> list[tuple[Any, list[Solution]]]:
        """Compute one block of rows; the requests that this completed, each as (tag, its solutions in order of asking)."""
        ...

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or under way."""
        ...

    @property
    def backlog(self) -> int:
        """Work queued or under way, in the backend's own units."""
        ...

    @property
    def capacity(self) -> int:
        """The backlog below which the engine may run partly empty."""
        ...
