"""Training process reward models from labelled solutions, and measuring whether they verify.

The plain head learns by binary cross-entropy at step ends. The self-channel head learns by binary cross-entropy at every
token of a step (with that step's label), a Bradley-Terry term between solutions of one question at the same step, and
next-word loss on solutions whose final answer is right. Labels come from rollouts and final answers only.

Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from outlay.lab.fitting import equal_length_batches, fit
from outlay.lab.heads import (
    initial_linear_head,
    initial_self_channel_head,
    linear_head_scores,
    self_channel_scores,
)
from outlay.lab.labels import LabelledSolution
from outlay.lab.measure import VerifierFigures, by_question, verifier_figures
from outlay.lab.network import Shape, Weights, final_states, logits, seeded
from outlay.lab.recipes import OutcomeVerifierRecipe, VerifierRecipe

EARLY_TOKEN_WEIGHT = 0.2
"""Weight of a step's tokens before its result, which say little yet; its last two tokens weigh 1."""


@dataclass(frozen=True)
class Table:
    """Labelled solutions as rectangles [rows, longest]: tokens, step labels and their weights spread over tokens.

    `label` and `step` hold, at every token of a solution, its step's label and ordinal; `weight` is 0 outside solutions.
    `at_end` marks step ends.
    """

    tokens: Tensor
    label: Tensor
    step: Tensor
    weight: Tensor
    at_end: Tensor
    correct: Tensor
    prompt_length: Tensor
    lengths: NDArray[np.int64]

    @staticmethod
    def of(solutions: Sequence[LabelledSolution]) -> Table:
        """Lay solutions out."""
        size = (len(solutions), max(len(item.tokens) for item in solutions))
        tokens = np.zeros(size, dtype=np.int16)
        label, weight = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.float32)
        step, at_end = np.zeros(size, dtype=np.int8), np.zeros(size, dtype=np.bool_)
        for row, item in enumerate(solutions):
            tokens[row, : len(item.tokens)] = item.tokens
            start = item.prompt_length
            for ordinal, (end, value) in enumerate(zip(item.step_ends, item.labels, strict=True)):
                label[row, start : end + 1] = value
                step[row, start : end + 1] = ordinal
                weight[row, start : end + 1] = EARLY_TOKEN_WEIGHT
                weight[row, max(start, end - 1) : end + 1] = 1.0
                start = end + 1
            at_end[row, list(item.step_ends)] = True
        return Table(
            tokens=torch.tensor(tokens),
            label=torch.tensor(label),
            step=torch.tensor(step),
            weight=torch.tensor(weight),
            at_end=torch.tensor(at_end),
            correct=torch.tensor([item.correct for item in solutions]),
            prompt_length=torch.tensor([item.prompt_length for item in solutions]),
            lengths=np.array([len(item.tokens) for item in solutions]),
        )


def train_linear_head(
    policy: Weights,
    shape: Shape,
    solutions: Sequence[LabelledSolution],
    recipe: VerifierRecipe | OutcomeVerifierRecipe,
    seed: int,
    log: Callable[[str], None],
    after: Callable[[int, Weights], None] = lambda step, weights: None,
) -> Weights:
    """A plain PRM: the policy's Llama, all of it fine-tuned, and a fresh linear head."""
    generator = seeded(seed)
    weights = {name: tensor.clone() for name, tensor in policy.items() if name != "lm_head.weight"}
    weights |= initial_linear_head(shape, generator)
    table = Table.of(solutions)
    batches = equal_length_batches(table.lengths.tolist(), recipe.batch, np.random.default_rng(seed))

    def loss_of_step(_: int) -> Tensor:
        drawn = next(batches)
        length, rows = int(table.lengths[drawn[0]]), torch.as_tensor(drawn)
        tokens, at_end = table.tokens[rows, :length].long(), table.at_end[rows, :length]
        scores = linear_head_scores(weights, shape, tokens)
        return functional.binary_cross_entropy_with_logits(scores[at_end], table.label[rows, :length][at_end])

    fit([(weights, recipe.learning_rate)], loss_of_step, recipe.steps, log, lambda step: after(step, weights))
    return weights


def train_self_channel_head(
    policy: Weights,
    shape: Shape,
    solutions: Sequence[LabelledSolution],
    recipe: VerifierRecipe | OutcomeVerifierRecipe,
    seed: int,
    log: Callable[[str], None],
    after: Callable[[int, Weights, Weights], None] = lambda step, weights, head: None,
) -> tuple[Weights, Weights]:
    """A self-channel PRM or ORM: the policy's Llama, all of it fine-tuned, and its head. A step reads whole questions."""
    weights = {name: tensor.clone() for name, tensor in policy.items()}
    head = initial_self_channel_head(shape, seeded(seed))
    table = Table.of(solutions)
    groups = _whole_groups([item.group for item in solutions], recipe.solutions)
    longest = table.lengths[groups].max(1)
    per_step = recipe.batch // recipe.solutions
    batches = equal_length_batches(longest.tolist(), recipe.batch, np.random.default_rng(seed), rows=per_step)

    def loss_of_step(_: int) -> Tensor:
        drawn = groups[next(batches)].ravel()
        length, rows = int(table.lengths[drawn].max()), torch.as_tensor(drawn)
        tokens, weight = table.tokens[rows, :length].long(), table.weight[rows, :length]
        label, step, at_end = table.label[rows, :length], table.step[rows, :length], table.at_end[rows, :length]
        scores, read = self_channel_scores(weights, head, shape, tokens)
        every = functional.binary_cross_entropy_with_logits(scores, label, reduction="none")
        loss = (every * weight).sum() / weight.sum()
        if recipe.ranking_weight:
            loss = loss + recipe.ranking_weight * _ranking_loss(scores, label, step, at_end, recipe.solutions)
        if recipe.language_weight:
            wanted = (weight[:, 1:] > 0) & table.correct[rows][:, None]
            loss = loss - recipe.language_weight * (read * wanted).sum() / wanted.sum().clamp_min(1)
        return loss

    fit(
        [(head, recipe.head_learning_rate), (weights, recipe.learning_rate)],
        loss_of_step,
        recipe.steps,
        log,
        lambda step: after(step, weights, head),
    )
    return weights, head


def _ranking_loss(scores: Tensor, label: Tensor, step: Tensor, at_end: Tensor, solutions: int) -> Tensor:
    """Bradley-Terry loss between solutions of one question at ends of the same step, weighted by the labels' difference."""
    steps = int(step.max()) + 1
    by_step = torch.zeros(scores.shape[0], steps)
    values, known = by_step.clone(), by_step.clone()
    row, position = at_end.nonzero(as_tuple=True)
    ordinal = step[row, position].long()
    by_step = by_step.index_put((row, ordinal), scores[row, position])
    values[row, ordinal] = label[row, position]
    known[row, ordinal] = 1.0
    by_step, values, known = (item.view(-1, solutions, steps) for item in (by_step, values, known))
    ahead = (values[:, :, None] - values[:, None]).clamp_min(0) * known[:, :, None] * known[:, None]
    return (functional.softplus(by_step[:, None] - by_step[:, :, None]) * ahead).sum() / (ahead.sum() + 1e-6)


def _whole_groups(groups: Sequence[int], size: int) -> NDArray[np.int64]:
    """Row numbers [questions, size] of the questions that kept all their solutions."""
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    return np.array([rows for rows in members.values() if len(rows) == size])


def last_step_scores(
    score: Callable[[Tensor], Tensor], solutions: Sequence[LabelledSolution], rows_at_once: int = 1024
) -> NDArray[np.float64]:
    """The score of each solution's last step, from a function of tokens [B, T] to scores [B, T]. -> [rows]."""
    result = np.zeros(len(solutions))
    lengths = np.array([len(item.tokens) for item in solutions])
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for start in range(0, len(rows), rows_at_once):
            chosen = rows[start : start + rows_at_once]
            tokens = torch.tensor([solutions[row].tokens for row in chosen])
            with torch.no_grad():
                result[chosen] = score(tokens)[:, -1].cpu().numpy()
    return result


def solution_log_probabilities(
    weights: Weights, shape: Shape, solutions: Sequence[LabelledSolution]
) -> NDArray[np.float64]:
    """The summed log-probability that a language model gives each solution: the free baseline of any verifier."""
    prompts = {item.tokens: item.prompt_length for item in solutions}

    def score(tokens: Tensor) -> Tensor:
        predicted = torch.log_softmax(logits(weights, final_states(weights, shape, tokens[:, :-1])), -1)
        read = predicted.gather(2, tokens[:, 1:, None]).squeeze(-1)
        starts = torch.tensor([prompts[tuple(row)] for row in tokens.tolist()])
        inside = torch.arange(1, tokens.shape[1])[None] >= starts[:, None]
        return (read * inside).sum(1, keepdim=True)

    return last_step_scores(score, solutions)


def judged(scores: NDArray[np.float64], solutions: Sequence[LabelledSolution]) -> VerifierFigures:
    """The figures of scores [rows] of solutions."""
    groups = [item.group for item in solutions]
    correct, valid = by_question(np.array([item.correct for item in solutions]), groups)
    rectangle, _ = by_question(scores, groups)
    return verifier_figures(rectangle, correct, valid)
