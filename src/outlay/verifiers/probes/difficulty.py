"""How hard a question is, told from the question alone: a probe with the target `difficulty`, `probe:FOLDER`.

Nothing is drawn: the model that gives the probe's features reads the question once, and a small head says which share of its
samples would be right. What is measured by such bins is measured on questions that the probe has not learnt from: it knows those by
a hash of their text, and refuses them (`check_unseen`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from outlay.errors import UserError
from outlay.models.hf.reading import Text
from outlay.models.joining import Joining
from outlay.types import Cost, Question, Solution
from outlay.verifiers.probes.features import Embeddings, States, features_of
from outlay.verifiers.probes.folder import CARD, Probe, digest_of, load_probe
from outlay.verifiers.probes.head import Array

BACKEND = "probe:"
TOGETHER = 256
"""Questions that are read together at most."""


@dataclass(frozen=True, eq=False)
class Told:
    """Of each question the estimated pass@1 `values` [Q], higher = easier, and the `tokens` [Q] that were read for it."""

    values: NDArray[np.float64]
    tokens: NDArray[np.int64]


class DifficultyProbe:
    """A probe that estimates difficulty; `load_difficulty` reads one.

    `parameters` are the weights of what reads, the head's among them.

    >>> probe = load_difficulty("probe:runs/probes/arithmetic-difficulty")          # doctest: +SKIP
    >>> probe.of_all([question]).values.round(2).tolist()                          # doctest: +SKIP
    [0.81]
    """

    def __init__(self, address: str, probe: Probe) -> None:
        self.address, self._probe = address, probe
        self._features = features_of(probe.features, probe.layer, probe.parts)
        read = self._features.parameters if isinstance(self._features, States) else 0
        self.parameters = read + probe.head.parameters
        self._joined: Joining[Question, tuple[float, int]] = Joining(self._pairs, TOGETHER)

    def of_all(self, questions: Sequence[Question]) -> Told:
        """The estimates for these questions.

        Raises UserError for a question that does not fit what reads it, and for features of another width than the probe's.
        """
        if isinstance(self._features, Embeddings):
            rows, tokens = asyncio.run(_embedded_once(self._features, questions))
        else:
            rows, tokens = _read(self.address, self._features, questions)
        check_width(self.address, self._probe, [rows])
        return Told(self._probe.head(rows).astype(np.float64), tokens)

    async def of(self, question: Question) -> tuple[float, Cost]:
        """One question's estimate and what it cost; what is asked for at the same time is read together, in a thread."""
        if isinstance(self._features, Embeddings):
            vectors, read, calls = await self._features.vectors([question.text.strip()])
            check_width(self.address, self._probe, [vectors])
            return float(self._probe.head(vectors)[0]), self.cost(read, calls)
        ((value, tokens),) = await self._joined([question])
        return value, self.cost(tokens)

    def cost(self, tokens: int, calls: int = 1) -> Cost:
        """What reading so many tokens costs."""
        return Cost(verifier_prompt_tokens=tokens, calls=calls, flops=2.0 * self.parameters * tokens)

    def check_unseen(self, questions: Sequence[Question]) -> None:
        """Raises UserError where the probe learnt from some of these questions, or does not say from which it learnt."""
        learnt = self._probe.learnt
        if learnt is None:
            raise UserError(
                f"{self.address} does not say which questions it was trained on, so nothing can be measured by it: train it again"
            )
        seen = sum(digest_of(question.text) in learnt for question in questions)
        if seen:
            raise UserError(
                f"{self.address} was trained on {seen} of these {len(questions)} questions, and what is measured on them would be "
                "too good: ask questions of another split or seed, or train a probe on others"
            )

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        if isinstance(self._features, Embeddings):
            await self._features.close()

    def _pairs(self, questions: Sequence[Question]) -> list[tuple[float, int]]:
        told = self.of_all(questions)
        return list(zip(told.values.tolist(), told.tokens.tolist(), strict=True))


def load_difficulty(address: str) -> DifficultyProbe:
    """The estimator at `probe:FOLDER`; read once, and again when the folder was written anew.

    Raises UserError where there is no probe, or one that scores solutions.
    """
    folder = address.removeprefix(BACKEND)
    if not address.startswith(BACKEND) or not folder:
        raise UserError(
            f'"{address}" names no estimate of difficulty: write pilot, or probe:FOLDER (outlay train probe)'
        )
    card = Path(folder) / CARD
    return _loaded(address, folder, card.stat().st_mtime_ns if card.is_file() else 0)


@lru_cache(maxsize=4)
def _loaded(address: str, folder: str, written: int) -> DifficultyProbe:
    probe = load_probe(folder)
    if probe.target != "difficulty":
        raise UserError(f"the probe in {folder} scores solutions: train one with target: difficulty")
    return DifficultyProbe(address, probe)


def difficulty_by(folder: str | Path, questions: Sequence[Question]) -> Array:
    """Estimated pass@1 of each question `[Q]` by a probe with the target `difficulty`; higher = easier. Nothing is drawn.

    Raises UserError where the folder holds no such probe.
    """
    values: Array = load_difficulty(f"{BACKEND}{folder}").of_all(questions).values.astype(np.float32)
    return values


def question_features(features: States | Embeddings, questions: Sequence[Question]) -> Array:
    """Features of the questions alone, [Q, features]."""
    if isinstance(features, Embeddings):
        rows, _ = asyncio.run(_embedded_once(features, questions))
        return rows
    return _read(features.name, features, questions)[0]


def check_width(name: str, probe: Probe, states: Sequence[Array]) -> None:
    """Raises UserError where the features are not those that the probe was trained on."""
    found = next((one.shape[1] for one in states if one.ndim == 2 and len(one)), probe.head.features)
    if found != probe.head.features:
        raise UserError(
            f"{name} was trained on {probe.head.features} features and {probe.features} now gives {found}: that is another model, "
            "so train the probe again"
        )


def _read(name: str, features: States, questions: Sequence[Question]) -> tuple[Array, NDArray[np.int64]]:
    laid = [features.lay(question, Solution()) for question in questions]
    longest = max((len(one.tokens) for one in laid), default=0)
    if longest > features.context:
        raise UserError(
            f"{name}: a question is {longest} tokens long, and what reads it takes {features.context} at most: ask "
            "shorter ones"
        )
    states = features.states([Text(one.tokens, one.places[-1:], one.start) for one in laid])
    tokens = np.array([len(one.tokens) for one in laid], dtype=np.int64)
    return (np.concatenate(states) if states else np.zeros((0, 0), np.float32)), tokens


async def _embedded_once(features: Embeddings, questions: Sequence[Question]) -> tuple[Array, NDArray[np.int64]]:
    """The vectors, and what the server read, shared out evenly."""
    try:
        vectors, read, _ = await features.vectors([question.text.strip() for question in questions])
        return vectors, np.full(len(questions), round(read / max(len(questions), 1)), dtype=np.int64)
    finally:
        await features.close()
