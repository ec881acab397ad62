"""Fine-tuning a policy on its own right solutions: what the questions are worth without any search.

One round of STaR (arXiv 2203.14465): draw solutions, keep the right ones, learn them. It stands beside test-time compute as what
else the same samples could have been spent on. Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

from collections.abc import Callable

from outlay import tasks
from outlay.lab.network import Shape, Weights, seeded
from outlay.lab.policy import draw_solutions, fit_solutions, is_right
from outlay.lab.recipes import StarRecipe
from outlay.lab.vocabulary import vocabulary_of


def train_star(
    base: Weights, shape: Shape, recipe: StarRecipe, seed: int, log: Callable[[str], None]
) -> tuple[Weights, int]:
    """The fine-tuned weights, and how many right solutions they learned from; the base is left as it is."""
    task, vocabulary = tasks.load(recipe.task), vocabulary_of(recipe.task)
    generator = seeded(seed)
    questions = task.questions(recipe.split, recipe.questions, seed)
    drawn = draw_solutions(base, shape, vocabulary, questions, recipe.samples, task.max_solution_tokens, generator)
    prompts, rows = [], []
    for question, solutions in zip(questions, drawn, strict=True):
        prompt = vocabulary.encode(question.text)
        for solution in dict.fromkeys(map(tuple, solutions)):
            if is_right(task, question, vocabulary, solution):
                prompts.append(len(prompt))
                rows.append([*prompt, *solution])
    log(f"{recipe.name}: {len(rows):,} different right solutions of {len(questions):,} questions")
    weights = {name: tensor.clone() for name, tensor in base.items()}
    fit_solutions(weights, shape, rows, prompts, recipe, seed, log)
    return weights, len(rows)
