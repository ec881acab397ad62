"""What every program generates: 16 solutions of each of some questions of its task, of 12, 18 or 24 tokens, by a shipped model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from outlay import models, tasks
from outlay.models.embedded import Engine, GenerateJob, LogprobJob, Weights, load_weights

KEYS = 16
LENGTHS = (12, 18, 24)
"""Tokens of a solution: those of Countdown with two, three and four steps."""
IN_FLIGHT = 256
FLOAT32, HALF = 1e-3, 0.1
"""How far log-probabilities of one model may be apart, computed in float32 or in part in half precision. Those of another model (a
wrong conversion) are apart by more than 1."""


@dataclass(frozen=True)
class Workload:
    """`sequences` continuations (a multiple of 16) of real questions by `model`; no end token ends one early."""

    model: str
    sequences: int

    @property
    def folder(self) -> Path:
        """The model's folder."""
        return models.embedded_folder(self.model)

    @cached_property
    def weights(self) -> Weights:
        """The model as the engine runs it."""
        return load_weights(self.folder)

    @cached_property
    def jobs(self) -> list[GenerateJob]:
        """One job a question."""
        questions = tasks.load(self.weights.description["task"]).questions("test", self.sequences // KEYS)
        return [
            GenerateJob(
                tokens=self.weights.tokenizer.encode(question.text),
                keys=tuple(range(i * KEYS, (i + 1) * KEYS)),
                max_tokens=LENGTHS[i % len(LENGTHS)],
            )
            for i, question in enumerate(questions)
        ]

    @property
    def tokens(self) -> int:
        """Tokens to be generated."""
        return sum(len(job.keys) * job.max_tokens for job in self.jobs)


def difference(
    weights: Weights, prompts: list[tuple[int, ...]], read: list[tuple[int, ...]], logprobs: list[list[float]]
) -> float:
    """The largest difference between another program's log-probabilities of `read` after `prompts` and the engine's."""
    engine = Engine(weights)
    largest = 0.0
    for prompt, tokens, theirs in zip(prompts, read, logprobs, strict=True):
        (ours,) = engine.run([LogprobJob(prompt + tokens, len(prompt))])
        largest = max(largest, *(abs(a - b) for a, b in zip(ours.logprobs, theirs, strict=True)))
    return largest


class NotTheSameModel(Exception):
    """Another program computes something else, so that its speed says nothing."""


def insist_on_the_same_model(largest: float, allowed: float = FLOAT32) -> None:
    """Raises NotTheSameModel where log-probabilities differ by more than rounding."""
    if not largest <= allowed:
        raise NotTheSameModel(
            f"log-probabilities differ from the engine's by up to {largest:.2g} (allowed: {allowed:g})"
        )
