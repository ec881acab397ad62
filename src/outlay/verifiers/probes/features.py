"""What a probe looks at: hidden states of a model of this process, or embeddings that a server gives.

| features | numbers for a solution |
|---|---|
| `embedded:NAME` | the state after each step of a lab model, in NumPy |
| `hf:FOLDER_OR_ID` | the state after each step of any local model; `layer` -1 is the last, normed one |
| `openai:URL#MODEL` | one vector of question and solution, from the server's `/v1/embeddings` |

Of a model of this process three parts can be looked at, all from one pass: `state`, the state at that place; `mean`, the mean of
the states from the solution's start up to there; `confidence`, what the model thinks of the words that it reads (mean, sum and
least of their log-probabilities, and their number). Of a question alone these are of the prompt and its end. A finished solution
is read with its end token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from outlay.errors import OutlayError, UserError
from outlay.models import embedded_folder
from outlay.models.hf.loading import config_of
from outlay.models.hf.reading import Text
from outlay.models.openai.calls import Lost
from outlay.types import Question, Solution
from outlay.verifiers.layouts import Laid
from outlay.verifiers.probes.head import Array

TEXTS_A_CALL = 64
"""Texts that a server of embeddings is given at once."""
PARTS = ("state", "mean", "confidence")
EXAMPLE = "embedded:countdown-small, hf:FOLDER or openai:http://localhost:8000/v1#MODEL"


@dataclass(frozen=True, slots=True)
class States:
    """Features from a model of this process. `lay` gives a solution's tokens and the ends of its steps (of the prompt for none)."""

    name: str
    parameters: int
    context: int
    lay: Callable[[Question, Solution], Laid]
    states: Callable[[Sequence[Text]], list[Array]]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Features from a server. `vectors` gives one vector a text, the tokens that were read for all, and the calls that it took."""

    name: str
    vectors: Callable[[Sequence[str]], Any]
    close: Callable[[], Any]

    @staticmethod
    def text(question: Question, solution: Solution) -> str:
        """What is embedded."""
        return f"{question.text.strip()}\n\n{solution.text.strip()}".strip()


def features_of(address: str, layer: int = -1, parts: Sequence[str] = PARTS) -> States | Embeddings:
    """What stands at an address; UserError where that gives no features."""
    backend, _, rest = address.partition(":")
    if not rest or backend not in ("embedded", "hf", "openai"):
        raise UserError(f'"{address}" gives no features for a probe: write {EXAMPLE}')
    if backend != "hf" and layer != -1:
        raise UserError(
            f'"{address}" has one kind of feature: leave out layer, or use hf:FOLDER, which has states of every layer'
        )
    if backend == "embedded":
        return _embedded(rest, parts)
    return _hf(rest, layer, parts) if backend == "hf" else _openai(address, rest)


def composed(text: Text, states: Array, logprobs: Array | None, parts: Sequence[str]) -> Array:
    """The features [places, features] of a text: its states [tokens, hidden] and log-probabilities [tokens] put together.

    >>> text = Text((5, 6, 7), (2,), start=1)
    >>> composed(text, np.eye(3, dtype=np.float32), np.array([0, -1, -3], np.float32), ["mean", "confidence"]).tolist()
    [[0.0, 0.5, 0.5, -2.0, -4.0, -3.0, 2.0]]
    """
    start, places = text.start, np.array(text.places)
    counts = (places - start + 1).clip(1)[:, None].astype(np.float32)
    found = []
    if "state" in parts:
        found.append(states[places])
    if "mean" in parts:
        sums = np.cumsum(states[start:], 0, dtype=np.float32) if start < len(states) else states[-1:]
        found.append(sums[(places - start).clip(0)] / counts)
    if "confidence" in parts and logprobs is not None:
        own = logprobs[start:] if start < len(logprobs) else np.zeros(1, np.float32)
        reached = (places - start).clip(0)
        sums, least = np.cumsum(own)[reached][:, None], np.minimum.accumulate(own)[reached][:, None]
        found.append(np.concatenate([sums / counts, sums, least, counts], 1))
    return np.concatenate(found, 1).astype(np.float32)


def _embedded(name: str, parts: Sequence[str]) -> States:
    from outlay.models.embedded import load_weights
    from outlay.models.embedded.states import StateReader

    folder = embedded_folder(name)
    weights = load_weights(folder)
    tokenizer, end, reader = weights.tokenizer, weights.end_token, StateReader(weights)

    def lay(question: Question, solution: Solution) -> Laid:
        pieces = [list(tokenizer.encode(question.text)), *(list(tokenizer.encode(one.text)) for one in solution.steps)]
        if solution.finished and solution.steps and end is not None and end not in pieces[-1][-1:]:
            pieces[-1].append(end)
        ends = tuple(end - 1 for end in accumulate(map(len, pieces)))
        start = len(pieces[0]) if solution.steps else 1
        return Laid(tuple(token for piece in pieces for token in piece), ends[1:] or ends, start)

    def states(texts: Sequence[Text]) -> list[Array]:
        read = reader([text.tokens for text in texts])
        return [composed(text, *one, parts) for text, one in zip(texts, read, strict=True)]

    return States(f"embedded:{name}", weights.parameters, weights.shape.positions, lay, states)


def _hf(name: str, layer: int, parts: Sequence[str]) -> States:
    from outlay.models.hf.loading import check_installed, context_of, folder_of, read_model, read_tokenizer
    from outlay.models.hf.model import RAW
    from outlay.models.hf.reading import Reader

    check_installed(f"hf:{name}")
    folder = folder_of(name.removeprefix(RAW))
    causal = "confidence" in parts and _writes(folder)
    model, tokenizer = read_model(folder, "AutoModelForCausalLM" if causal else "AutoModel"), read_tokenizer(folder)
    backbone, output = (model.base_model, model.get_output_embeddings()) if causal else (model, None)
    layers = int(getattr(backbone.config, "num_hidden_layers", 0))
    if not -1 <= layer <= layers:
        raise UserError(
            f"hf:{name} has states 0 (the embedding) to {layers}, or -1 for the last, normed one: not {layer}"
        )
    reader = Reader(backbone, layer)
    raw = name.startswith(RAW) or not tokenizer.chat_template
    end = tokenizer.eos_token_id

    def shown(text: str) -> str:
        if raw:
            return text
        said = [{"role": "user", "content": text}]
        return str(tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))

    def lay(question: Question, solution: Solution) -> Laid:
        pieces = [shown(question.text), *(step.text for step in solution.steps)]
        encoded = tokenizer("".join(pieces), add_special_tokens=raw, return_offsets_mapping=True)
        tokens, offsets = list(encoded["input_ids"]), encoded["offset_mapping"]
        ends = list(accumulate(map(len, pieces)))
        places = [_reached(offsets, stop) for stop in (ends[1:] or ends)]
        if solution.finished and solution.steps and end is not None:
            tokens.append(end)
            places[-1] = len(tokens) - 1
        start = _reached(offsets, ends[0]) + 1 if solution.steps else 1
        return Laid(tuple(tokens), tuple(places), start)

    def states(texts: Sequence[Text]) -> list[Array]:
        found = []
        for text in texts:
            read, told = reader.states_and_logprobs(text, output)
            found.append(composed(text, read.cpu().numpy(), None if told is None else told.cpu().numpy(), parts))
        return found

    counted = sum(weights.numel() for weights in backbone.parameters())
    return States(f"hf:{name}", counted, context_of(backbone), lay, states)


def _writes(folder: Path) -> bool:
    kinds = config_of(folder).get("architectures") or [""]
    return str(kinds[0]).endswith(("ForCausalLM", "LMHeadModel"))


def _reached(offsets: Sequence[tuple[int, int]], stop: int) -> int:
    """The last token that begins before this place of the text."""
    return max(place for place, (start, end) in enumerate(offsets) if start < stop and (end > start or place == 0))


def _openai(address: str, rest: str) -> Embeddings:
    from importlib.util import find_spec

    from outlay.models.openai.address import find_key, parse
    from outlay.models.openai.calls import Calls

    if find_spec("openai") is None:
        raise UserError(f'{address} needs the package openai: install it with pip install "outlay[openai]"')
    at = parse(rest)
    calls = Calls(at, find_key(at.url))

    async def vectors(texts: Sequence[str]) -> tuple[Array, int, int]:
        async def some(part: Sequence[str]) -> tuple[list[list[float]], int, int]:
            lost = Lost()
            body = {"model": at.model, "input": list(part), "encoding_format": "float"}
            content = await calls.post("/embeddings", body, lost)
            try:
                listed = sorted(content["data"], key=lambda one: one["index"])
                found = [[float(value) for value in one["embedding"]] for one in listed]
            except (KeyError, IndexError, TypeError, ValueError):
                raise OutlayError(f"{address} gave no embeddings: is it a server of embeddings?") from None
            if len(found) != len(part) or len(set(map(len, found))) > 1:
                raise OutlayError(
                    f"{address} was asked for {len(part)} embeddings and gave {len(found)}, or of unequal length"
                )
            read = int((content.get("usage") or {}).get("prompt_tokens") or 0)
            return found, read * (1 + lost.calls), 1 + lost.calls

        parts = [texts[start : start + TEXTS_A_CALL] for start in range(0, len(texts), TEXTS_A_CALL)]
        given = await asyncio.gather(*map(some, parts))
        return (
            np.array([vector for vectors, _, _ in given for vector in vectors], np.float32),
            sum(read for _, read, _ in given),
            sum(made for _, _, made in given),
        )

    return Embeddings(address, vectors, calls.close)
