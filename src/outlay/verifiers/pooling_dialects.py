"""What a pooling endpoint is called, what it pools and what its numbers are: seen from three short texts.

| server | path | a reply's numbers |
|---|---|---|
| vLLM since 0.6.6 | `/pooling` | `data[i].data`: a row a token, a row a step (`STEP` pooling), or one row |
| vLLM since 0.11.1 | `/pooling` with `task` (`token_classify`, `classify`) | the same |
| vLLM up to 0.6.5, and plug-ins for it | `/v1/embeddings` | `data[i].embedding` |
| SGLang (`--is-embedding`) | `/classify` with `text` | a list of `embedding`: one row a text |
| vLLM, SGLang, classification models | `/v1/classify`, `/classify` with `input` | `data[i].probs` |

Activations have had three names (`softmax`, `activation`, `use_activation`); all are sent, and whether that made a difference is
looked at. Where it did, raw numbers are asked for and the activation is ours; where not, numbers that are all in [0, 1] are taken
for probabilities, any other for logits.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from outlay.errors import UserError
from outlay.models.openai.address import Address
from outlay.models.openai.calls import Calls
from outlay.models.openai.failures import Failure
from outlay.verifiers.pooling_pieces import Pieces, pieces_of

PROBES = (
    ("What is 2 + 3?", ("Add 2 and 3.", "That gives 5.", "The answer is 5.")),
    ("What is 7 * 6?", ("Multiply 7 by 6.", "That gives 41.", "The answer is 41.")),
    ("What is 9 - 4?", ("Take 4 from 9.", "Five is left.", "The answer is 5.")),
)
"""Three steps each, so that rows of two classes are not taken for steps."""

PATHS = ("pooling", "embeddings", "classify-text", "v1-classify", "classify")
TASKS: Mapping[str, tuple[str, ...]] = {"outcome": ("", "classify"), "": ("", "token_classify")}
"""By layout ("" for any other): tasks that are tried at `/pooling`, none first."""

Gives = Literal["steps", "tokens", "whole"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one request shows: the pieces, up to a place of the text, or as the server's own tokens."""

    pieces: Pieces
    upto: int | None = None
    ids: Sequence[int] | None = None

    @property
    def text(self) -> str:
        """As a text."""
        return self.pieces.text if self.upto is None else self.pieces.text[: self.upto]


@dataclass(frozen=True, slots=True)
class Pooled:
    """The rows of numbers of one text, and the tokens that were read for them."""

    rows: list[list[float]]
    read: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of asking. `right` is the column of P(right); `numbers` what they are, before our own activation."""

    path: str
    layout: str
    model: str
    task: str = ""
    gives: Gives = "whole"
    numbers: Literal["probabilities", "logits"] = "probabilities"
    activation: bool | None = None
    right: int = -1
    chat: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """For `outlay doctor`."""
        where = {"pooling": "/pooling", "embeddings": "/v1/embeddings", "v1-classify": "/v1/classify"}
        return {
            "layout": self.layout,
            "endpoint": where.get(self.path, "/classify") + (f" (task {self.task})" if self.task else ""),
            "gives_one_number": {"steps": "a step", "tokens": "a token", "whole": "a text"}[self.gives],
            "numbers": self.numbers,
            "activation_can_be_chosen": self.activation is not None,
        }

    def request(self, address: Address, shown: Shown) -> tuple[str, dict[str, Any]]:
        """Where to send what."""
        body: dict[str, Any] = {"model": self.model} if self.model else {}
        if self.path == "classify-text":
            body |= {"input_ids": list(shown.ids)} if shown.ids is not None else {"text": shown.text}
            return address.root + "/classify", body
        if self.chat:
            body["messages"] = list(shown.pieces.messages)
        else:
            body["input"] = list(shown.ids) if shown.ids is not None else shown.text
        if self.path in ("pooling", "embeddings"):
            body["encoding_format"] = "float"
        if self.task:
            body["task"] = self.task
        if self.activation is not None and self.path == "pooling":
            body |= dict.fromkeys(("softmax", "activation", "use_activation"), self.activation)
        place = {"pooling": "/pooling", "embeddings": "/v1/embeddings", "v1-classify": "/v1/classify"}
        return address.root + place.get(self.path, "/classify"), body

    def read(self, content: Any, shown: Sequence[Shown]) -> list[Pooled]:
        """The rows in a reply; Failure where it holds none."""
        try:
            if isinstance(content, list):
                return [_of_sglang(one) for one in content][: len(shown)]
            if "data" not in content:
                return [_of_sglang(content)]
            usage = content.get("usage") or {}
            read = int(usage.get("prompt_tokens") or 0)
            cached = int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
            first = sorted(content["data"], key=lambda one: one.get("index") or 0)[0]
            given = next(first[name] for name in ("data", "embedding", "probs") if first.get(name) is not None)
            return [Pooled(_rows(given), read, min(cached, read))]
        except (KeyError, IndexError, TypeError, ValueError, StopIteration, AttributeError):
            raise Failure("a reply without pooled numbers", transient=False) from None


def _of_sglang(one: Mapping[str, Any]) -> Pooled:
    about = one.get("meta_info") or {}
    read = int(about.get("prompt_tokens") or 0)
    return Pooled(_rows(one["embedding"]), read, min(int(about.get("cached_tokens") or 0), read))


def _rows(given: Any) -> list[list[float]]:
    """Numbers as rows: a flat list is a row each, a single number one row."""
    if not isinstance(given, list):
        return [[float(given)]]
    return [[float(one) for one in row] if isinstance(row, list) else [float(row)] for row in given]


async def find_dialect(calls: Calls, layout: str) -> Dialect:
    """How this endpoint is to be asked.

    Raises UserError where none of the ways works or what it gives is not understood, Failure where the server does not answer.
    """
    model = calls.address.model or await _only_model(calls)
    probes = [pieces_of(layout, question, steps) for question, steps in PROBES]
    refusals = []
    for path in PATHS:
        for task in TASKS.get(layout, TASKS[""]) if path == "pooling" else ("",):
            for chat in (True, False) if probes[0].messages and path != "classify-text" else (False,):
                dialect = Dialect(path, layout, model, task, chat=chat)
                try:
                    return await _understood(calls, dialect, probes)
                except Failure as failure:
                    if failure.status is None and not failure.says.startswith("a reply"):
                        raise
                    if failure.status in (401, 403):
                        raise
                    refusals.append(f"{dialect.plain()['endpoint']}: {failure.says}")
    raise UserError(
        f"{calls.address.root} has no pooling endpoint that scores ({'; '.join(dict.fromkeys(refusals))[:400]}): start vLLM with "
        "--runner pooling (--task reward before 0.10), or SGLang with --is-embedding"
    )


async def _only_model(calls: Calls) -> str:
    try:
        content = await calls.look(calls.address.root + "/v1/models", tries=2)
    except Failure as failure:
        if failure.status is None:
            raise
        return ""
    listed = [str(one["id"]) for one in content.get("data") or ()]
    if len(listed) > 1:
        raise UserError(f"{calls.address} names no model: write #MODEL after the URL (it has {', '.join(listed[:20])})")
    return listed[0] if listed else ""


async def _understood(calls: Calls, dialect: Dialect, probes: Sequence[Pieces]) -> Dialect:
    """The dialect with what the probes show of it."""
    plain = await _pooled(calls, dialect, probes)
    gives = _gives(dialect, plain, probes)
    if gives == "tokens" and not await _counts(calls, dialect.model):
        raise UserError(
            f"{calls.address.root} gives a number a token and has no /tokenize that would tell which: start it with STEP "
            "pooling, or with LAST"
        )
    found = replace(dialect, gives=gives, right=0 if dialect.layout == "math-shepherd" else -1)
    if gives == "whole":
        plain = [Pooled([whole_row(one.rows)], one.read) for one in plain]
    if dialect.path != "pooling":
        return replace(found, numbers=_kind(plain))
    active, raw = [
        [_kept(one, gives) for one in await _pooled(calls, replace(found, activation=value), probes)]
        for value in (True, False)
    ]
    if _close(_flat(active), _flat(raw)):
        return replace(found, numbers=_kind(plain))
    return replace(found, activation=False, numbers="logits")


async def _pooled(calls: Calls, dialect: Dialect, probes: Sequence[Pieces]) -> list[Pooled]:
    async def one(pieces: Pieces) -> Pooled:
        shown = Shown(pieces)
        path, body = dialect.request(calls.address, shown)
        return dialect.read(await calls.look(path, body, tries=3), [shown])[0]

    return list(await asyncio.gather(*map(one, probes)))


def _gives(dialect: Dialect, pooled: Sequence[Pooled], probes: Sequence[Pieces]) -> Gives:
    lengths = [len(one.rows) for one in pooled]
    if all(length == 1 for length in lengths) or (dialect.path.endswith("classify") and dialect.path != "pooling"):
        return "whole"
    if all(length == len(pieces.marks) for length, pieces in zip(lengths, probes, strict=True)):
        return "steps"
    if all(one.read and length == one.read for length, one in zip(lengths, pooled, strict=True)):
        return "tokens"
    if all(length == 2 for length in lengths) and all(len(row) == 1 for one in pooled for row in one.rows):
        return "whole"
    raise Failure(
        f"a reply of {', '.join(map(str, lengths))} numbers for texts of {len(probes[0].marks)} steps: hidden states or "
        "embeddings, no scores",
        transient=False,
    )


def whole_row(rows: Sequence[Sequence[float]]) -> list[float]:
    """A text's classes that came as a flat list are one row."""
    return [row[0] for row in rows] if len(rows) > 1 else list(rows[0])


def _kept(pooled: Pooled, gives: Gives) -> Pooled:
    return Pooled([whole_row(pooled.rows)], pooled.read) if gives == "whole" else pooled


def _kind(pooled: Sequence[Pooled]) -> Literal["probabilities", "logits"]:
    """Probabilities, if all are in [0, 1] and classes sum to 1."""
    rows = [row for one in pooled for row in one.rows]
    inside = all(0.0 <= value <= 1.0 for row in rows for value in row)
    sums = all(len(row) == 1 or abs(sum(row) - 1.0) < 0.02 for row in rows)
    return "probabilities" if inside and sums else "logits"


def _flat(pooled: Sequence[Pooled]) -> list[float]:
    return [value for one in pooled for row in one.rows for value in row]


def _close(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(abs(a - b) < 1e-3 for a, b in zip(one, other, strict=True))


async def _counts(calls: Calls, model: str) -> bool:
    try:
        content = await calls.look(calls.address.root + "/tokenize", {"model": model, "prompt": "2 + 3"}, tries=1)
    except Failure:
        return False
    return bool(isinstance(content, dict) and content.get("tokens"))


def probability(row: Sequence[float], dialect: Dialect) -> float:
    """P(right) of a row: one number, or two classes.

    >>> probability([0.2, 0.8], Dialect("pooling", "qwen-math-prm", ""))
    0.8
    """
    if dialect.numbers == "probabilities":
        return row[dialect.right]
    if len(row) == 1:
        return 1.0 / (1.0 + math.exp(-max(min(row[0], 700.0), -700.0)))
    highest = max(row)
    weights = [math.exp(value - highest) for value in row]
    return weights[dialect.right] / sum(weights)
