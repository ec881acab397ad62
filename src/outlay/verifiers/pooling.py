"""Reward models behind a server's pooling endpoint: `pooling:LAYOUT:URL#MODEL` (vLLM, SGLang, and what speaks like them).

The endpoints differ by server and version, in their path, in what they pool and in whether what they give are probabilities. So at
first use three short texts are scored, and it is looked what comes back (`outlay.verifiers.pooling_dialects`):

- *one number a step*: a solution is one call;
- *one a token*: a solution is one call, and the steps' places are found with the server's own tokenizer;
- *one for the whole text*: each step is a call of the text up to there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from outlay.cost import Reads, Scored
from outlay.errors import OutlayError, UserError
from outlay.models.openai.address import find_key, parse
from outlay.models.openai.calls import Calls, Lost
from outlay.models.openai.failures import Failure
from outlay.types import Cost, Question, Solution, StepScores
from outlay.verifiers.pooling_dialects import Dialect, Pooled, Shown, find_dialect, probability, whole_row
from outlay.verifiers.pooling_pieces import Pieces, layout_for, pieces_of

EXAMPLE = "pooling:qwen-math-prm:http://localhost:8000#Qwen/Qwen2.5-Math-PRM-7B"


@dataclass(slots=True)
class _Spent:
    """What scoring has cost so far."""

    cost: Cost = field(default_factory=Cost)

    def enter(self, pooled: Sequence[Pooled], lost: Lost) -> None:
        """A call's reply, and the calls in vain before it, each of which read as much."""
        read, cached = sum(one.read for one in pooled), sum(one.cached for one in pooled)
        self.cost += Cost(
            verifier_prompt_tokens=read * (1 + lost.calls), verifier_cached_tokens=cached, calls=1 + lost.calls
        )


class PoolingVerifier:
    """A served reward model; `load` makes it. Nothing is sent before it is used."""

    reads = Reads(reported=True)

    def __init__(self, name: str, layout: str, calls: Calls) -> None:
        self.name, self.parameters, self.layout = name, 0, layout
        self._calls = calls
        self._known: Dialect | None = None
        self._asking: dict[int, asyncio.Lock] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}

    @classmethod
    def load(cls, rest: str, *, key_file: Any = None, patience: Any = None, concurrency: Any = None) -> PoolingVerifier:
        """The verifier at `LAYOUT:URL#MODEL`; the layout may be left out where the model's name says it.

        Raises UserError for an address that is none.
        """
        from importlib.util import find_spec

        if find_spec("openai") is None:
            raise UserError(
                'verifiers behind a server need the package openai: install it with pip install "outlay[openai]"'
            )
        named, _, url = rest.partition(":")
        if named in ("http", "https"):
            named, url = "", rest
        if not url:
            raise UserError(f'"pooling:{rest}" names no server: write pooling:LAYOUT:URL#MODEL, for example {EXAMPLE}')
        address = parse(url)
        layout = layout_for(named, address.model, EXAMPLE)
        options = {name: value for name, value in (("patience", patience), ("concurrency", concurrency)) if value}
        return cls(f"pooling:{rest}", layout, Calls(address, find_key(address.url, key_file), **options))

    async def ready(self) -> None:
        """Find out what the endpoint does, at first use."""
        if self._known is None:
            lock = self._asking.setdefault(id(asyncio.get_running_loop()), asyncio.Lock())
            async with lock:
                if self._known is None:
                    try:
                        self._known = await find_dialect(self._calls, self.layout)
                    except Failure as failure:
                        raise self._calls.told(failure) from None

    async def probed(self) -> dict[str, Any]:
        """What was found out, in the words of `outlay doctor`."""
        await self.ready()
        assert self._known is not None
        return self._known.plain()

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        await self._calls.close()

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """One probability a step, or one for the whole from an outcome model. Raises UserError or ServerFailed."""
        await self.ready()
        spent = _Spent()
        scores = await asyncio.gather(*(self._one(question, solution, spent) for solution in solutions))
        return Scored(scores, spent=spent.cost)

    async def _one(self, question: Question, solution: Solution, spent: _Spent) -> StepScores:
        dialect = self._known
        assert dialect is not None
        if not solution.steps:
            return ()
        pieces = pieces_of(self.layout, question.text, [step.text for step in solution.steps])
        if dialect.gives == "whole":
            shown = [Shown(pieces, upto) for upto in pieces.ends]
            values = await asyncio.gather(*(self._asked(one, spent) for one in shown))
            return tuple(self._probability(whole_row(one.rows)) for one in values)
        if dialect.gives == "tokens":
            ids, places = await self._placed(pieces)
            pooled = await self._asked(Shown(pieces, ids=ids), spent)
            if len(pooled.rows) != len(ids):
                raise OutlayError(
                    f"{self.name} gave {len(pooled.rows)} numbers for a text of {len(ids)} tokens: its endpoint pools otherwise "
                    "than when it was tried"
                )
            return tuple(self._probability(pooled.rows[place]) for place in places)
        pooled = await self._asked(Shown(pieces), spent)
        if len(pooled.rows) != len(solution.steps):
            raise OutlayError(
                f"{self.name} gave {len(pooled.rows)} numbers for a solution of {len(solution.steps)} steps"
            )
        return tuple(self._probability(row) for row in pooled.rows)

    async def _asked(self, shown: Shown, spent: _Spent) -> Pooled:
        dialect = self._known
        assert dialect is not None
        lost = Lost()
        path, body = dialect.request(self._calls.address, shown)
        (pooled,) = dialect.read(await self._calls.post(path, body, lost), [shown])
        spent.enter([pooled], lost)
        return pooled

    def _probability(self, row: Sequence[float]) -> float:
        assert self._known is not None
        value = probability(row, self._known)
        if not 0.0 <= value <= 1.0:
            raise OutlayError(
                f"{self.name} gave {value:g}, which is no probability, although what it gave when it was tried were: start the "
                "server with its activation (or without) for all requests alike"
            )
        return value

    async def _placed(self, pieces: Pieces) -> tuple[list[int], list[int]]:
        """The text as the server's tokens, piece by piece, and where its steps end."""
        ids: list[int] = []
        places = []
        for number, piece in enumerate(pieces.parts):
            if piece not in self._lengths:
                body = {"model": self._calls.address.model, "prompt": piece, "add_special_tokens": False}
                content = await self._calls.post(self._calls.address.root + "/tokenize", body, Lost())
                self._lengths[piece] = tuple(content.get("tokens") or ())
            ids += self._lengths[piece]
            if number in pieces.marks:
                places.append(len(ids) - 1)
        return ids, places
