"""Step labels without human labels: a policy's own solutions, and how often it ends right from each step on.

As in Math-Shepherd (arXiv 2312.08935) and Snell et al. (arXiv 2408.03314, section 5.1): draw solutions, drop those
without an answer, draw rollouts from the end of every step, and take the share that ends right as the step's label; the
last step's label is the solution's own outcome. Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from outlay.lab.network import Shape, Weights
from outlay.lab.policy import draw_solutions, is_right
from outlay.lab.sampling import continuations
from outlay.lab.vocabulary import Vocabulary
from outlay.tasks import Task
from outlay.types import Question


@dataclass(frozen=True, slots=True)
class LabelledSolution:
    """One solution as tokens, prompt first: where its steps end, and the label of each.

    `step_ends` are positions in `tokens`; `labels` lie in [0, 1]; `group` numbers the question.
    """

    tokens: tuple[int, ...]
    prompt_length: int
    step_ends: tuple[int, ...]
    labels: tuple[float, ...]
    correct: bool
    group: int


def label_solutions(
    weights: Weights,
    shape: Shape,
    task: Task,
    vocabulary: Vocabulary,
    questions: Sequence[Question],
    solutions: int,
    rollouts: int,
    generator: torch.Generator,
) -> list[LabelledSolution]:
    """`solutions` labelled attempts a question; with `rollouts=0` every step's label is the solution's own outcome."""
    limit = task.max_solution_tokens
    drawn = draw_solutions(weights, shape, vocabulary, questions, solutions, limit, generator)
    kept = [
        (group, tuple(solution))
        for group, (question, attempts) in enumerate(zip(questions, drawn, strict=True))
        for solution in attempts
        if _has_answer(task, vocabulary, solution)
    ]
    right = {
        (group, solution): is_right(task, questions[group], vocabulary, solution)
        for group, solution in dict.fromkeys(kept)
    }
    values: dict[tuple[int, tuple[int, ...]], float] = {}
    if rollouts:
        prefixes = list(
            dict.fromkeys(
                (group, solution[: end + 1])
                for group, solution in kept
                for end in _step_ends(vocabulary, solution)[:-1]
            )
        )
        values = _rollout_values(weights, shape, task, vocabulary, questions, prefixes, rollouts, generator)
    labelled = []
    for group, solution in kept:
        prompt = vocabulary.encode(questions[group].text)
        ends = _step_ends(vocabulary, solution)
        outcome = right[group, solution]
        labels = [values.get((group, solution[: end + 1]), float(outcome)) for end in ends[:-1]] + [float(outcome)]
        labelled.append(
            LabelledSolution(
                tokens=(*prompt, *solution),
                prompt_length=len(prompt),
                step_ends=tuple(len(prompt) + end for end in ends),
                labels=tuple(labels),
                correct=outcome,
                group=group,
            )
        )
    return labelled


def _rollout_values(
    weights: Weights,
    shape: Shape,
    task: Task,
    vocabulary: Vocabulary,
    questions: Sequence[Question],
    prefixes: Sequence[tuple[int, tuple[int, ...]]],
    rollouts: int,
    generator: torch.Generator,
) -> dict[tuple[int, tuple[int, ...]], float]:
    """The share of rollouts from each (question, solution so far) that ends right."""
    prompts = [(*vocabulary.encode(questions[group].text), *prefix) for group, prefix in prefixes]
    limits = [max(1, task.max_solution_tokens - len(prefix)) for _, prefix in prefixes]
    endings = continuations(weights, shape, prompts, rollouts, vocabulary.end, limits, generator)
    values = {}
    for (group, prefix), several in zip(prefixes, endings, strict=True):
        judged = [is_right(task, questions[group], vocabulary, (*prefix, *ending)) for ending in several]
        values[group, prefix] = sum(judged) / rollouts
    return values


def _step_ends(vocabulary: Vocabulary, solution: Sequence[int]) -> list[int]:
    return [index for index, token in enumerate(solution) if token in (vocabulary.step_end, vocabulary.end)]


def _has_answer(task: Task, vocabulary: Vocabulary, solution: Sequence[int]) -> bool:
    return (
        bool(solution) and solution[-1] == vocabulary.end and task.extract(vocabulary.decode(solution[:-1])) is not None
    )
