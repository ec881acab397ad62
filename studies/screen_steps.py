"""Which kinds of `steps.py` a model can do sometimes: `python studies/screen_steps.py llamacpp:smollm2 studies/steps`.

For each kind, on validation questions: the share of right samples (pass@1) with a 95% interval over questions, and of questions
with a right one among the samples. It is a search: what is chosen by it has to be measured on the test questions.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import numpy as np

from outlay import curves, models, tasks
from outlay.tasks import Task
from outlay.types import Question


async def rights(
    model: models.Model, task: Task, asked: list[Question], samples: int, temperature: float
) -> np.ndarray:
    """Which samples are right, bool [Q, samples]; temperature 0 draws one."""

    async def one(number: int, question: Question) -> list[bool]:
        drawn = await model.sample(
            question.text,
            n=samples,
            max_tokens=task.max_solution_tokens,
            temperature=temperature,
            stop=(),
            seed=1000 * number,
        )
        answers = [task.extract(found.text) if found.finish_reason == "end" else None for found in drawn]
        return [answer is not None and task.grade(question, answer) for answer in answers]

    return np.array(await asyncio.gather(*(one(number, question) for number, question in enumerate(asked))))


async def screen(
    address: str, folder: Path, kinds: list[str], questions: int, samples: int, temperature: float
) -> None:
    """Print a row a kind."""
    model = models.load(f"{address}?template=none&context=512&end=Question:")
    print(
        f"| kind | questions | pass@1 at temperature {temperature:g} | right among {samples} | an example |\n|---|---|---|---|---|"
    )
    for kind in kinds or sorted(path.stem for path in folder.glob("*.yaml")):
        task = tasks.load(f"jsonl:{folder / kind}.yaml")
        asked = task.questions("validation", questions)
        right = await rights(model, task, asked, samples, temperature)
        found = curves.interval(curves.pass_at_k(right, [1, samples]))
        (example,) = await model.sample(
            asked[0].text, n=1, max_tokens=task.max_solution_tokens, temperature=0.0, stop=(), seed=0
        )
        shown = f"{asked[0].text.rpartition('Question: ')[2].strip()} -> {example.text.strip()}"
        print(
            f"| {kind} | {questions} | {found.mean[0]:.2f} ({found.low[0]:.2f} to {found.high[0]:.2f}) | {found.mean[1]:.2f} | "
            f"{' '.join(shown.split())[:160]} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kinds", nargs="*", default=[])
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--temperature", type=float, default=0.7)
    given = parser.parse_args()
    asyncio.run(screen(given.model, given.folder, given.kinds, given.questions, given.samples, given.temperature))
