"""Samples of a shipped policy on questions, and what shipped verifiers say of them, with the embedded engine.

All verifiers of a policy read the same samples, so they are compared pair by pair. What stands twice among a question's samples
is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from outlay import models, tasks, verifiers
from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.lab.measure import Bools, Floats
from outlay.strategies import Greedy, MajorityVote
from outlay.types import Budget, Question, Score, Solution, Trace


@dataclass(frozen=True, slots=True)
class Pool:
    """Samples [Q, n] of one policy: whether each is right, whether it has an answer, and the log-probability it was drawn with."""

    questions: tuple[Question, ...]
    solutions: tuple[tuple[Solution, ...], ...]
    correct: Bools
    valid: Bools
    log_probability: Floats

    def every_other(self, first: int) -> Pool:
        """Every second sample of every question, from the first (0) or the second (1) on."""
        return Pool(
            self.questions,
            tuple(row[first::2] for row in self.solutions),
            self.correct[:, first::2],
            self.valid[:, first::2],
            self.log_probability[:, first::2],
        )


def drawn_pool(policy: Any, questions: Sequence[Question], samples: int, seed: int) -> Pool:
    """`samples` solutions of every question. `policy` is a shipped model's name, or a model."""
    rows = _solved(policy, MajorityVote(), samples, questions, seed)
    shape = (len(rows), samples)
    solutions = tuple(trace.solutions for trace in rows)
    return Pool(
        questions=tuple(questions),
        solutions=solutions,
        correct=np.array([[bool(right) for right in trace.solution_correct] for trace in rows]).reshape(shape),
        valid=np.array([[solution.answer is not None for solution in row] for row in solutions]).reshape(shape),
        log_probability=np.array([[solution.logprob for solution in row] for row in solutions]).reshape(shape),
    )


def greedy_outcomes(policy: Any, questions: Sequence[Question], seed: int) -> Bools:
    """Whether the policy's one attempt at temperature 0 is right. -> [Q]."""
    return np.array([bool(trace.correct) for trace in _solved(policy, Greedy(), 1, questions, seed)])


def verifier_scores(verifier: str, pool: Pool) -> Floats:
    """What a verifier gives the last step of each sample, 0 where there is nothing to score. -> [Q, n]."""
    judge = verifiers.load(f"embedded:{verifier}")
    kept = [_different(row) for row in pool.solutions]
    for row, solutions in enumerate(kept):
        judge.begin(Score(pool.questions[row], tuple(solutions.values())), row)
    values: list[dict[str, float]] = [{} for _ in kept]
    while not judge.idle:
        for row, scores in judge.advance():
            last = [steps[-1] if steps else 0.0 for steps in scores]
            values[row] = dict(zip(kept[row], last, strict=True))
    return _spread(pool, values)


def own_log_probabilities(verifier: str, pool: Pool) -> Floats | None:
    """The log-probability that a verifier's own language model gives each sample, None where it has none. -> [Q, n]."""
    from outlay.models.embedded import Engine, LogprobJob, Logprobs, load_weights, read_tokenizer
    from outlay.models.embedded.backend import Card

    folder = models.embedded_folder(verifier)
    if not (folder / "value_head.safetensors").is_file():
        return None
    tokenizer, end = read_tokenizer(folder), Card.load(folder).eos_token
    engine = Engine(load_weights(folder), slots=256)
    for row, (question, solutions) in enumerate(zip(pool.questions, pool.solutions, strict=True)):
        prompt = tokenizer.encode(question.text)
        for said, solution in _different(solutions).items():
            written = tokenizer.encode(solution.text + (f" {end}" if solution.finished else ""))
            engine.submit(LogprobJob((*prompt, *written), len(prompt), tag=(row, said)))
    values: list[dict[str, float]] = [{} for _ in pool.questions]
    while not engine.idle:
        for done in engine.step():
            assert isinstance(done, Logprobs)
            row, said = done.tag
            values[row][said] = sum(done.logprobs)
    return _spread(pool, values)


def own_language_model(verifier: str) -> Any:
    """The language model inside a self-channel verifier, as a policy; None where the verifier has none."""
    from outlay.models.embedded.backend import Card, EmbeddedModel
    from outlay.models.embedded.engine import Engine
    from outlay.models.embedded.tokenizer import read_tokenizer
    from outlay.models.embedded.weights import load_weights

    folder = models.embedded_folder(verifier)
    if not (folder / "value_head.safetensors").is_file():
        return None
    card = replace(Card.load(folder), role="policy")
    return EmbeddedModel(Engine(load_weights(folder), slots=128), read_tokenizer(folder), card, 128)


def _solved(policy: Any, strategy: Any, generations: int, questions: Sequence[Question], seed: int) -> list[Trace]:
    """The trace of every question, in order."""
    model = models.load(f"embedded:{policy}") if isinstance(policy, str) else policy
    driver = BatchingDriver(tasks.load(questions[0].task), model)
    units = (Unit(question, strategy, Budget(generations=generations), seed) for question in questions)
    traces = {trace.question.id: trace for trace in driver.solve(units)}
    return [traces[question.id] for question in questions]


def _different(solutions: Sequence[Solution]) -> dict[str, Solution]:
    """A question's solutions by what they say and how they end, each once."""
    return {_said(solution): solution for solution in solutions}


def _said(solution: Solution) -> str:
    return f"{solution.text}{'.' if solution.finished else ''}"


def _spread(pool: Pool, values: Sequence[dict[str, float]]) -> Floats:
    """The value of each sample [Q, n], from the values of what is said."""
    return np.array(
        [[known[_said(solution)] for solution in row] for known, row in zip(values, pool.solutions, strict=True)]
    )
