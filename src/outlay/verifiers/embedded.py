"""A shipped process reward model, run by the embedded engine: P(right) at the last token of every step.

Steps that were scored before are not read again, and what several solutions begin with is read once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.models.embedded.backend import Card
from outlay.models.embedded.engine import Engine
from outlay.models.embedded.jobs import Scores
from outlay.models.embedded.revising import read_attempts, revision_prompt
from outlay.models.embedded.tokenizer import WordTokenizer, read_tokenizer
from outlay.models.embedded.weights import load_weights
from outlay.types import Score, Solution, StepScores
from outlay.verifiers.shared_reading import SharedReading, Text

ROWS_PER_SLOT = 12
"""About two steps: a verifier with less to read than this for each slot had better wait for more."""


@dataclass(slots=True)
class _Open:
    tag: Any
    scores: list[StepScores | None]
    missing: int


class EmbeddedVerifier:
    """A verifier's folder as a verifier. It reads the text of question and steps and nothing else.

    One whose card gives `attempts` also reads that many of the attempts that a solution revises, as a reviser reads them.
    """

    def __init__(self, engine: Engine, tokenizer: WordTokenizer, card: Card, slots: int) -> None:
        self._slots = slots
        self.name = f"embedded:{card.name}"
        self.parameters = card.parameters
        self.attempts = card.attempts
        self.tokenizer = tokenizer
        self._engine = engine
        self._reading = SharedReading(engine)
        self._eos = tokenizer.id(card.eos_token)
        self._ready: list[tuple[Any, list[StepScores]]] = []

    @classmethod
    def load(cls, folder: Path, *, slots: int = 256) -> EmbeddedVerifier:
        """Load the folder of a PRM, or of an ORM (whose solutions are one step)."""
        card = Card.load(folder)
        if card.role not in ("prm", "orm"):
            raise UserError(f'embedded model "{card.name}" is a {card.role}, not a verifier: it has no value head')
        return cls(Engine(load_weights(folder), slots=slots), read_tokenizer(folder), card, slots)

    def begin(self, request: Score, tag: Any) -> None:
        """Queue a request: the steps of each solution that have no value yet."""
        prompt = tuple(self.tokenizer.encode(request.question.text))
        under_way = _Open(tag, [None] * len(request.solutions), len(request.solutions))
        if not request.solutions:
            self._ready.append((tag, []))
        texts = []
        for index, solution in enumerate(request.solutions):
            before = request.attempts[index][-self.attempts :] if request.attempts and self.attempts else ()
            read = read_attempts(before, self.tokenizer, self._eos)
            text = self._text(under_way, index, revision_prompt(read, prompt, self._eos), solution)
            if len(text.values) == len(solution.steps):
                text.done()
            else:
                texts.append(text)
        self._reading.read(texts)

    def advance(self) -> list[tuple[Any, list[StepScores]]]:
        """One block of the engine's work; the requests it completed."""
        for scores in [] if self._engine.idle else self._engine.step():
            assert isinstance(scores, Scores)
            self._reading.finished(scores)
        completed, self._ready = self._ready, []
        return completed

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or under way."""
        return self._engine.idle and not self._ready

    @property
    def backlog(self) -> int:
        """Rows (tokens) still to be read, and results still to be handed out."""
        return self._engine.backlog + len(self._ready)

    @property
    def capacity(self) -> int:
        """Rows that keep every slot busy for a while."""
        return self._slots * ROWS_PER_SLOT

    def _text(self, under_way: _Open, index: int, prompt: tuple[int, ...], solution: Solution) -> Text:
        written, lengths = self._encoded(solution)
        values = list(solution.step_scores[: len(solution.steps)])
        ends = tuple(accumulate(lengths, initial=len(prompt) + len(written) - sum(lengths)))
        return Text(prompt + written, ends, values, lambda: self._settle(under_way, index, tuple(values)))

    def _encoded(self, solution: Solution) -> tuple[tuple[int, ...], list[int]]:
        """Its tokens, and how many of them each step has: as the engine drew it, or counted from its text where another did.

        Where a text was put into a solution, its steps have more tokens than were generated for them.
        """
        if solution.state:
            lengths = [step.tokens for step in solution.steps]
            if sum(lengths) != len(solution.state):
                lengths = [len(self.tokenizer.encode(step.text)) for step in solution.steps]
                lengths[-1] += len(solution.state) - sum(lengths)
            return tuple(solution.state), lengths
        steps = [list(self.tokenizer.encode(step.text)) for step in solution.steps]
        if solution.finished and steps and self._eos not in steps[-1][-1:]:
            steps[-1].append(self._eos)
        return tuple(token for step in steps for token in step), [len(step) for step in steps]

    def _settle(self, under_way: _Open, index: int, values: StepScores) -> None:
        under_way.scores[index] = values
        under_way.missing -= 1
        if not under_way.missing:
            self._ready.append((under_way.tag, [s for s in under_way.scores if s is not None]))
