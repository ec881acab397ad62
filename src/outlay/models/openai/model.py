"""A model behind an OpenAI-compatible server: what is drawn from it, and what that has cost.

Whatever the server leaves out is made up for: an `n` that it ignores by more calls at the same time, a stop string that its replies
do not show by cutting a stream, usage that it does not count by counting. Costs are never less than what was seen: the greater
of the server's figure and of our own count stands in the ledger, and every call in vain is there too.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.models.model import Completion
from outlay.models.openai.address import Address, find_key, parse
from outlay.models.openai.asking import Wanted, messages, path_and_body
from outlay.models.openai.calls import Calls, Lost, Patience
from outlay.models.openai.capabilities import Capabilities
from outlay.models.openai.concurrency import Concurrency
from outlay.models.openai.cutting import Cut
from outlay.models.openai.failures import Refused
from outlay.models.openai.probing import find_out
from outlay.models.openai.replies import Choice, Usage, brought, finish_of, fitting, read
from outlay.models.steps import shared_out
from outlay.types import Cost

log = logging.getLogger(__name__)

CHARACTERS_A_TOKEN = 4
"""Where nobody counts: the usual length of a token of English text."""
PROMPTS_KEPT = 10_000
FEWER = {20: 5, 5: 1}
"""How many alternatives are asked for where a server refuses more: OpenAI's chats tell 20 at most, its raw completions 5."""
MOST_AT_ONCE = 128
"""The largest `n` of one call; OpenAI's API states 128, llama.cpp takes as many as it has slots, which is found out."""


@dataclass
class OpenAIModel:
    """One model of one server; `load` makes it. `spent` is everything it has cost so far, failed requests included.

    `unknown` counts the calls that a server worked at and of which nobody can know the tokens, because no reply to the same
    request ever came. `alternatives`: how many of the likeliest tokens are asked for at each place; `before`: messages that come
    before every prompt; one that `streams` reads all replies piece by piece.
    """

    address: Address
    calls: Calls
    system: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    before: Sequence[Mapping[str, Any]] = ()
    streams: bool = False
    spent: Cost = field(default_factory=Cost)
    unknown: int = 0
    alternatives: int = 1
    name: str = field(init=False)
    _known: Capabilities | None = None
    _most: int = MOST_AT_ONCE
    _asking: dict[int, asyncio.Lock] = field(default_factory=dict)
    _lengths: dict[tuple[str, str], int] = field(default_factory=dict)
    _rendered: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        text: str,
        *,
        key_file: str | Path | None = None,
        system: str = "",
        extra: Mapping[str, Any] | None = None,
        patience: Patience | None = None,
        concurrency: Concurrency | None = None,
    ) -> OpenAIModel:
        """The model at `URL#MODEL`; nothing is sent before it is used. Raises UserError for an address or key file that is none."""
        absent = next((name for name in ("openai", "tenacity") if find_spec(name) is None), None)
        if absent:
            raise UserError(
                f'models behind a server need the package {absent}: install it with pip install "outlay[openai]"'
            )
        address = parse(text)
        calls = Calls(
            address, find_key(address.url, key_file), concurrency or Concurrency(), patience=patience or Patience()
        )
        return cls(address, calls, system, dict(extra or {}))

    def __post_init__(self) -> None:
        """Its name is its address."""
        self.name = str(self.address)

    @property
    def parameters(self) -> int | None:
        """Weights, where the server says how many and has been asked; None otherwise."""
        return self._known.parameters if self._known else None

    @property
    def room(self) -> int:
        """Calls that it is worth having under way or waiting: twice as many as may be out at once."""
        return 2 * self.calls.concurrency.limit

    @property
    def continues_prefix(self) -> bool:
        """Whether it goes on from the beginning of an answer; True until that has been found out."""
        return self._known is None or self._known.prefix != "no"

    async def capabilities(self) -> Capabilities:
        """What the server does, found out at the first call."""
        if self._known is None:
            lock = self._asking.setdefault(id(asyncio.get_running_loop()), asyncio.Lock())
            async with lock:
                if self._known is None:
                    self._known = await find_out(self.calls)
        return self._known

    def with_alternatives(self, count: int) -> OpenAIModel:
        """The same model over the same connections, asked for the `count` likeliest tokens at each place; an account of its own.

        A server that refuses so many is asked for fewer (20, then 5).
        """
        other = copy.copy(self)
        other.alternatives, other.spent, other.unknown = count, Cost(), 0
        return other

    def talking(self, before: Sequence[Mapping[str, Any]] = ()) -> OpenAIModel:
        """The same model in a conversation: prompts come after these messages, and the account (`spent`) is of its own.

        Replies are streamed, so that of one that is cancelled it is known what it had cost by then. Raises UserError where the
        server has raw completions only and there is something before the prompt.
        """
        if before and self._known is not None and self._known.api == "completions":
            raise UserError(f"{self.name} completes raw prompts and reads no conversation: send a single message")
        view = replace(self, before=tuple(before), streams=True, spent=Cost(), unknown=0, _lengths={}, _rendered={})
        view._known = self._known
        return view

    async def ready(self) -> None:
        """Know the server: what it does, and what the model's name leaves out."""
        await self.capabilities()

    async def probed(self) -> dict[str, Any]:
        """What was found out about the server, in the words of `outlay doctor`."""
        return (await self.capabilities()).plain()

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        await self.calls.close()

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
        """`n` continuations of `prompt` + `prefix`. Raises UserError or ServerFailed, which name the URL."""
        server = await self.capabilities()
        wanted = Wanted(prompt, prefix, n, max_tokens, temperature, tuple(stop), seed)
        if server.stream and (self.streams or (stop and server.stop == "silent")):
            singly = [replace(wanted, n=1, seed=(seed + index) % 2**31) for index in range(n)]
            return await self._side_by_side([self._cut(server, one) for one in singly])
        counted = server.usage == "all" or server.logprobs or server.count != "no"
        most = self._most if server.n and counted else 1
        drawn: list[Completion] = []
        if n <= most:
            try:
                drawn = await self._drawn(server, wanted)
            except Refused as refused:
                if self.alternatives in FEWER:
                    log.info("%s refuses %d alternatives (%s)", self.name, self.alternatives, refused)
                    self.alternatives = FEWER[self.alternatives]
                    return await self.sample(
                        prompt,
                        n=n,
                        max_tokens=max_tokens,
                        temperature=temperature,
                        stop=stop,
                        seed=seed,
                        prefix=prefix,
                    )
                if n == 1:
                    raise
                log.info("%s refuses n = %d (%s): fewer are asked for at once", self.name, n, refused)
                most = self._most = n // 2
            if 0 < len(drawn) < n:
                log.info("%s gave %d choices for n = %d: no more are asked for at once", self.name, len(drawn), n)
                most = self._most = len(drawn)
        parts = [
            self.sample(
                prompt,
                n=min(most, n - start),
                max_tokens=max_tokens,
                temperature=temperature,
                stop=stop,
                seed=(seed + start) % 2**31,
                prefix=prefix,
            )
            for start in range(len(drawn), n, most)
        ]
        for more in await self._side_by_side(parts):
            drawn += more
        return drawn[:n]

    async def _side_by_side(self, work: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        """All at once; where one fails the others are ended with it."""
        if not work:
            return []
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one) for one in work]
        except* OutlayError as several:
            raise several.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _drawn(self, server: Capabilities, wanted: Wanted) -> list[Completion]:
        """What one call gives."""
        path, body = path_and_body(
            server,
            wanted,
            system=self.system,
            extra=self.extra,
            before=self.before,
            rendered=await self._template(server, wanted),
            alternatives=self.alternatives,
        )
        lost, reply = Lost(), None
        try:
            reply = read(await self.calls.post(path, body, lost, brought))
        except ValueError as error:
            raise OutlayError(f"{self.name} gave {error}") from None
        finally:
            if reply is None:
                self._enter(Cost(calls=lost.calls), unknown=lost.calls)
        choices = [self._whole(server, wanted, one) for one in reply.choices]
        counts = await self._counts(server, wanted, choices, reply.usage)
        prompt = await self._prompt(server, wanted, reply.usage)
        usage = Usage(prompt, reply.usage.cached if reply.usage else 0, sum(counts))
        return self._completions(wanted, choices, counts, usage, lost)

    async def _cut(self, server: Capabilities, wanted: Wanted) -> Completion:
        """One continuation, streamed and cut at a stop."""
        path, body = path_and_body(
            replace(server, n=False),
            replace(wanted, stop=()),
            system=self.system,
            extra=self.extra,
            before=self.before,
            rendered=await self._template(server, wanted),
            alternatives=self.alternatives,
        )
        body["stream_options"] = {"include_usage": True}
        lost = Lost()
        reader: Cut | None = None
        begun: list[Cut] = []

        def begin() -> Cut:
            begun.append(Cut(wanted.stop))
            return begun[-1]

        try:
            reader = await self.calls.stream(path, body, begin, lost)
        except asyncio.CancelledError:
            if begun and begun[-1].generated:
                self._enter(self._cut_off(wanted, begun[-1]))
            raise
        finally:
            if reader is None:
                spent = Cost(prompt_tokens=lost.prompt, generated_tokens=lost.generated, retried=lost.generated)
                self._enter(replace(spent, calls=lost.calls + lost.partly), unknown=lost.calls)
        choice, said, beyond = reader.cut()
        choice = self._whole(server, wanted, choice)
        kept = reader.generated - beyond
        prompt = await self._prompt(server, wanted, said)
        usage = Usage(prompt, said.cached if said else 0, kept)
        (completion,) = self._completions(wanted, [choice], [kept], usage, lost, beyond)
        return completion

    def _cut_off(self, wanted: Wanted, reader: Cut) -> Cost:
        """What a reply had cost that was cancelled in the middle; its prompt by the usual length of a token where nobody said."""
        said = self._lengths.get((wanted.prompt, wanted.prefix))
        prompt = reader.prompt or said or -(-len(wanted.prompt + wanted.prefix) // CHARACTERS_A_TOKEN)
        return Cost(prompt_tokens=prompt, generated_tokens=reader.generated, calls=1, cancelled=reader.generated)

    def _completions(
        self,
        wanted: Wanted,
        choices: Sequence[Choice],
        counts: Sequence[int],
        usage: Usage,
        lost: Lost,
        beyond: int = 0,
    ) -> list[Completion]:
        """The choices as completions. What belongs to the call as a whole (its prompt, calls in vain) is with the first of them."""
        again = sum(counts)
        wasted = Cost(
            prompt_tokens=lost.calls * usage.prompt + lost.partly * usage.prompt,
            generated_tokens=lost.calls * again + lost.generated + beyond,
            calls=lost.calls + lost.partly,
            retried=lost.calls * again + lost.generated,
            cancelled=beyond,
        )
        self._enter(
            wasted
            + Cost(prompt_tokens=usage.prompt, cached_tokens=usage.cached, generated_tokens=usage.generated, calls=1)
        )
        completions = []
        for index, (choice, count) in enumerate(zip(choices, counts, strict=True)):
            completions.append(
                Completion(
                    choice.text,
                    finish_of(choice, wanted.stop),
                    0 if index else usage.prompt,
                    0 if index else usage.cached,
                    count,
                    logprobs=choice.logprobs,
                    top_logprobs=choice.alternatives,
                    token_texts=fitting(choice.text, choice.tokens),
                    wasted=Cost() if index else wasted,
                )
            )
        return completions

    def _enter(self, cost: Cost, unknown: int = 0) -> None:
        self.spent += cost
        self.unknown += unknown

    def _whole(self, server: Capabilities, wanted: Wanted, choice: Choice) -> Choice:
        """The choice without a repeated prefix, and with the stop string that ended it."""
        text = choice.text
        if server.repeats_prefix and wanted.prefix and text.startswith(wanted.prefix):
            text = text.removeprefix(wanted.prefix)
        if choice.stopped_at and choice.stopped_at in wanted.stop and not text.endswith(choice.stopped_at):
            text += choice.stopped_at
        return replace(choice, text=text)

    async def _counts(
        self, server: Capabilities, wanted: Wanted, choices: Sequence[Choice], usage: Usage | None
    ) -> list[int]:
        """Generated tokens of each choice. Their sum is at least what usage says, and each at least what was seen."""
        own = [len(choice.logprobs or ()) for choice in choices]
        said = usage.generated if usage else 0
        doubtful = usage is None or (len(choices) > 1 and server.usage != "all")
        if doubtful and not all(own):
            own = await asyncio.gather(*(self._length(server, choice.text) for choice in choices))
        if sum(own) >= said:
            return list(own)
        if all(own):
            return [*own[:-1], own[-1] + said - sum(own)] if len(own) == 1 else _raised(own, said)
        return shared_out(said, [choice.text for choice in choices])

    async def _prompt(self, server: Capabilities, wanted: Wanted, usage: Usage | None) -> int:
        """Tokens of the prompt: as the server says, as it said before, as it counts, or by the usual length of a token."""
        what = (wanted.prompt, wanted.prefix)
        if usage is not None:
            if len(self._lengths) > PROMPTS_KEPT:
                self._lengths.clear()
            self._lengths[what] = usage.prompt
        elif what not in self._lengths:
            self._lengths[what] = await self._length(server, wanted.prompt + wanted.prefix, asked=wanted)
        return self._lengths[what]

    async def _length(self, server: Capabilities, text: str, asked: Wanted | None = None) -> int:
        """Tokens of a text, or of a whole prompt where something is `asked`, by the server's own tokenizer where it has one."""
        if server.count != "no" and text:
            body: dict[str, Any] = {"content": text}
            if server.count == "prompt":
                body = {"model": server.model, "prompt": text, "add_special_tokens": asked is not None}
                if asked is not None and server.api == "chat":
                    body = {
                        "model": server.model,
                        "messages": messages(asked.prompt, asked.prefix, self.system, self.before),
                    }
            counted = await self.calls.post(self.address.root + "/tokenize", body, Lost())
            return int(counted.get("count") or len(counted.get("tokens") or ()))
        log.warning("%s counts no tokens: its costs are estimates, %d letters a token", self.name, CHARACTERS_A_TOKEN)
        return -(-len(text) // CHARACTERS_A_TOKEN)

    async def _template(self, server: Capabilities, wanted: Wanted) -> str:
        """The prompt in the server's chat template, where only a raw completion goes on from a prefix."""
        if not wanted.prefix or server.prefix != "template":
            return ""
        if wanted.prompt not in self._rendered:
            body = {"messages": messages(wanted.prompt, system=self.system, before=self.before)}
            content = await self.calls.post(self.address.root + "/apply-template", body, Lost())
            self._rendered[wanted.prompt] = str(content["prompt"])
        return self._rendered[wanted.prompt]


def _raised(counts: Sequence[int], total: int) -> list[int]:
    """Counts raised in proportion until their sum is `total`: tokens were generated that are not shown."""
    ends = [round(total * sum(counts[: index + 1]) / sum(counts)) for index in range(len(counts))]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
