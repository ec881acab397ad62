"""A local Hugging Face model as a backend: any folder with a causal language model, drawn from in batches.

Calls that wait at the same time are drawn together. A prompt is put into the tokenizer's chat template where it has one
(`hf:raw:FOLDER` leaves that out), and a beginning of an answer stands behind it and is gone on with, by its own tokens where this
model wrote it.
"""

from __future__ import annotations

import asyncio
import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.models.conversations import said
from outlay.models.hf.decoding import Decoder, Drawn, Wanted, Watched
from outlay.models.hf.loading import (
    card_of,
    check_installed,
    config_of,
    context_of,
    folder_of,
    read_model,
    read_tokenizer,
)
from outlay.models.hf.memory import LIMIT, bytes_of
from outlay.models.joining import Joining
from outlay.models.model import Completion
from outlay.types import Cost

RAW = "raw:"
ROWS = 64
"""Continuations that are drawn together at most, unless something else is said: their keys and values have to fit the memory."""
WRITTEN = 1 << 14
"""Beginnings whose own tokens are remembered."""


class HuggingFaceModel:
    """A causal language model of a folder; `load` makes it.

    `parameters` counts its weights, `context` is the longest text in tokens, `task` the lab's task where the folder is the lab's.
    `spent` is everything it has cost so far, what was cancelled included; `before` are the messages before a prompt (`talking`).
    """

    continues_prefix = True

    def __init__(self, name: str, decoder: Decoder, *, rows: int = ROWS, system: str = "", task: str = "") -> None:
        self.name, self.task, self.system = name, task, system
        self.before: tuple[Mapping[str, Any], ...] = ()
        self.spent = Cost()
        self.raw = name.removeprefix("hf:").startswith(RAW) or not decoder.tokenizer.chat_template
        self.parameters = sum(weights.numel() for weights in decoder.model.parameters())
        self.context = context_of(decoder.model)
        self.alternatives = 0
        self.room = 2 * rows
        self._decoder, self._tokenizer = decoder, decoder.tokenizer
        self._joined: Joining[Wanted, Drawn] = Joining(decoder.draw, rows)
        self._written: OrderedDict[tuple[str, str], tuple[int, ...]] = OrderedDict()

    @classmethod
    def load(cls, name: str, *, rows: int = ROWS, system: str = "", cache: str | int | None = None) -> HuggingFaceModel:
        """The model at `FOLDER_OR_ID`, or `raw:FOLDER_OR_ID`.

        `?cache=SIZE` behind it says the same as `cache`: how much of keys and values is kept from call to call (512 MiB where
        neither is given).

        Raises UserError for what is no model folder, holds no causal language model, or where the extra `hf` is missing.
        """
        name, size = _parted(name)
        kept = bytes_of(next((one for one in (cache, size) if one is not None), LIMIT))
        check_installed(f"hf:{name}")
        if rows < 1:
            raise UserError(f"hf:{name}: at least one row is drawn at a time, not {rows}")
        folder = folder_of(name.removeprefix(RAW))
        _check_causal(folder)
        model, tokenizer = read_model(folder, "AutoModelForCausalLM"), read_tokenizer(folder)
        decoder = Decoder(model, tokenizer, _ends(model, tokenizer), kept)
        card = card_of(folder)
        return cls(f"hf:{name}", decoder, rows=rows, system=system, task=str(card.get("task", "")))

    def with_alternatives(self, count: int) -> HuggingFaceModel:
        """The same model, which tells the `count` likeliest tokens at each place (`Completion.top_logprobs`)."""
        other = copy.copy(self)
        other.alternatives = count
        return other

    def talking(self, before: Sequence[Mapping[str, Any]] = ()) -> HuggingFaceModel:
        """The same model in a conversation: prompts come after these messages, and the account (`spent`) is of its own.

        Raises UserError where the model has no chat template and there is something before the prompt.
        """
        if before and self.raw:
            raise UserError(f"{self.name} has no chat template, so it reads no conversation: send a single message")
        view = copy.copy(self)
        view.before, view.spent = tuple(before), Cost()
        if before:
            view._written = OrderedDict()
        return view

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
        """`n` continuations of `prompt` + `prefix`; the i-th has the key `seed` + i.

        Raises UserError for a text that is longer than the model's context.
        """
        begun = self._begun(prompt, prefix)
        tokens = self._tokens(prompt, prefix, begun)
        room = self.context - len(tokens)
        if room < 1:
            raise UserError(
                f"a question with its solution is {len(tokens)} tokens long, and {self.name} reads {self.context} at most: ask "
                "shorter questions, or allow shorter solutions"
            )
        watch = Watched()
        wanted = [
            Wanted(tokens, seed + index, min(max_tokens, room), temperature, tuple(stop), self.alternatives, watch)
            for index in range(n)
        ]
        try:
            drawn = await self._joined(wanted)
        except asyncio.CancelledError:
            watch.given_up = True
            self.spent += Cost(generated_tokens=watch.made, cancelled=watch.made, calls=1)
            raise
        for one in drawn:
            self._remember(prompt, prefix, begun, one)
        completions = [_completion(one, len(tokens), first=index == 0) for index, one in enumerate(drawn)]
        self.spent += Cost(
            prompt_tokens=sum(one.prompt_tokens for one in completions),
            cached_tokens=sum(one.cached_tokens for one in completions),
            generated_tokens=sum(one.generated_tokens for one in completions),
            calls=1,
        )
        return completions

    async def probed(self) -> dict[str, Any]:
        """What `outlay doctor` says of it."""
        return {
            "context": self.context,
            "chat_template": not self.raw,
            "n": True,
            "seed": True,
            "prefix_cache_mib": self._decoder.memory.limit >> 20 if self._decoder.remembers else 0,
        }

    def question_tokens(self, text: str) -> int:
        """Length of a question as the model reads it."""
        return len(self._tokens(text, "", None))

    def _shown(self, prompt: str) -> str:
        """The prompt as text, in the chat template where there is one."""
        if self.raw:
            return prompt
        messages = said(self.system, self.before, prompt)
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return text

    def _tokens(self, prompt: str, prefix: str, begun: tuple[int, ...] | None) -> tuple[int, ...]:
        written = "" if begun is not None else prefix
        ids = self._tokenizer(self._shown(prompt) + written, add_special_tokens=self.raw)["input_ids"]
        if not ids:
            raise UserError(f"{self.name} was asked an empty question: give it a text")
        return (*ids, *(begun or ()))

    def _begun(self, prompt: str, prefix: str) -> tuple[int, ...] | None:
        """The tokens of a beginning that this model wrote itself, None for any other."""
        return self._written.get((prompt, prefix)) if prefix else ()

    def _remember(self, prompt: str, prefix: str, begun: tuple[int, ...] | None, drawn: Drawn) -> None:
        """Keep the tokens of a beginning that may be gone on from: what ended in the middle of a token is not."""
        if drawn.finish == "end" or begun is None or drawn.cut:
            return
        self._written[prompt, prefix + drawn.text] = begun + drawn.tokens
        while len(self._written) > WRITTEN:
            self._written.popitem(last=False)


def _parted(name: str) -> tuple[str, str | None]:
    """The name without its options, and the size of the cache that they say."""
    folder, mark, options = name.partition("?")
    if not mark or Path(name.removeprefix(RAW)).expanduser().exists():
        return name, None
    option, equals, value = options.partition("=")
    if option != "cache" or not equals or not value:
        raise UserError(f'hf:{name}: there is no option "{option}"; the one there is is cache=SIZE, as in cache=512MiB')
    return folder, value


def _check_causal(folder: Path) -> None:
    kinds = [str(kind) for kind in config_of(folder).get("architectures") or ()]
    if kinds and not any(kind.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")) for kind in kinds):
        raise UserError(
            f"{folder} holds a {kinds[0]}, which writes nothing: use it as a verifier, or name a causal language model"
        )


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer: what the generation configuration says, else the tokenizer's."""
    said = getattr(model.generation_config, "eos_token_id", None)
    ends = said if isinstance(said, list) else [said]
    return frozenset(int(one) for one in (*ends, tokenizer.eos_token_id) if one is not None)


def _completion(drawn: Drawn, prompt: int, *, first: bool) -> Completion:
    """As the drivers take it. The prompt stands with the first of a call; where it was read again, it is paid for again."""
    return Completion(
        drawn.text,
        drawn.finish,
        prompt if first else drawn.read,
        prompt - drawn.read if first else 0,
        len(drawn.tokens),
        logprobs=drawn.logprobs,
        top_logprobs=drawn.alternatives,
        token_texts=drawn.pieces if "".join(drawn.pieces) == drawn.text else None,
    )
