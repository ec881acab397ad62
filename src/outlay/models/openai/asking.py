"""A request in the server's own words: the body of a chat or a raw completion that draws what is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlay.models.openai.capabilities import Capabilities

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
MOST_STOPS = 4
"""Stop strings that servers take in one request (OpenAI's API states four)."""

UNTOUCHED: Mapping[str, Mapping[str, Any]] = {
    "llama.cpp": {"top_k": 0, "min_p": 0.0},
    "vllm": {"top_k": -1, "min_p": 0.0},
    "sglang": {"top_k": -1, "min_p": 0.0},
}
"""By a server's name: what ends the truncation that it, or a model's own `generation_config`, would do unasked. Then samples are
drawn at their temperature alone, as the method takes them to be."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Continuations of `prompt` + `prefix`: how many, how long at most, how drawn, where to stop."""

    prompt: str
    prefix: str
    n: int
    max_tokens: int
    temperature: float
    stop: tuple[str, ...]
    seed: int


def path_and_body(
    server: Capabilities,
    wanted: Wanted,
    *,
    system: str = "",
    extra: Mapping[str, Any] | None = None,
    before: Sequence[Mapping[str, Any]] = (),
    rendered: str = "",
    alternatives: int = 1,
) -> tuple[str, dict[str, Any]]:
    """Where to send it, and what. `rendered` is the prompt in the chat template, where a raw completion stands in for a chat.

    `alternatives` is how many of the likeliest tokens are to be told at each place.
    """
    api = "completions" if rendered else server.api
    body: dict[str, Any] = {
        "model": server.model,
        server.length if api == "chat" else "max_tokens": wanted.max_tokens,
        "temperature": wanted.temperature,
        "top_p": 1.0,
        **UNTOUCHED.get(server.server.partition(" ")[0], {}),
    }
    if server.seed is not False:
        body["seed"] = wanted.seed
    if wanted.n > 1:
        body["n"] = wanted.n
    if wanted.stop:
        body["stop"] = list(wanted.stop[:MOST_STOPS])
    if server.logprobs:
        body |= log_probabilities(api, alternatives)
    if api == "chat":
        body["messages"] = messages(wanted.prompt, wanted.prefix, system, before)
        if wanted.prefix and server.prefix == "continue":
            body |= {"continue_final_message": True, "add_generation_prompt": False}
    else:
        body["prompt"] = (rendered or wanted.prompt) + wanted.prefix
    return PATHS[api], body | dict(extra or {})


def log_probabilities(api: str, alternatives: int = 1) -> dict[str, Any]:
    """The fields that ask for every token's log-probability, and for `alternatives` of the likeliest (at least one)."""
    return {"logprobs": True, "top_logprobs": alternatives} if api == "chat" else {"logprobs": alternatives}


def messages(
    prompt: str, prefix: str = "", system: str = "", before: Sequence[Mapping[str, Any]] = ()
) -> Sequence[Mapping[str, Any]]:
    """A chat of one question, `before` it what was said earlier, and the beginning of its answer where there is one."""
    said: list[Mapping[str, Any]] = [{"role": "system", "content": system}] if system else []
    said += before
    said.append({"role": "user", "content": prompt})
    if prefix:
        said.append({"role": "assistant", "content": prefix})
    return said
