"""What the embedded engine is asked and answers. Tokens are ids; a `tag` is the caller's own and comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Finish = Literal["stop", "eos", "length"]


@dataclass(frozen=True, slots=True)
class GenerateJob:
    """Continue `tokens` once for each of `keys`.

    A continuation draws the token at absolute position p (the first of `tokens` is at 0) with the uniform of (its key,
    p): the same key goes on where it left off, however the text before it came to be. It ends at a token of `eos`
    ("eos"), at the `stops`-th token of `stop` ("stop"), or after `max_tokens` tokens or at the model's last position
    ("length"). `temperature=0` is greedy.
    """

    tokens: tuple[int, ...]
    keys: tuple[int, ...]
    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    stop: frozenset[int] = frozenset()
    stops: int = 1
    eos: frozenset[int] = frozenset()
    tag: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Continuation:
    """One continuation: the tokens drawn (the one that ended it included), and how it ended.

    `logprobs[i]` is the model's log-probability of `tokens[i]` at temperature 1, whatever it was drawn at. `index` is
    the place of its key in the job.
    """

    tag: Any
    index: int
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish: Finish


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Read `tokens`; report the value P(right) after the token at each of `positions`."""

    tokens: tuple[int, ...]
    positions: tuple[int, ...]
    tag: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Scores:
    """The values asked for by a ScoreJob, each in [0, 1], in the order of its positions."""

    tag: Any
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LogprobJob:
    """Read `tokens`; report the log-probability of each from position `start` on (at least 1)."""

    tokens: tuple[int, ...]
    start: int
    tag: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Logprobs:
    """The log-probabilities (temperature 1) of a LogprobJob's tokens from `start` on."""

    tag: Any
    logprobs: tuple[float, ...]


Job = GenerateJob | ScoreJob | LogprobJob
Result = Continuation | Scores | Logprobs


@dataclass(frozen=True, slots=True)
class TokenScoring:
    """Score by tokens: the value after a step is P(plus) / (P(plus) + P(minus)) for the next token."""

    plus: int
    minus: int


@dataclass(frozen=True, slots=True)
class Counters:
    """What an engine has done since it was made.

    `blocks` computed; over all of them the `slots` that there were for sequences, how many were `busy` with one, the `lanes` that
    blocks had and the `rows` in use among these. `tokens_generated`, `tokens_read` (known tokens computed) and `tokens_cached`
    (known tokens that a cached prefix spared); `tokens_kept` are those whose keys and values were copied out of a lane to be gone
    on from, `tokens_restored` those copied into one. Cache `hits` and `misses` count jobs that found some prefix of theirs, or
    none; `evictions` count prefixes dropped for room.
    """

    blocks: int = 0
    slots: int = 0
    busy: int = 0
    lanes: int = 0
    rows: int = 0
    tokens_generated: int = 0
    tokens_read: int = 0
    tokens_cached: int = 0
    tokens_kept: int = 0
    tokens_restored: int = 0
    hits: int = 0
    misses: int = 0
    evictions: int = 0

    @property
    def occupancy(self) -> float:
        """The part of all slots that held a sequence, over all blocks; 1 where no block was computed."""
        return self.busy / self.slots if self.slots else 1.0
