"""A reply as texts and figures, whatever the dialect: chat or raw, log-probabilities in either shape, with usage or without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from outlay.models.model import by_text


@dataclass(frozen=True, slots=True)
class Choice:
    """One continuation in a reply. `stopped_at` is the stop string that ended it, where the server says so ("" if it says none).

    `tokens` and `logprobs` are one a generated token, where the server gives them; `alternatives` are the likeliest tokens at the
    place of each, with their log-probabilities.
    """

    text: str
    finish: str
    stopped_at: str | None = None
    tokens: tuple[str, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    alternatives: tuple[Mapping[str, float], ...] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server says that a call cost, in tokens."""

    prompt: int
    cached: int
    generated: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The choices of one call in the order of their index, and its usage, None where the server gives none."""

    choices: tuple[Choice, ...]
    usage: Usage | None


def read(content: Any) -> Reply:
    """The reply in the JSON `content`; ValueError where it holds none."""
    if not isinstance(content, Mapping) or not content.get("choices"):
        raise ValueError("a reply without choices")
    listed = sorted(content["choices"], key=lambda one: one.get("index") or 0)
    return Reply(tuple(map(choice, listed)), usage(content))


def choice(one: Mapping[str, Any]) -> Choice:
    """One entry of `choices`, of a whole reply or of a piece of a streamed one."""
    message = one.get("message") or one.get("delta")
    text = one.get("text") if message is None else message.get("content")
    tokens, logprobs = probabilities(one.get("logprobs"))
    told = alternatives(one.get("logprobs"))
    return Choice(text or "", one.get("finish_reason") or "", stopped_at(one), tokens, logprobs, told)


def stopped_at(one: Mapping[str, Any]) -> str | None:
    """The stop string that ended a choice: a text, "" where the server says that it was none, None where it does not say."""
    for name in ("stop_reason", "matched_stop", "stopping_word"):  # vLLM, SGLang, llama.cpp
        if name in one:
            said = one[name]
            return said if isinstance(said, str) else ""
    return None


def probabilities(given: Any) -> tuple[tuple[str, ...] | None, tuple[float, ...] | None]:
    """Texts and log-probabilities of the tokens, from the chat's shape or the raw one."""
    if not isinstance(given, Mapping):
        return None, None
    if given.get("content"):
        content = given["content"]
        return tuple(str(one.get("token", "")) for one in content), tuple(float(one["logprob"]) for one in content)
    if given.get("token_logprobs"):
        values = tuple(0.0 if one is None else float(one) for one in given["token_logprobs"])
        return tuple(map(str, given.get("tokens") or ())) or None, values
    return None, None


def alternatives(given: Any) -> tuple[dict[str, float], ...] | None:
    """The likeliest tokens at each place, from the chat's shape or the raw one; None where not every place has some.

    >>> alternatives({"tokens": ["Yes"], "top_logprobs": [{"Yes": -0.5, "No": -1.0}]})
    ({'Yes': -0.5, 'No': -1.0},)
    """
    if not isinstance(given, Mapping):
        return None
    if given.get("content"):
        listed = [one.get("top_logprobs") for one in given["content"]]
    else:
        listed = list(given.get("top_logprobs") or ())
    if not listed or not all(listed):
        return None
    return tuple(by_text(one.items() if isinstance(one, Mapping) else _pairs(one)) for one in listed)


def _pairs(listed: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    for one in listed:
        yield str(one.get("token", "")), float(one["logprob"])


def usage(content: Mapping[str, Any]) -> Usage | None:
    """The usage in a reply, or in a piece of a streamed one."""
    given = content.get("usage")
    if not isinstance(given, Mapping) or given.get("prompt_tokens") is None:
        return None
    cached = (given.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    prompt = int(given["prompt_tokens"])
    return Usage(prompt, min(int(cached), prompt), int(given.get("completion_tokens") or 0))


def fitting(text: str, tokens: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The tokens' texts so that they join to `text`: end tokens count but have no text; None where they are not this text's.

    >>> fitting("a b", ("a", " b", "<|im_end|>")), fitting("a", ("x", "y"))
    (('a', ' b', ''), None)
    """
    if tokens is None:
        return None
    joined, fitted = "", []
    for token in tokens:
        rest = text[len(joined) :]
        piece = token if rest.startswith(token) else rest if token.startswith(rest) else ""
        fitted.append(piece)
        joined += piece
    return tuple(fitted) if joined == text else None


def finish_of(choice: Choice, stops: Sequence[str]) -> Literal["stop", "length", "end"]:
    """How a choice ended, as `Completion` says it."""
    if choice.finish == "length":
        return "length"
    at_stop = choice.stopped_at in stops or (choice.stopped_at is None and choice.text.endswith(tuple(stops)))
    return "stop" if stops and at_stop else "end"


def brought(content: Any) -> float:
    """Tokens that a reply brought, for the concurrency."""
    said = content.get("usage") if isinstance(content, dict) else None
    return float((said or {}).get("completion_tokens") or 1)
