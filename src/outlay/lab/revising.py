"""Whether a shipped reviser revises, measured on test questions with the embedded engine: part of `outlay lab check`.

Chains are run by the product's own strategy, `Revisions`. Beside them stands what could explain a gain without any revising:
the same model without a draft, with another question's draft, and the same number of parallel samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from outlay import models, verifiers
from outlay.curves import pass_at_k
from outlay.drive.batching import BatchingDriver
from outlay.drive.running import key
from outlay.drive.serving import Unit
from outlay.lab.chains import chain_figures, chosen_from, numbered, paired, ratio_figures
from outlay.lab.measure import Bools, Floats, Integers, figure, verifier_figures
from outlay.strategies import Revisions
from outlay.tasks import Task
from outlay.types import Budget, Question, Sample, Solution

POSITIONS = 8
"""Attempts in the chains whose positions are compared."""
CHAINS = 4
"""Such chains a question."""
BUDGETS = (4, 16)
"""N, in attempts, that is split between chains in every ratio 1:N to N:1."""
SPLIT_QUESTIONS = 500
"""Questions on which the splits are compared, at most: the first ones."""
DRAFT_SAMPLES = 4
"""Attempts drawn after each draft of the controls."""
COVERED = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Chains [Q, C, P] of a strategy: which attempts are right, and their answers as numbers.

    `attempts` [Q, C x P] are the attempts chain by chain, `log_probability` [Q, C x P] what the model gave each
    as it wrote it (with the attempts before it in view), `choice` [Q] whether the strategy's choice was right.
    """

    attempts: tuple[tuple[Solution, ...], ...]
    correct: Bools
    answers: Integers
    log_probability: Floats
    choice: Floats


def check_reviser(
    model: str, judges: Mapping[str, str], task: Task, questions: Sequence[Question], parallel: Bools, seed: int
) -> dict[str, Any]:
    """All figures of revising; `parallel` [Q, n] are independent samples of the same model without a draft.

    `judges` are the verifiers that choose from chains, by the names that their choices have in the figures.
    """
    difficulty, few = parallel.mean(axis=1), questions[:SPLIT_QUESTIONS]
    long = drawn_chains(model, None, task, questions, CHAINS, CHAINS * POSITIONS, seed)
    in_chain = [long.correct[:, :, :length].any(axis=2).mean(axis=1) for length in COVERED]
    covered = [length for length in COVERED if length <= parallel.shape[1]]
    in_parallel = pass_at_k(parallel, covered).T
    return {
        **asdict(chain_figures(long.correct, long.answers, difficulty)),
        "controls": {
            name: asdict(found) for name, found in drafts_compared(model, task, questions, long, seed).items()
        },
        "any_right": {
            "n": covered,
            "chain": [asdict(figure(values)) for values, _ in zip(in_chain, covered, strict=False)],
            "parallel": [asdict(figure(values)) for values in in_parallel],
        },
        "ratios": {
            str(budget): split_compared(model, judges, task, few, budget, difficulty[: len(few)], seed)
            for budget in BUDGETS
        },
    }


def drawn_chains(
    model: str, verifier: str | None, task: Task, questions: Sequence[Question], chains: int, budget: int, seed: int
) -> Drawn:
    """`budget` attempts a question in `chains` chains of equal length; the choice is the verifier's where one is named."""
    driver = BatchingDriver(
        task,
        models.load(f"embedded:{model}"),
        verifiers.load(f"embedded:{verifier}") if verifier else None,
    )
    strategy = Revisions(chains=chains, selection="verifier" if verifier else "majority")
    units = (Unit(question, strategy, Budget(generations=budget), seed) for question in questions)
    traces = {trace.question.id: trace for trace in driver.solve(units)}
    shape = (len(questions), chains, budget // chains)
    rows = [traces[question.id] for question in questions]
    ordered = [
        sorted(
            zip(trace.solutions, trace.solution_correct, strict=True),
            key=lambda pair: (pair[0].chain, pair[0].position),
        )
        for trace in rows
    ]
    return Drawn(
        attempts=tuple(tuple(solution for solution, _ in row) for row in ordered),
        correct=np.array([[bool(right) for _, right in row] for row in ordered]).reshape(shape),
        answers=numbered([[solution.answer for solution, _ in row] for row in ordered]).reshape(shape),
        log_probability=np.array([[solution.logprob for solution, _ in row] for row in ordered]),
        choice=np.array([float(bool(trace.correct)) for trace in rows]),
    )


def check_outcome_verifier(
    verifier: str, reviser: str, task: Task, questions: Sequence[Question], seed: int
) -> dict[str, Any]:
    """Whether a verifier of attempts verifies, on the reviser's own chains, beside the reviser's log-probability of each."""
    drawn = drawn_chains(reviser, verifier, task, questions, CHAINS, CHAINS * CHAINS, seed)
    correct = drawn.correct.reshape(len(questions), -1)
    valid = drawn.answers.reshape(correct.shape) >= 0
    score = [[attempt.step_scores[-1] if attempt.step_scores else 0.0 for attempt in row] for row in drawn.attempts]
    return asdict(verifier_figures(np.array(score), correct, valid)) | {
        "baselines": {"reviser_log_probability": asdict(verifier_figures(drawn.log_probability, correct, valid))}
    }


def split_compared(
    model: str,
    judges: Mapping[str, str],
    task: Task,
    questions: Sequence[Question],
    budget: int,
    difficulty: Floats,
    seed: int,
) -> dict[str, Any]:
    """Every way to split `budget` between chains, under every way to choose that the task allows and each of `judges`."""
    chains = [2**power for power in range(budget.bit_length())]
    by_choice: dict[str, list[Floats]] = {}
    for count in chains:
        chosen = {
            name: drawn_chains(model, judge, task, questions, count, budget, seed) for name, judge in judges.items()
        }
        drawn = next(iter(chosen.values()))  # the attempts are the same, whoever chooses
        flat = drawn.correct.reshape(len(questions), budget)
        surest = np.take_along_axis(flat, drawn.log_probability.argmax(axis=1)[:, None], axis=1)[:, 0]
        choices: Mapping[str, Floats] = {
            **{name: own.choice for name, own in chosen.items()},
            "log_probability": surest.astype(float),
            "any": flat.any(axis=1).astype(float),
        }
        if task.answers_can_vote:
            choices = {**choices, **chosen_from(drawn.correct, drawn.answers)}
        for name, values in choices.items():
            by_choice.setdefault(name, []).append(values)
    return {
        "chains": chains,
        **{
            name: asdict(ratio_figures(np.stack(columns, axis=1), chains, difficulty))
            for name, columns in by_choice.items()
        },
    }


def drafts_compared(model: str, task: Task, questions: Sequence[Question], long: Drawn, seed: int) -> dict[str, Any]:
    """One attempt after an own wrong draft, after another question's wrong draft and after none; the same questions for all.

    They are the questions whose first attempt was wrong.
    """
    kept = [row for row in range(len(questions)) if not long.correct[row, 0, 0]]
    if len(kept) < 2:
        return {}
    own = [long.attempts[row][0] for row in kept]
    drafts: dict[str, list[tuple[Solution, ...]]] = {
        "no_draft": [()] * len(kept),
        "draft_of_another_question": [(draft,) for draft in (*own[1:], own[0])],
        "own_wrong_draft": [(draft,) for draft in own],
    }
    asked = [questions[row] for row in kept]
    right = {name: after_drafts(model, task, asked, given, seed) for name, given in drafts.items()}
    figures = {name: figure(values) for name, values in right.items()}
    return {**figures, "own_less_none": paired(right["own_wrong_draft"], right["no_draft"])}


def after_drafts(
    model: str, task: Task, questions: Sequence[Question], drafts: Sequence[tuple[Solution, ...]], seed: int
) -> Floats:
    """The share right of `DRAFT_SAMPLES` attempts with the given drafts in view. -> [Q]."""
    engine = models.load(f"embedded:{model}")
    for row, (question, given) in enumerate(zip(questions, drafts, strict=True)):
        keys = [key(seed, question.id, "drafts", index) for index in range(DRAFT_SAMPLES)]
        engine.begin(Sample(question, n=DRAFT_SAMPLES, attempts=given), keys, row)
    share = np.zeros(len(questions))
    while not engine.idle:
        for row, solutions in engine.advance():
            answers = [task.extract(solution.text) if solution.finished else None for solution in solutions]
            share[row] = np.mean([answer is not None and task.grade(questions[row], answer) for answer in answers])
    return share
