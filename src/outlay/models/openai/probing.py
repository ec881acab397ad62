"""Finding out what a server does: a dozen short calls at first use, each a question with an answer that can be seen.

That a server takes a field says nothing, since most ignore what they do not know. So it is looked whether two choices come for
`n` = 2, whether one seed gives one text twice and another seed another, whether the prompt's length shows that the beginning of an
answer was gone on from, and so on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.models.openai.asking import PATHS, log_probabilities, messages
from outlay.models.openai.calls import Calls, Lost
from outlay.models.openai.capabilities import Capabilities, remember, remembered
from outlay.models.openai.failures import Failure, no_such_model
from outlay.models.openai.replies import Reply, read

QUESTION = "Write a short sentence about a colour."
BEGINNING = "Of all the colours that there are in the world, the one that"
TOKENS = 12
GREEDY: Mapping[str, Any] = {"temperature": 0.0}

PAGES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "vllm": ("vllm", ("version",), "/version"),
    "llamacpp": ("llama.cpp", ("build_info",), "/props"),
    "sglang": ("sglang", ("version",), "/get_server_info"),
}
"""By what a server says it is `owned_by`: its name, the field of its version, and the page that has it."""


BUSY = {"llama.cpp": "/slots", "vllm": "/metrics", "sglang": "/metrics"}
"""By a server's name: the page that tells what it works at."""
LONG, LOOKS, SECONDS_BETWEEN_LOOKS = 2048, 10, 0.05


async def find_out(calls: Calls) -> Capabilities:
    """What the server of `calls` does, from memory where it is the same server as then. Raises UserError or ServerFailed."""
    try:
        listed = await _models(calls)
        server, context = await _version(calls, listed)
        address = calls.address
        model, about = _chosen(calls, listed)
        known = remembered(address.url, address.model, address.api, server)
        if known is None:
            known = await _probed(calls, Capabilities(server, model, "chat", probed=time.time()))
            remember(address.url, address.model, address.api, known)
        meta = about.get("meta") or {}
        return replace(
            known,
            models=calls.known_models,
            context=about.get("max_model_len") or context or meta.get("n_ctx") or meta.get("n_ctx_train") or None,
            parameters=meta.get("n_params") or None,
        )
    except Failure as failure:
        raise calls.told(failure) from None
    except ValueError as error:
        raise UserError(f"{calls.address.url} answers, but not as an OpenAI-compatible server does: {error}") from None


async def _models(calls: Calls) -> list[dict[str, Any]]:
    """The server's models; none where it keeps no list."""
    try:
        content = await calls.look("/models", tries=2)
    except Failure as failure:
        if failure.status in (404, 405, 501):
            return []
        raise
    listed = content.get("data") if isinstance(content, dict) else content
    found = [one for one in listed or [] if isinstance(one, dict) and one.get("id")]
    calls.known_models = tuple(str(one["id"]) for one in found)
    return found


def _chosen(calls: Calls, listed: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The model that is meant, and what the server says of it."""
    address, known = calls.address, calls.known_models
    if not address.model:
        if len(known) != 1:
            which = f"it has {', '.join(known[:20])}" if known else "it does not say which it has"
            raise UserError(f"{address} names no model: write #MODEL after the URL ({which})")
        return known[0], listed[0]
    for one in listed:
        if address.model in (one["id"], *(one.get("aliases") or ())):
            return address.model, one
    if known:
        raise UserError(no_such_model(address.url, address.model, known))
    return address.model, {}


async def _version(calls: Calls, listed: list[dict[str, Any]]) -> tuple[str, int | None]:
    """The server's name and version, as far as it tells, and the context length where the same page has it."""
    owner = str(listed[0].get("owned_by") or "") if listed else ""
    if owner not in PAGES:
        return owner, None
    name, places, page = PAGES[owner]
    try:
        content = await calls.look(calls.address.root + page, tries=1)
    except Failure:
        return name, None
    context = (content.get("default_generation_settings") or {}).get("n_ctx")
    return f"{name} {content.get(places[0]) or ''}".strip(), context


async def _probed(calls: Calls, guess: Capabilities) -> Capabilities:
    """The guess, corrected by what is seen."""
    found = await _api(calls, guess)
    (several, logprobs, usage), seed, stop, prefix, stream, count = await asyncio.gather(
        _several(calls, found),
        _seed(calls, found),
        _stop(calls, found),
        _prefix(calls, found),
        _stream(calls, found),
        _count(calls, found),
    )
    found = replace(found, n=several, logprobs=logprobs, usage=usage, seed=seed, stop=stop, count=count)
    found = replace(found, **prefix, **stream)
    return replace(found, cancel=await _cancel(calls, found))


async def _ask(
    calls: Calls, found: Capabilities, fields: Mapping[str, Any], prompt: str = QUESTION, prefix: str = ""
) -> Reply | None:
    """A short call; None where the server refuses the fields."""
    body: dict[str, Any] = {"model": found.model, found.length: TOKENS, "temperature": 1.0}
    if found.api == "chat":
        body["messages"] = messages(prompt, prefix)
    else:
        body["prompt"] = prompt + prefix
    try:
        return read(await calls.look(PATHS[found.api], body | dict(fields)))
    except ValueError:
        return None
    except Failure as failure:
        if failure.status is not None and 400 <= failure.status < 502 and failure.status not in (401, 403, 429):
            return None
        raise


async def _api(calls: Calls, guess: Capabilities) -> Capabilities:
    """Chat where the server has it, raw completions otherwise, and what the length limit is called."""
    asked = calls.address.api
    tried: list[Capabilities] = []
    if asked != "completions":
        tried += [guess, replace(guess, length="max_completion_tokens")]
    if asked != "chat":
        tried.append(replace(guess, api="completions"))
    for one in tried:
        if await _ask(calls, one, {}) is not None:
            return one
    last = tried[-1]
    body = {"model": last.model, last.length: TOKENS}
    body |= {"messages": messages(QUESTION)} if last.api == "chat" else {"prompt": QUESTION}
    read(await calls.look(PATHS[last.api], body))  # raises what the server said
    return last


async def _several(calls: Calls, found: Capabilities) -> tuple[bool, bool, Any]:
    """Whether `n` and log-probabilities are given, and what usage counts."""
    wanted = log_probabilities(found.api)
    reply = await _ask(calls, found, {"n": 2} | wanted)
    if reply is None:
        plain, alone = await asyncio.gather(_ask(calls, found, {"n": 2}), _ask(calls, found, wanted))
        several = plain is not None and len(plain.choices) == 2
        return several, _gives(alone), _counts(alone or plain)
    return len(reply.choices) == 2, _gives(reply), _counts(reply)


def _gives(reply: Reply | None) -> bool:
    return reply is not None and bool(reply.choices) and all(one.logprobs for one in reply.choices if one.text)


def _counts(reply: Reply | None) -> Any:
    """What usage counts; of two choices without log-probabilities that is not seen, and each is asked for alone."""
    if reply is None or reply.usage is None:
        return "none"
    lengths = [len(one.logprobs or ()) or TOKENS * (one.finish == "length") for one in reply.choices]
    if len(lengths) < 2:
        return "all"
    if not all(lengths):
        return "first"
    return "all" if reply.usage.generated >= sum(lengths) else "first"


async def _seed(calls: Calls, found: Capabilities) -> bool | None:
    """Whether the seed decides the text; None where the model always says the same."""
    replies = await asyncio.gather(*(_ask(calls, found, {"seed": seed}) for seed in (7, 7, 8, 9)))
    if any(reply is None for reply in replies):
        return False
    first, again, *others = (reply.choices[0].text for reply in replies if reply is not None)
    if all(other == first for other in others):
        return None if first == again else False
    return first == again


async def _stop(calls: Calls, found: Capabilities) -> Any:
    """How a reply shows that it ended at a stop string: one is taken from the middle of what the model says anyway."""
    plain = await _ask(calls, found, GREEDY)
    text = plain.choices[0].text.rstrip() if plain is not None and plain.choices else ""
    if len(text) < 2:
        return "silent"
    stop = text[len(text) // 2]
    reply = await _ask(calls, found, dict(GREEDY) | {"stop": [stop]})
    if reply is None or not reply.choices:
        return "silent"
    if reply.choices[0].stopped_at == stop:
        return "says"
    return "includes" if reply.choices[0].text == text[: text.index(stop) + 1] else "silent"


async def _prefix(calls: Calls, found: Capabilities) -> dict[str, Any]:
    """How a beginning is gone on from, read off the prompt's length: gone on from, it is as long as question and beginning are.

    A beginning that the server takes for a finished turn has the marks of another turn behind it.
    """
    if found.api == "completions":
        return {"prefix": "prompt"}
    forced = {"continue_final_message": True, "add_generation_prompt": False}
    alone, longer, gone_on, turn = await asyncio.gather(
        _ask(calls, found, GREEDY),
        _ask(calls, found, GREEDY, QUESTION + BEGINNING),
        _ask(calls, found, dict(GREEDY) | forced, prefix=BEGINNING),
        _ask(calls, found, GREEDY, prefix=BEGINNING),
    )
    lengths = [
        reply.usage.prompt if reply is not None and reply.usage else None for reply in (alone, longer, gone_on, turn)
    ]
    if lengths[0] is None or lengths[1] is None:
        return {"prefix": "no"}
    expected = lengths[1]
    ways = (("assistant", turn, lengths[3]), ("continue", gone_on, lengths[2]))
    for way, reply, length in ways if lengths[2] == lengths[3] else reversed(ways):
        if reply is not None and length is not None and abs(length - expected) <= 1:
            return {"prefix": way, "repeats_prefix": reply.choices[0].text.startswith(BEGINNING)}
    try:
        rendered = await calls.look(calls.address.root + "/apply-template", {"messages": messages(QUESTION)}, tries=1)
        if isinstance(rendered, dict) and QUESTION in str(rendered.get("prompt")):
            return {"prefix": "template"}
    except Failure:
        pass
    return {"prefix": "no"}


async def _stream(calls: Calls, found: Capabilities) -> dict[str, Any]:
    """Whether a reply can be had in pieces, and whether the server ends its work when the reader goes away."""
    body: dict[str, Any] = {"model": found.model, found.length: 16 * TOKENS, "temperature": 1.0}
    body |= {"messages": messages(QUESTION)} if found.api == "chat" else {"prompt": QUESTION}
    try:
        reader = await calls.stream(PATHS[found.api], body, _TwoPieces, Lost())
    except OutlayError:
        return {"stream": False}
    return {"stream": reader.generated > 1}


async def _cancel(calls: Calls, found: Capabilities) -> bool | None:
    """Whether the server ends its work when the reader goes away, where a page of its tells what it works at; None where none does.

    Asked when nothing else is out. A long reply is begun and left: the server should be idle long before it could be through.
    """
    page = next((page for page in BUSY if found.server.startswith(page)), None)
    if page is None or not found.stream:
        return None
    body: dict[str, Any] = {"model": found.model, found.length: LONG, "temperature": 1.0, "ignore_eos": True}
    body |= {"messages": messages(QUESTION)} if found.api == "chat" else {"prompt": QUESTION}
    try:
        await calls.stream(PATHS[found.api], body, _TwoPieces, Lost())
        for _ in range(LOOKS):
            if not busy(await calls.page(BUSY[page])):
                return True
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    except (OutlayError, Failure):
        return None
    return False


def busy(page: str) -> bool:
    """Whether a page of a server's says that a request is under way: llama.cpp's `/slots`, vLLM's and SGLang's `/metrics`."""
    if page.lstrip().startswith("["):
        return '"is_processing":true' in page.replace(" ", "")
    running = [
        line for line in page.splitlines() if line.startswith(("vllm:num_requests_running", "sglang:num_running_reqs"))
    ]
    return any(float(line.split()[-1]) > 0 for line in running)


@dataclass
class _TwoPieces:
    """A reader that goes away after two pieces."""

    ended: bool = False
    prompt: int | None = None
    generated: int = 0

    def take(self, piece: Any) -> bool:
        self.generated += 1
        self.ended = self.generated == 2
        return self.ended


async def _count(calls: Calls, found: Capabilities) -> Any:
    """The shape in which the server counts tokens for others."""
    for shape, body in (("prompt", {"model": found.model, "prompt": QUESTION}), ("content", {"content": QUESTION})):
        try:
            content = await calls.look(calls.address.root + "/tokenize", body, tries=1)
        except Failure:
            continue
        if isinstance(content, dict) and (content.get("count") or content.get("tokens")):
            return shape
    return "no"
