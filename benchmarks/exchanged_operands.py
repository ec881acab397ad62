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
from outlay.tasks.arithmetic import Arithmetic, _written, form_of, read_expression, taught_forms
from outlay.tasks.task import Split, distinct, drawn
from outlay.types import Question

MODEL = "arithmetic-small"
QUESTIONS, SAMPLES = 1000, 8


def main() -> None:
    """Print how many questions were taught, and the shares of right samples."""
    taught = set(taught_forms())
    for split, count in (("validation", 400), ("test", 1000)):
        forms = [form_of(read_expression(question.text)) for question in chosen_by_text(Arithmetic(), split, count)]
        print(f"{sum(form in taught for form in forms)} of {count} {split} questions chosen by text were taught")
    sizes: dict[int, list[bool]] = {}
    for question in chosen_by_text(Arithmetic(), "test", 10_000):
        sizes.setdefault(question.metadata["steps"], []).append(form_of(read_expression(question.text)) in taught)
    for size, found in sorted(sizes.items()):
        print(f"{size} operations: {np.mean(found):.1%} of {len(found)} were taught")
    print(f"what was read is worth, to {MODEL}:")
    compare()


def compare() -> None:
    """Print the shares of right samples of what the model read and of what it did not."""
    task, recipe = Arithmetic(), next(recipe for recipe in POLICIES if recipe.name == MODEL)
    texts = (question for question, _ in task.demonstrations(recipe.demonstrations))
    read = {form_of(read_expression(question.text)) for question in texts}
    asked = chosen_by_text(Arithmetic(max_steps=3), "test", QUESTIONS)
    right = drawn_pool(MODEL, asked, SAMPLES, 0).correct.mean(axis=1)
    known = np.array([form_of(read_expression(question.text)) in read for question in asked])
    steps = np.array([question.metadata["steps"] for question in asked])
    counts = Counter(zip(steps.tolist(), known.tolist(), strict=True))
    for (size, seen), count in sorted(counts.items()):
        found = figure(right[(steps == size) & (known == seen)])
        told = "read with operands exchanged" if seen else "not read"
        print(f"{size} operations, {told}: {found.mean:.1%} [{found.low:.1%}, {found.high:.1%}] of {count} questions")


def chosen_by_text(task: Arithmetic, split: Split, count: int) -> list[Question]:
    """Different questions whose text, and nothing else, belongs to the split."""
    items = drawn(task._draw, _written, task.name, split, 0)
    return [task._question(item, split) for item in distinct(items, _written, count, task.name)]


if __name__ == "__main__":
    main()
