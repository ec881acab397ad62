"""Which kinds of `steps.py` a model can do sometimes: `python studies/screen_steps.py llamacpp:smollm2 studies/steps`.

For each kind: the share of right answers by one sample, by majority, by the sample with the highest mean log-probability, and of
questions with a right one among the samples, with 95% intervals over questions. It is a search, on validation questions: what is
chosen by it is then measured with `--split test`.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import fmean

import numpy as np

from outlay import curves, models, tasks
from outlay.tasks import Task
from outlay.types import Question


@dataclass(frozen=True)
class Drawn:
    """Samples, each [Q, N]: whether they are right, their answers by number (-1: none), their mean log-probability."""

    right: np.ndarray
    answers: np.ndarray
    scores: np.ndarray


async def drawn(model: models.Model, task: Task, asked: list[Question], samples: int, temperature: float) -> Drawn:
    """The samples of every question."""
    found = await asyncio.gather(
        *(
            model.sample(
                question.text,
                n=samples,
                max_tokens=task.max_solution_tokens,
                temperature=temperature,
                stop=(),
                seed=1000 * number,
            )
            for number, question in enumerate(asked)
        )
    )
    right, answers, scores = [], [], []
    for question, several in zip(asked, found, strict=True):
        stated = [task.extract(one.text) if one.finish_reason == "end" else None for one in several]
        classes = {
            answer: number for number, answer in enumerate(dict.fromkeys(one for one in stated if one is not None))
        }
        right.append([answer is not None and task.grade(question, answer) for answer in stated])
        answers.append([-1 if answer is None else classes[answer] for answer in stated])
        scores.append([fmean(one.logprobs) if one.logprobs else -inf for one in several])
    return Drawn(np.array(right), np.array(answers), np.array(scores))


async def screen(given: argparse.Namespace) -> None:
    """Print a row a kind."""
    model = models.load(f"{given.model}?template=none&context=512&end=Question:")
    print(f"{given.split} questions, temperature {given.temperature:g}, N = {given.samples}\n")
    print("| kind | questions | one sample | majority of N | most confident of N | any of N | an example |")
    print("|---|---|---|---|---|---|---|")
    for kind in given.kinds or sorted(path.stem for path in given.folder.glob("*.yaml")):
        task = tasks.load(f"jsonl:{given.folder / kind}.yaml")
        asked = task.questions(given.split, given.questions)
        found = await drawn(model, task, asked, given.samples, given.temperature)
        last = [1, given.samples]
        shares = [
            curves.pass_at_k(found.right, last)[:, :1],
            curves.majority_at_k(found.right, found.answers, last)[:, 1:],
            curves.best_of_k(found.right, found.scores, last)[:, 1:],
            curves.pass_at_k(found.right, last)[:, 1:],
        ]
        told = " | ".join(in_words(curves.interval(share)) for share in shares)
        (example,) = await model.sample(
            asked[0].text, n=1, max_tokens=task.max_solution_tokens, temperature=0.0, stop=(), seed=0
        )
        shown = f"{asked[0].text.rpartition('Question: ')[2].strip()} -> {example.text.strip()}"
        print(f"| {kind} | {given.questions} | {told} | {' '.join(shown.split())[:160]} |", flush=True)


def in_words(share: curves.Interval) -> str:
    """A share with its interval."""
    return f"{share.mean[0]:.2f} ({share.low[0]:.2f} to {share.high[0]:.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kinds", nargs="*", default=[])
    parser.add_argument("--split", default="validation")
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--temperature", type=float, default=0.7)
    given = parser.parse_args()
    asyncio.run(screen(given))
