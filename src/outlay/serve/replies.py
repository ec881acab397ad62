"""OpenAI's replies, made of answers: whole ones, and streams with keep-alive comments while the work goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from outlay.serve.outcome import Answered
from outlay.types import Cost, Solution


@dataclass(frozen=True)
class Said:
    """The text of one choice and why it ended: "stop" or "length"."""

    text: str
    finish: str


def said_by(answered: Answered, stops: Sequence[str] = ()) -> Said:
    """What a client reads of an answer: the chosen solution's text, up to the client's first stop text."""
    solution = answered.solution
    if solution is None:
        return Said(answered.answer or "", "stop")
    text = solution.text
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    if places:
        return Said(text[: min(places)], "stop")
    return Said(text, "stop" if solution.finished else "length")


def usage_of(cost: Cost) -> dict[str, Any]:
    """The ledger's sum as OpenAI's `usage`: everything that was read and written, the verifier's part of it beside."""
    prompt = cost.prompt_tokens + cost.verifier_prompt_tokens
    completion = cost.generated_tokens + cost.verifier_generated_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cost.cached_tokens + cost.verifier_cached_tokens},
        "verifier": {"prompt_tokens": cost.verifier_prompt_tokens, "completion_tokens": cost.verifier_generated_tokens},
    }


def spending_of(answered: Answered, uniform: Mapping[str, Any] | None, explain: bool) -> dict[str, Any]:
    """Our own fields of a reply."""
    fields: dict[str, Any] = {
        "answer": answered.answer,
        "confidence": None if answered.confidence is None else round(answered.confidence, 4),
        "strategy": dict(answered.strategy),
        "model": answered.model,
        "generations": answered.generations,
        "bin": answered.bin,
        "stopped_by": answered.stopped_by,
        "stopped_because": answered.stopped_because,
        "cost": asdict(answered.cost),
        "uniform": None if uniform is None else dict(uniform),
        "seed": answered.asked.seed,
    }
    if explain:
        fields["candidates"] = [
            {"place": answered.shown_before + index} | _candidate(one, index == answered.chosen)
            for index, one in enumerate(answered.candidates)
        ]
    return fields


def _candidate(solution: Solution, chosen: bool) -> dict[str, Any]:
    return {
        "answer": solution.answer,
        "score": solution.score,
        "tokens": solution.tokens,
        "finished": solution.finished,
        "chosen": chosen,
        "text": solution.text,
    }


@dataclass(frozen=True)
class Shape:
    """Which of OpenAI's two shapes a reply has, and what its head says."""

    id: str
    model: str
    chat: bool

    def whole(self, said: Sequence[Said], cost: Cost, spending: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A whole reply; `spending` is one for each choice."""
        return {
            **self._head("chat.completion" if self.chat else "text_completion"),
            "choices": [self._choice(index, one) for index, one in enumerate(said)],
            "usage": usage_of(cost),
            "outlay": _together(spending),
        }

    def pieces(
        self, said: Sequence[Said], cost: Cost, spending: Sequence[Mapping[str, Any]], include_usage: bool
    ) -> Iterator[bytes]:
        """The events of a streamed reply, from the first choice's role to `[DONE]`."""
        for index, one in enumerate(said):
            if self.chat:
                yield self.event([self._piece(index, {"role": "assistant", "content": ""}, None)], include_usage)
            for part in parts(one.text):
                yield self.event([self._piece(index, {"content": part}, None)], include_usage)
            last = index == len(said) - 1
            more = {"outlay": _together(spending)} if last else {}
            yield self.event([self._piece(index, {}, one.finish)], include_usage, **more)
        if include_usage:
            yield self.event([], include_usage, usage=usage_of(cost))
        yield b"data: [DONE]\n\n"

    def cut_short(self) -> Iterator[bytes]:
        """The end of a stream that the deadline struck."""
        yield self.event([self._piece(0, {}, "length")], False)
        yield b"data: [DONE]\n\n"

    def event(self, choices: Sequence[Mapping[str, Any]], include_usage: bool, **more: Any) -> bytes:
        """One event; where usage was asked for, those without one say so."""
        content = self._head("chat.completion.chunk" if self.chat else "text_completion") | {"choices": list(choices)}
        if include_usage:
            content["usage"] = None
        return b"data: " + json.dumps(content | more).encode() + b"\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": int(time.time()), "model": self.model}

    def _choice(self, index: int, said: Said) -> dict[str, Any]:
        if self.chat:
            message = {"role": "assistant", "content": said.text, "refusal": None}
            return {"index": index, "message": message, "logprobs": None, "finish_reason": said.finish}
        return {"index": index, "text": said.text, "logprobs": None, "finish_reason": said.finish}

    def _piece(self, index: int, delta: Mapping[str, Any], finish: str | None) -> dict[str, Any]:
        if self.chat:
            return {"index": index, "delta": dict(delta), "logprobs": None, "finish_reason": finish}
        return {"index": index, "text": delta.get("content", ""), "logprobs": None, "finish_reason": finish}


def parts(text: str, length: int = 24) -> Iterator[str]:
    """The text in pieces of about `length` characters that end where a word ends.

    >>> "".join(parts("a text that is cut into several pieces, somehow")), len(list(parts("")))
    ('a text that is cut into several pieces, somehow', 0)
    """
    start = 0
    while start < len(text):
        end = text.find(" ", start + length)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end


def comment(event: Mapping[str, Any] | None = None) -> bytes:
    """A line that clients pass over: it keeps the connection alive, and tells the live page what goes on."""
    return b": outlay " + json.dumps(event).encode() + b"\n\n" if event is not None else b": working\n\n"


def _together(spending: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Our own fields for a reply with one choice, or with several: the first's, the sums, and each one's own under `choices`."""
    if len(spending) == 1:
        return dict(spending[0])
    generations = sum(one["generations"] for one in spending)
    names = spending[0]["cost"]
    cost = {name: sum(one["cost"][name] for one in spending) for name in names}
    return {**spending[0], "generations": generations, "cost": cost, "choices": [dict(one) for one in spending]}
