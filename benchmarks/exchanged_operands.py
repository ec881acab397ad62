"""What it is worth to have read a question with its operands exchanged: `python benchmarks/exchanged_operands.py`.

Draws arithmetic questions of two and three operations by the hash of their text, which is how test questions were chosen before
taught ones were passed over (docs/decisions/0011), and compares `arithmetic-small` on those whose form is among its
100,000 demonstrations with the others of the same size. Takes a minute of CPU.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from outlay.lab.measure import figure
from outlay.lab.pools import drawn_pool
from outlay.lab.recipes import POLICIES
from outlay.tasks.arithmetic import Arithmetic, _written, form_of, read_expression
from outlay.tasks.task import distinct, drawn
from outlay.types import Question

MODEL = "arithmetic-small"
QUESTIONS, SAMPLES = 1000, 8


def main() -> None:
    """Print the shares of right samples."""
    task, recipe = Arithmetic(), next(recipe for recipe in POLICIES if recipe.name == MODEL)
    texts = (question for question, _ in task.demonstrations(recipe.demonstrations))
    read = {form_of(read_expression(question.text)) for question in texts}
    asked = chosen_by_text(Arithmetic(max_steps=3))
    right = drawn_pool(MODEL, asked, SAMPLES, 0).correct.mean(axis=1)
    known = np.array([form_of(read_expression(question.text)) in read for question in asked])
    steps = np.array([question.metadata["steps"] for question in asked])
    counts = Counter(zip(steps.tolist(), known.tolist(), strict=True))
    for (size, seen), count in sorted(counts.items()):
        found = figure(right[(steps == size) & (known == seen)])
        told = "read with operands exchanged" if seen else "not read"
        print(f"{size} operations, {told}: {found.mean:.1%} [{found.low:.1%}, {found.high:.1%}] of {count} questions")


def chosen_by_text(task: Arithmetic) -> list[Question]:
    """Different questions whose text, and nothing else, belongs to the test split."""
    items = drawn(task._draw, _written, task.name, "test", 0)
    return [task._question(item, "test") for item in distinct(items, _written, QUESTIONS, task.name)]


if __name__ == "__main__":
    main()
