"""A model in a GGUF file: what is drawn from it, and what that has cost, by llama.cpp's own count of every choice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.models.conversations import said
from outlay.models.llamacpp.address import Address, parse
from outlay.models.llamacpp.drawn import Drawn
from outlay.models.llamacpp.engine import Engine, Refused, Stream, require_llama_cpp, settings, shared
from outlay.models.llamacpp.header import Header, read_header
from outlay.models.model import Completion
from outlay.types import Cost

MOST_AT_ONCE = 16
"""Choices of one call: they share one reading of the prompt, and wait until as many slots are free."""
PROMPTS_KEPT = 10_000
ALTERNATIVES = 20
"""How many of the likeliest tokens are told where one token is asked for, which is what judges ask for."""


@dataclass
class LlamaCppModel:
    """A `Model` over llama.cpp in this process; `load` makes it, the weights are read at its first use.

    `parameters` are the file's. `spent` is everything it has cost so far, what was cancelled included. `before` are the messages
    before a prompt (see `talking`). The same seed gives the same
    text whatever else runs beside it, as far as floating-point sums in other orders do not tip a token.
    """

    address: Address
    header: Header
    spent: Cost = field(default_factory=Cost)
    before: tuple[Mapping[str, Any], ...] = ()
    name: str = field(init=False)
    parameters: int = field(init=False)
    _engine: Engine | None = field(default=None, repr=False)
    _prompts: dict[str, str] = field(default_factory=dict, repr=False)

    continues_prefix = True

    @classmethod
    def load(cls, text: str) -> LlamaCppModel:
        """The model at `PATH.gguf?options` (see `outlay.models.llamacpp.address`).

        Raises UserError where the file is missing, no GGUF file or not whole, an option is wrong, or llama.cpp is not installed.
        """
        address = parse(text)
        header = read_header(address.path)
        require_llama_cpp()
        if address.template == "chat" and not header.has_template:
            raise UserError(
                f"{address.path} brings no chat template: use template=none, and a prompt that it can go on from"
            )
        settings(address.context)
        return cls(address, header)

    def __post_init__(self) -> None:
        """Its name is its address."""
        self.name, self.parameters = self.address.written, self.header.parameters

    @property
    def room(self) -> int:
        """Questions that it is worth having under way: enough that no slot waits."""
        return 2 * settings(self.address.context).slots

    def talking(self, before: Sequence[Mapping[str, Any]] = ()) -> LlamaCppModel:
        """The same model in a conversation: prompts come after these messages, and the account (`spent`) is of its own.

        Raises UserError where prompts are read as they stand and there is something before the prompt.
        """
        if before and not self.chats:
            raise UserError(f"{self.name} reads prompts as they stand, no conversation: send a single message")
        return replace(self, before=tuple(before), spent=Cost(), _prompts={} if before else self._prompts)

    async def ready(self) -> None:
        """Load the weights."""
        if self._engine is None:
            self._engine = await asyncio.to_thread(
                shared, self.address.path, self.header, settings(self.address.context)
            )

    async def probed(self) -> dict[str, Any]:
        """What it is, in the words of `outlay doctor`."""
        await self.ready()
        chosen = settings(self.address.context)
        return {
            "file": str(self.address.path),
            "architecture": self.header.architecture,
            "context": chosen.context,
            "trained_on_a_context_of": self.header.context,
            "chat_template": self.chats,
            "slots": chosen.slots,
            "threads": chosen.threads,
            "n": True,
            "seed": True,
            "cancel": True,
        }

    @property
    def chats(self) -> bool:
        """Whether a prompt is put into the file's chat template."""
        return self.header.has_template if self.address.template is None else self.address.template == "chat"

    async def close(self) -> None:
        """Nothing is open between calls; the weights go with the last model that uses them."""

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
        """`n` continuations of `prompt` + `prefix`, the i-th with the seed `seed` + i. Raises UserError and OutlayError."""
        await self.ready()
        read = await self._read(prompt) + prefix
        body = {
            "prompt": read,
            "n_predict": max_tokens,
            "temperature": temperature,
            "samplers": ["temperature"],
            "stop": [*self.address.ends, *(one for one in stop if one not in self.address.ends)],
            "n_probs": ALTERNATIVES if max_tokens == 1 else 1,
            "cache_prompt": True,
        }
        most = min(MOST_AT_ONCE, settings(self.address.context).slots)
        shares = [
            body | {"n_cmpl": min(most, n - start), "seed": (seed + start) % 2**31} for start in range(0, n, most)
        ]
        try:
            async with asyncio.TaskGroup() as group:
                calls = [group.create_task(self._call(share, prefix)) for share in shares]
        except* OutlayError as several:
            raise several.exceptions[0] from None
        return [completion for call in calls for completion in call.result()]

    async def _read(self, prompt: str) -> str:
        """The prompt as the model reads it."""
        if not self.chats:
            return prompt
        if prompt not in self._prompts:
            if len(self._prompts) >= PROMPTS_KEPT:
                self._prompts.clear()
            messages = said(self.address.system, self.before, prompt)
            answer = await self._apart("/apply-template", {"messages": messages})
            self._prompts[prompt] = str(answer["prompt"])
        return self._prompts[prompt]

    async def _apart(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert self._engine is not None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._engine.calls, self._engine.post, path, body)

    async def _call(self, body: dict[str, Any], before: str) -> list[Completion]:
        """One call of llama.cpp, whose choices share a reading of the prompt."""
        assert self._engine is not None
        n, drawn = int(body["n_cmpl"]), [Drawn() for _ in range(int(body["n_cmpl"]))]
        stream = Stream(self._engine, body)

        def work() -> None:
            for piece in stream.pieces():
                drawn[int(piece.get("index") or 0)].take(piece)

        try:
            await asyncio.get_running_loop().run_in_executor(self._engine.calls, work)
        except asyncio.CancelledError:
            stream.cancel()
            made = sum(one.generated for one in drawn)
            self.spent += Cost(generated_tokens=made, cancelled=made, calls=1)
            raise
        except Refused as refused:
            raise self._told(refused) from None
        if not all(one.ended_by for one in drawn):
            raise OutlayError(
                f"{self.name} was asked for {n} completions and gave {sum(bool(one.ended_by) for one in drawn)}"
            )
        self.spent += Cost(
            prompt_tokens=drawn[0].prompt,
            cached_tokens=drawn[0].cached,
            generated_tokens=sum(one.generated for one in drawn),
            calls=1,
        )
        alternatives = body["n_probs"] > 1
        return [
            one.completion(self.address.ends, first=not index, alternatives=alternatives, before=before)
            for index, one in enumerate(drawn)
        ]

    def _told(self, refused: Refused) -> OutlayError:
        """What llama.cpp says, as a sentence that helps."""
        if refused.kind == "exceed_context_size_error":
            return UserError(
                f"a prompt is longer than the context of {self.name} ({self.address.context} tokens; llama.cpp: {refused}): "
                f"shorten it, or write context={2 * self.address.context} into the address"
            )
        return OutlayError(f"{self.name} failed: {refused}")
