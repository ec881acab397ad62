"""The embedded engine as a model: `Sample` requests to generation jobs, token sequences to `Solution`s.

A model whose card gives `attempts` was trained to revise: it reads up to that many earlier attempts before the question.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

from outlay.errors import Unsupported, UserError
from outlay.models.embedded.engine import Engine
from outlay.models.embedded.jobs import Continuation, GenerateJob
from outlay.models.embedded.revising import read_attempts, revision_prompt
from outlay.models.embedded.tokenizer import WordTokenizer, read_tokenizer
from outlay.models.embedded.weights import load_weights
from outlay.types import Question, Sample, Solution, Step


@dataclass(frozen=True, slots=True)
class Card:
    """What a model folder's `outlay.json` says of how its model writes: step and end tokens, longest solution.

    `attempts` is how many earlier attempts it was trained to read; a card that does not say so means none.
    """

    name: str
    role: str
    task: str
    step_token: str
    eos_token: str
    max_tokens: int
    parameters: int
    attempts: int = 0

    @classmethod
    def load(cls, folder: Path) -> Card:
        """Read the card; a `UserError` where the folder has none or it lacks a field."""
        path = folder / "outlay.json"
        needed = [field.name for field in fields(cls) if field.default is MISSING]
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{name: content[name] for name in needed}, attempts=content.get("attempts", 0))
        except FileNotFoundError:
            raise UserError(
                f"{folder} has no outlay.json: the embedded engine needs to know its step and end tokens"
            ) from None
        except (KeyError, json.JSONDecodeError) as error:
            raise UserError(f"{path} is not a model card ({error}): it must give {', '.join(needed)}") from None


NOTHING = Solution()

MOST_TEXTS = 1 << 16
"""Texts of steps that are kept: samples repeat each other's steps."""


@dataclass(slots=True)
class _Open:
    """A request under way: what it was, and the continuations that have come back."""

    tag: Any
    request: Sample
    before: tuple[int, ...]
    drawn: list[Continuation | None]
    missing: int


class EmbeddedModel:
    """A shipped (or user-trained) tiny Llama, run by the NumPy engine in this process."""

    def __init__(self, engine: Engine, tokenizer: WordTokenizer, card: Card, slots: int) -> None:
        self._slots = slots
        self.name = f"embedded:{card.name}"
        self.parameters = card.parameters
        self.max_tokens = card.max_tokens
        self.task = card.task
        self.attempts = card.attempts
        self.tokenizer = tokenizer
        self._engine = engine
        self._step_token = tokenizer.id(card.step_token)
        self._eos = tokenizer.id(card.eos_token)
        self._pieces = [tokenizer.decode([token]) for token in range(len(tokenizer.words))]
        self._pieces[self._eos] = ""
        self._prompts: dict[str, tuple[int, ...]] = {}
        self._texts: dict[tuple[int, ...], str] = {}

    @classmethod
    def load(cls, folder: Path, *, slots: int = 256) -> EmbeddedModel:
        """Load a model folder; `slots` is how many sequences run at once (no effect on results)."""
        card = Card.load(folder)
        if card.role != "policy":
            raise UserError(f'embedded model "{card.name}" is a {card.role}, not a policy: use it as a verifier')
        return cls(Engine(load_weights(folder), slots=slots), read_tokenizer(folder), card, slots)

    def question_tokens(self, question: Question) -> int:
        """Length of the question's prompt."""
        return len(self._prompt(question))

    def begin(self, request: Sample, keys: Sequence[int], tag: Any) -> None:
        """Queue a request; a `UserError` for a question whose words the model does not know."""
        prompt = self._prompt(request.question)
        if request.attempts:
            prompt = self._revision_prompt(request.attempts, prompt)
        before = self._before(request)
        self._engine.submit(
            GenerateJob(
                tokens=prompt + before,
                keys=tuple(keys),
                temperature=request.temperature,
                top_p=request.top_p,
                stop=frozenset({self._step_token}) if request.until == "step" else frozenset(),
                stops=request.steps,
                eos=frozenset({self._eos}),
                max_tokens=self.max_tokens - (0 if request.append else len(before)),
                tag=_Open(tag, request, before, [None] * len(keys), len(keys)),
            )
        )

    def advance(self) -> list[tuple[Any, list[Solution]]]:
        """One block of the engine's work; the requests it completed."""
        completed = []
        for continuation in self._engine.step():
            assert isinstance(continuation, Continuation)
            under_way: _Open = continuation.tag
            under_way.drawn[continuation.index] = continuation
            under_way.missing -= 1
            if not under_way.missing:  # all solutions at once: in between, the engine's work empties the caches
                drawn = [self._solution(under_way, one) for one in under_way.drawn if one is not None]
                completed.append((under_way.tag, drawn))
        return completed

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or under way."""
        return self._engine.idle

    @property
    def backlog(self) -> int:
        """Rows (tokens) that queued and running sequences may still need."""
        return self._engine.backlog

    @property
    def capacity(self) -> int:
        """Rows that keep every slot busy to the end of a solution."""
        return self._slots * self.max_tokens

    def _prompt(self, question: Question) -> tuple[int, ...]:
        known = self._prompts.get(question.text)
        if known is None:
            strange = next((word for word in question.text.split() if word not in self.tokenizer.ids), None)
            if strange is not None or not question.text.strip():
                raise UserError(
                    f'{self.name} cannot read "{question.text[:60]}": it knows no word "{strange or ""}"; it answers questions '
                    f"of its own family only, as outlay.tasks.load({self.task!r}) writes them"
                )
            known = self._prompts[question.text] = tuple(self.tokenizer.encode(question.text))
        return known

    def _before(self, request: Sample) -> tuple[int, ...]:
        """The tokens of the solution so far; what is appended to it goes in the place of its end token."""
        if request.prefix is None:
            return ()
        before = request.prefix.state or tuple(self.tokenizer.encode(request.prefix.text))
        if not request.append:
            return before
        if before[-1:] == (self._eos,):
            before = before[:-1]
        return before + self._prompt(Question("", request.append))

    def _revision_prompt(self, attempts: Sequence[Solution], question: tuple[int, ...]) -> tuple[int, ...]:
        if not self.attempts:
            raise Unsupported(f"{self.name} was not trained to revise: it cannot read earlier attempts")
        if len(attempts) > self.attempts:
            raise UserError(
                f"{self.name} was trained to read at most {self.attempts} earlier attempts and {len(attempts)} were given: "
                f"revise with a context of at most {self.attempts}"
            )
        return revision_prompt(read_attempts(attempts, self.tokenizer, self._eos), question, self._eos)

    def _solution(self, under_way: _Open, continuation: Continuation) -> Solution:
        before = under_way.request.prefix or NOTHING
        steps = self._steps(continuation)
        if under_way.request.append:
            appended = self.tokenizer.decode(self._prompt(Question("", under_way.request.append)))
            first = steps[0] if steps else Step("", 0)
            steps = (replace(first, text=appended + first.text), *steps[1:])
        if before.steps:
            steps = before.steps + steps
        state = under_way.before + continuation.tokens
        return Solution(
            steps=steps,
            finished=continuation.finish == "eos",
            truncated=continuation.finish == "length"
            or (continuation.finish == "stop" and len(state) >= self.max_tokens),
            step_scores=before.step_scores,
            state=state,
        )

    def _steps(self, continuation: Continuation) -> tuple[Step, ...]:
        """Cut after every step token; the end token is counted in the last step but is not part of its text."""
        tokens, logprobs, texts = continuation.tokens, continuation.logprobs, self._texts
        steps, start = [], 0
        ends: list[int] = []
        for _ in range(tokens.count(self._step_token)):
            ends.append(tokens.index(self._step_token, ends[-1] if ends else 0) + 1)
        if tokens and (not ends or ends[-1] < len(tokens)):
            ends.append(len(tokens))
        for end in ends:
            written = tokens[start:end]
            text = texts.get(written)
            if text is None:
                text = "".join([self._pieces[token] for token in written])
                if len(texts) < MOST_TEXTS:
                    texts[written] = text
            steps.append(Step(text, end - start, math.fsum(logprobs[start:end])))
            start = end
        return tuple(steps)
