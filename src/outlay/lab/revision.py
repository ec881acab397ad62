"""Training a model to revise: chains of its own earlier attempts, wrong ones, before an own right one.

After Snell et al. (arXiv 2408.03314, section 6.1): draw solutions in parallel; for a right one put k ~ Uniform{0..4} wrong ones
of the same question before it, the last of them the one nearest to it by edit distance; learn the right one alone (loss on
the target only). The checkpoint is chosen by on-policy accuracy: the model revises its own attempts on validation questions,
since the loss on offline chains says little about that. Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from outlay.lab.fitting import equal_length_batches, fit
from outlay.lab.labels import LabelledSolution
from outlay.lab.network import Shape, Weights
from outlay.lab.policy import draw_solutions, is_right, rectangle, solution_loss
from outlay.lab.recipes import RevisionRecipe
from outlay.lab.sampling import continuations
from outlay.lab.vocabulary import Vocabulary
from outlay.models.embedded.revising import revision_prompt
from outlay.tasks import Task
from outlay.types import Question

RUNNING_SHARE = 0.05
"""Weight of the newest step in the losses that are logged."""

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """One training example: `attempts` wrong attempts, the question and the right target as tokens; where the target starts."""

    tokens: Tokens
    target_start: int
    attempts: int


@dataclass(frozen=True)
class Revised:
    """Chains of attempts on Q questions: the tokens of each attempt, and whether it is right [Q, C, P]."""

    attempts: tuple[tuple[tuple[Tokens, ...], ...], ...]
    correct: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was seen after `step` steps: running losses without and with attempts in view, accuracy at each position."""

    step: int
    loss_without_attempts: float
    loss_with_attempts: float
    position_accuracy: tuple[float, ...]

    @property
    def revised_accuracy(self) -> float:
        """The mean accuracy of all attempts after the first."""
        return float(np.mean(self.position_accuracy[1:]))


def training_chains(
    base: Weights,
    shape: Shape,
    task: Task,
    vocabulary: Vocabulary,
    questions: Sequence[Question],
    recipe: RevisionRecipe,
    generator: torch.Generator,
) -> list[Chain]:
    """Chains from the base model's own samples; a question without a right sample gives none."""
    limit = task.max_solution_tokens
    drawn = draw_solutions(base, shape, vocabulary, questions, recipe.samples, limit, generator)
    choice = np.random.default_rng(generator.initial_seed())
    chains: list[Chain] = []
    for question, solutions in zip(questions, drawn, strict=True):
        right: list[Tokens] = []
        wrong: list[Tokens] = []
        for solution in map(tuple, solutions):
            (right if is_right(task, question, vocabulary, solution) else wrong).append(solution)
        prompt = vocabulary.encode(question.text)
        for _ in range(recipe.chains if right else 0):
            target = right[choice.integers(len(right))]
            attempts = wrong_attempts(wrong, target, int(choice.integers(recipe.context + 1)), choice)
            before = revision_prompt(attempts, prompt, vocabulary.end)
            chains.append(Chain((*before, *target), len(before), len(attempts)))
    return chains


def wrong_attempts(wrong: Sequence[Tokens], target: Tokens, count: int, generator: np.random.Generator) -> list[Tokens]:
    """`count` of the wrong attempts (all where there are fewer) in random order, but the nearest to the target last."""
    count = min(count, len(wrong))
    if not count:
        return []
    distance = [edit_distance(attempt, target) for attempt in wrong]
    order = generator.permutation(len(wrong)).tolist()
    nearest = min(order, key=distance.__getitem__)
    others = [index for index in order if index != nearest]
    return [wrong[index] for index in (*others[: count - 1], nearest)]


def edit_distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Insertions, deletions and replacements that turn one into the other (Levenshtein).

    >>> edit_distance((1, 2, 3), (2, 3, 4))
    2
    """
    above = list(range(len(b) + 1))
    for row, left in enumerate(a, 1):
        current = [row]
        for column, right in enumerate(b, 1):
            current.append(min(above[column] + 1, current[-1] + 1, above[column - 1] + (left != right)))
        above = current
    return above[-1]


def revise(
    weights: Weights,
    shape: Shape,
    task: Task,
    vocabulary: Vocabulary,
    questions: Sequence[Question],
    chains: int,
    length: int,
    context: int,
    generator: torch.Generator,
) -> Revised:
    """The model's own chains: every attempt is drawn with the newest `context` attempts of its chain in view."""
    asked = [question for question in questions for _ in range(chains)]
    prompts = [vocabulary.encode(question.text) for question in asked]
    written: list[list[Tokens]] = [[] for _ in asked]
    right = np.zeros((len(asked), length), dtype=np.bool_)
    for position in range(length):
        seen = [
            revision_prompt(attempts[-context:] if context else (), prompt, vocabulary.end)
            for attempts, prompt in zip(written, prompts, strict=True)
        ]
        limits = [task.max_solution_tokens] * len(seen)
        for row, ((solution,), question) in enumerate(
            zip(continuations(weights, shape, seen, 1, vocabulary.end, limits, generator), asked, strict=True)
        ):
            written[row].append(tuple(solution))
            right[row, position] = is_right(task, question, vocabulary, solution)
    by_question = tuple(
        tuple(tuple(attempts) for attempts in written[start : start + chains])
        for start in range(0, len(written), chains)
    )
    return Revised(by_question, right.reshape(len(questions), chains, length))


def train_reviser(
    base: Weights,
    shape: Shape,
    chains: Sequence[Chain],
    recipe: RevisionRecipe,
    seed: int,
    log: Callable[[str], None],
    validate: Callable[[Weights], Sequence[float]],
) -> tuple[Weights, list[Checkpoint]]:
    """The base fine-tuned on chains: the weights of the checkpoint that revises best, and what every checkpoint showed.

    A step reads one batch for every number of attempts, of about as many chains each, so that all always weigh the same.
    `validate` gives the on-policy accuracy at each position; the checkpoint whose later attempts are best is kept.
    """
    weights = {name: tensor.clone() for name, tensor in base.items()}
    pools = [_Pool.of([chain for chain in chains if chain.attempts == count]) for count in range(recipe.context + 1)]
    random = np.random.default_rng(seed)
    typical = [float(np.mean(pool.lengths)) for pool in pools]
    batches = [
        equal_length_batches(pool.lengths, int(recipe.tokens_per_step * length / sum(typical)), random)
        for pool, length in zip(pools, typical, strict=True)
    ]
    running = [float("nan")] * len(pools)
    history: list[Checkpoint] = []
    best = dict(weights)

    def loss_of_step(_: int) -> Tensor:
        losses = []
        for pool, drawn in zip(pools, map(next, batches), strict=True):
            rows = torch.as_tensor(drawn)
            tokens = pool.tokens[rows, : pool.lengths[int(rows[0])]].long()
            losses.append(solution_loss(weights, shape, tokens, pool.starts[rows]))
        for count, loss in enumerate(losses):
            before = loss.item() if np.isnan(running[count]) else running[count]
            running[count] = before + RUNNING_SHARE * (loss.item() - before)
        return torch.stack(losses).mean()

    def after(step: int) -> None:
        nonlocal best
        if step % recipe.report_every and step != recipe.steps:
            return
        accuracy = tuple(round(float(share), 4) for share in validate(weights))
        seen = Checkpoint(step, round(running[0], 4), round(float(np.mean(running[1:])), 4), accuracy)
        if all(seen.revised_accuracy > earlier.revised_accuracy for earlier in history):
            best = {name: tensor.detach().clone() for name, tensor in weights.items()}
        history.append(seen)
        log(
            f"{recipe.name}: step {step}, loss {seen.loss_without_attempts} without attempts, "
            f"{seen.loss_with_attempts} with, right at each position {' '.join(f'{share:.2f}' for share in accuracy)}"
        )

    fit([(weights, recipe.learning_rate)], loss_of_step, recipe.steps, log, after)
    return best, history


def judged_attempts(
    revised: Revised, questions: Sequence[Question], vocabulary: Vocabulary, context: int = 0
) -> list[LabelledSolution]:
    """The attempts of a reviser, each with its outcome as the one label of its one step: what an ORM learns from.

    The newest `context` attempts that an attempt revises stand before the question.
    """
    labelled = []
    for group, (question, chains) in enumerate(zip(questions, revised.attempts, strict=True)):
        prompt = vocabulary.encode(question.text)
        for chain, attempts in enumerate(chains):
            for position, attempt in enumerate(attempts):
                if attempt[-1] != vocabulary.end:
                    continue
                right = bool(revised.correct[group, chain, position])
                seen = attempts[max(0, position - context) : position]
                before = revision_prompt(seen, prompt, vocabulary.end)
                tokens = (*before, *attempt)
                labelled.append(
                    LabelledSolution(tokens, len(before), (len(tokens) - 1,), (float(right),), right, group)
                )
    return labelled


@dataclass(frozen=True)
class _Pool:
    """Chains laid out as a rectangle [rows, longest], with their lengths and where their targets start."""

    tokens: Tensor
    lengths: list[int]
    starts: Tensor

    @staticmethod
    def of(chains: Sequence[Chain]) -> _Pool:
        lengths = [len(chain.tokens) for chain in chains]
        tokens = rectangle([chain.tokens for chain in chains])
        return _Pool(tokens, lengths, torch.tensor([chain.target_start for chain in chains]))
