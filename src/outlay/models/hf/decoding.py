"""Many continuations at once: prompts are read together, each once, and its keys and values serve all its continuations.

What was read and written before is not read again (`prefill`). A batch is drawn to its end; rows that end leave it, so that it
becomes narrower. Randomness is that of the embedded engine: a uniform for each (key, position), turned into a token by inverse CDF,
so what is drawn does not depend on the batch as far as the logits do not (their last bits do, as the library's kernels choose by
shape).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from outlay.models.embedded.sampling import uniforms
from outlay.models.hf.loading import out_of_memory
from outlay.models.hf.memory import LIMIT, Memory
from outlay.models.hf.prefill import Prefill
from outlay.models.hf.writing import Writing
from outlay.models.model import by_text


@dataclass(slots=True)
class Watched:
    """What has been drawn so far for somebody who may go away: `made` tokens; nothing more is drawn once it is `given_up`."""

    made: int = 0
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """One continuation of `tokens`: its random key, its length at most, how it is drawn and where it stops.

    `alternatives` is how many of the likeliest tokens are told at each place. A `watch` counts tokens as they are drawn.
    """

    tokens: tuple[int, ...]
    key: int
    max_tokens: int
    temperature: float = 1.0
    stops: tuple[str, ...] = ()
    alternatives: int = 0
    watch: Watched | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A continuation: its tokens (an end token included) with log-probabilities at temperature 1, its text, how it ended.

    `pieces` are the tokens' own texts. `read` is how many tokens of prompt were read for it: not those
    that were remembered, and 0 where another of the batch had the same. `cut` says that its last token went on behind the stop.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    pieces: tuple[str, ...]
    finish: Literal["stop", "length", "end"]
    read: int
    alternatives: tuple[dict[str, float], ...] | None = None
    cut: bool = False


class Decoder:
    """Draws batches with one causal model and its tokenizer. `ends` are the tokens that end an answer.

    `cache` is how many bytes of keys and values are kept from batch to batch.
    """

    def __init__(self, model: Any, tokenizer: Any, ends: frozenset[int], cache: int = LIMIT) -> None:
        self.model, self.tokenizer, self.ends = model, tokenizer, ends
        padding = next((one for one in (tokenizer.pad_token_id, *ends) if one is not None), 0)
        self.memory = Memory(cache)
        self._prefill = Prefill(model, padding, self.memory)

    @property
    def remembers(self) -> bool:
        """Whether what was read and written is gone on from in later batches."""
        return self._prefill.remembers

    def draw(self, wanted: Sequence[Wanted]) -> list[Drawn]:
        """One continuation for each, in their order."""
        import torch

        try:
            with torch.inference_mode():
                return self._draw(wanted)
        except (RuntimeError, MemoryError) as error:
            told = out_of_memory(error)
            self.memory.clear()
            if told is None:
                raise
            raise told from None

    def _draw(self, wanted: Sequence[Wanted]) -> list[Drawn]:
        import torch

        prompts = list(dict.fromkeys(one.tokens for one in wanted))
        place = {tokens: row for row, tokens in enumerate(prompts)}
        rows = [_Row(one, Writing(self.tokenizer, one.tokens, one.stops)) for one in wanted]
        read = self._prefill.read(prompts)
        for tokens, count in zip(prompts, read.counts, strict=True):
            next(row for row in rows if row.wanted.tokens == tokens).read = count
        if len(prompts) != len(wanted):
            read.select(torch.tensor([place[one.tokens] for one in wanted], device=read.logits.device))
        live = list(rows)
        while True:
            tokens = self._next(read.logits, live)
            kept = [index for index, row in enumerate(live) if row.going_on(self.ends)]
            for index in sorted({*range(len(live))} - {*kept}):
                self._leaves(live[index], read.cache, index)
            if not kept:
                break
            if len(kept) < len(live):
                keep = torch.tensor(kept, device=read.logits.device)
                tokens = tokens[keep]
                read.select(keep)
                live = [live[index] for index in kept]
            read.mask = torch.cat([read.mask, read.mask.new_ones(len(live), 1)], 1)
            out = self.model(
                input_ids=tokens[:, None],
                attention_mask=read.mask,
                position_ids=read.mask.sum(1, keepdim=True) - 1,
                use_cache=True,
                **{self._prefill.cache_name: read.cache},
            )
            read.logits = out.logits[:, -1].float()
        return [row.drawn(self.ends) for row in rows]

    def _leaves(self, row: _Row, cache: Any, index: int) -> None:
        """Remember what a row has written, where somebody may go on from it. Its last token has not been read."""
        if row.tokens[-1] not in self.ends:
            self._prefill.keep((*row.wanted.tokens, *row.tokens[:-1]), cache, index)

    def _next(self, logits: Any, live: Sequence[_Row]) -> Any:
        """Draw a token for every live row [B, V] and enter it there; the tokens [B]."""
        import torch

        logprobs = torch.log_softmax(logits, -1)
        temperature = torch.tensor([row.wanted.temperature for row in live], device=logits.device)
        tokens = logits.argmax(-1)
        if (temperature > 0).any():
            keys = np.array([row.wanted.key for row in live], np.uint64)
            uniform = uniforms(keys, np.array([row.position for row in live]))
            heated = torch.softmax(logits / temperature.clamp_min(1e-6)[:, None], -1).double().cumsum(-1)
            target = torch.tensor(uniform, dtype=torch.float64, device=logits.device) * heated[:, -1]
            drawn = torch.searchsorted(heated, target[:, None], right=True)[:, 0].clamp_max(logits.shape[1] - 1)
            tokens = torch.where(temperature > 0, drawn, tokens)
        told = logprobs.gather(1, tokens[:, None])[:, 0].tolist()
        most = max(row.wanted.alternatives for row in live)
        best = logprobs.topk(min(most, logits.shape[1]), -1) if most else None
        for index, (row, token) in enumerate(zip(live, tokens.tolist(), strict=True)):
            likeliest = None
            if best is not None and row.wanted.alternatives:
                count = row.wanted.alternatives
                texts = [self.tokenizer.decode([one]) for one in best.indices[index, :count].tolist()]
                likeliest = by_text(zip(texts, best.values[index, :count].tolist(), strict=False))
            row.enter(token, told[index], likeliest)
        return tokens


class _Row:
    """One continuation under way."""

    def __init__(self, wanted: Wanted, writing: Writing) -> None:
        self.wanted, self.writing = wanted, writing
        self.read, self.stopped = 0, False
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.alternatives: list[dict[str, float]] = []

    @property
    def position(self) -> int:
        """Where the next token stands, the first of the prompt at 0."""
        return len(self.wanted.tokens) + len(self.tokens)

    def enter(self, token: int, logprob: float, likeliest: dict[str, float] | None) -> None:
        """Take the token that was drawn."""
        self.tokens.append(token)
        self.logprobs.append(logprob)
        if self.wanted.watch is not None:
            self.wanted.watch.made += 1
        if likeliest is not None:
            self.alternatives.append(likeliest)

    def going_on(self, ends: frozenset[int]) -> bool:
        """Write the newest token down; whether more is to come."""
        token = self.tokens[-1]
        if token in ends or (self.wanted.watch is not None and self.wanted.watch.given_up):
            return False
        self.stopped = self.writing.add(token)
        return not self.stopped and len(self.tokens) < self.wanted.max_tokens

    def drawn(self, ends: frozenset[int]) -> Drawn:
        """What has come of it."""
        ended = self.tokens[-1] in ends
        if not self.stopped:
            self.writing.end()
        pieces = (*self.writing.pieces, *([""] if ended else []))
        return Drawn(
            tuple(self.tokens),
            tuple(self.logprobs),
            self.writing.text,
            pieces,
            "end" if ended else "stop" if self.stopped else "length",
            self.read,
            tuple(self.alternatives) if self.wanted.alternatives else None,
            self.writing.cut,
        )
