"""Training a policy: next-word loss on the solution words of demonstrations.

Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from outlay import tasks
from outlay.lab.fitting import equal_length_batches, fit
from outlay.lab.measure import PolicyFigures, policy_figures
from outlay.lab.network import Shape, Weights, final_states, initial_weights, logits, seeded
from outlay.lab.recipes import POSITIONS, SIZES, PolicyRecipe, StarRecipe
from outlay.lab.sampling import continuations
from outlay.lab.vocabulary import Vocabulary, vocabulary_of
from outlay.types import Question


def policy_shape(size: str, task: str) -> Shape:
    """The sizes of a family's policy of that size."""
    return Shape(vocabulary=len(vocabulary_of(task).words), positions=POSITIONS[task], **SIZES[size])


def train_policy(recipe: PolicyRecipe, seed: int, log: Callable[[str], None]) -> tuple[Weights, Shape]:
    """Fit a fresh policy to the recipe's demonstrations; the same seed gives all sizes of a family the same data."""
    vocabulary = vocabulary_of(recipe.task)
    prompts, rows = [], []
    for question, solution in tasks.load(recipe.task).demonstrations(recipe.demonstrations, seed):  # type: ignore[attr-defined]
        prompts.append(len(question.text.split()))
        rows.append(vocabulary.encode(question.text + solution))
    shape = policy_shape(recipe.size, recipe.task)
    weights = initial_weights(shape, seeded(seed + recipe.seed_offset))
    log(f"{recipe.name}: {sum(t.numel() for t in weights.values()):,} parameters, {asdict(recipe)}")
    fit_solutions(weights, shape, rows, prompts, recipe, seed + recipe.seed_offset, log)
    return weights, shape


def fit_solutions(
    weights: Weights,
    shape: Shape,
    rows: Sequence[Sequence[int]],
    prompts: Sequence[int],
    recipe: PolicyRecipe | StarRecipe,
    seed: int,
    log: Callable[[str], None],
) -> None:
    """Minimise in place the loss on the solutions of `rows`, each a prompt of `prompts[i]` tokens and its solution."""
    lengths = [len(row) for row in rows]
    padded = rectangle(rows)
    starts = torch.tensor(prompts)
    batches = equal_length_batches(lengths, recipe.tokens_per_step, np.random.default_rng(seed))

    def loss_of_step(_: int) -> Tensor:
        chosen = torch.as_tensor(next(batches))
        tokens = padded[chosen, : lengths[int(chosen[0])]].long()
        return solution_loss(weights, shape, tokens, starts[chosen])

    fit([(weights, recipe.learning_rate)], loss_of_step, recipe.steps, log)


def rectangle(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows of tokens as one tensor [rows, longest], filled up with zeros."""
    laid_out = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=np.int16)
    for index, row in enumerate(rows):
        laid_out[index, : len(row)] = row
    return torch.tensor(laid_out)


def solution_loss(weights: Weights, shape: Shape, tokens: Tensor, starts: Tensor) -> Tensor:
    """Mean next-word cross-entropy over the words from `starts` [B] on; tokens [B, T]."""
    states = final_states(weights, shape, tokens[:, :-1])
    wanted = torch.arange(1, tokens.shape[1])[None] >= starts[:, None]
    return functional.cross_entropy(logits(weights, states[wanted]), tokens[:, 1:][wanted])


def draw_solutions(
    weights: Weights,
    shape: Shape,
    vocabulary: Vocabulary,
    questions: Sequence[Question],
    count: int,
    limit: int,
    generator: torch.Generator,
    temperature: float = 1.0,
) -> list[list[list[int]]]:
    """`count` solutions of every question as token lists."""
    prompts = [vocabulary.encode(question.text) for question in questions]
    limits = [limit] * len(prompts)
    return continuations(weights, shape, prompts, count, vocabulary.end, limits, generator, temperature)


def is_right(task: tasks.Task, question: Question, vocabulary: Vocabulary, solution: Sequence[int]) -> bool:
    """Whether a solution's tokens end by themselves and in a right answer."""
    if not solution or solution[-1] != vocabulary.end:
        return False
    answer = task.extract(vocabulary.decode(solution[:-1]))
    return answer is not None and task.grade(question, answer)


def validate_policy(
    weights: Weights, shape: Shape, task_name: str, questions: int, samples: int, seed: int = 0
) -> PolicyFigures:
    """The policy's figures on validation questions."""
    task, vocabulary = tasks.load(task_name), vocabulary_of(task_name)
    asked = task.questions("validation", questions)
    generator = seeded(seed)

    def right(count: int, temperature: float) -> list[list[bool]]:
        drawn = draw_solutions(
            weights, shape, vocabulary, asked, count, task.max_solution_tokens, generator, temperature
        )
        return [
            [is_right(task, question, vocabulary, solution) for solution in solutions]
            for question, solutions in zip(asked, drawn, strict=True)
        ]

    return policy_figures(np.array(right(samples, 1.0)), np.array(right(1, 0.0))[:, 0])
