"""A batch of questions with one budget for all of them: `outlay run --total-budget`.

Every question is asked by a policy at the mean budget that the total allows, and one purse holds the total: it cannot be
overspent, and keeps a generation for each question that has no answer yet. Where the policy has no plan of just that mean,
questions are dealt by lot to the two plans beside it. Runs stand in the same store as any study's, so a batch that was stopped
goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from outlay import models, tasks, verifiers
from outlay.curves import interval
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.policies import Policy
from outlay.policies.following import Following, Purse
from outlay.study.figures import as_points
from outlay.study.run import driver_of
from outlay.study.study import Entry, Study
from outlay.traces import Store
from outlay.traces.rows import run_key
from outlay.types import Budget, Cost, Question, Trace
from outlay.verifiers.probes.difficulty import load_difficulty

TRACES_PER_PART = 50


@dataclass(frozen=True)
class Batch:
    """What is to be asked: the entry's questions, by a policy, with `total` generations in all."""

    entry: Entry
    policy: Policy
    total: int
    seed: int

    @property
    def mean(self) -> float:
        """Generations a question, on average."""
        return self.total / self.entry.questions

    def strategies(
        self, asked: Sequence[Question], purse: Purse | None, told: Sequence[float | None] = ()
    ) -> list[Following]:
        """How each question is asked: the plan below the mean, or by lot the one above it, so that the mean is met.

        `told` are their difficulties, where the policy's probe tells them.
        """
        budgets = [plan.budget for plan in getattr(self.policy, "plans", ())]
        low = max((budget for budget in budgets if budget <= self.mean * (1 + 1e-9)), default=None)
        if low is None:
            raise UserError(
                f"--total-budget {self.total} is {self.mean:.2f} generations a question, below the policy's least budget of "
                f"{min(budgets):g}: give at least {int(np.ceil(min(budgets) * len(asked)))}, or calibrate for less."
            )
        high = min((budget for budget in budgets if budget > low), default=low)
        share = 0.0 if high == low else (self.mean - low) / (high - low)
        lots = [_lot(question, self.seed) for question in asked]
        return [
            Following(self._at(high if lot < share else low), difficulty, _lot(question, self.seed + 1), purse)
            for question, lot, difficulty in zip(asked, lots, told or [None] * len(asked), strict=True)
        ]

    def _at(self, budget: float) -> Policy:
        if "mean_budget" not in type(self.policy).model_fields:
            return self.policy
        return self.policy.model_copy(update={"mean_budget": budget})

    def cap(self) -> int:
        """The most that one question may cost."""
        if "mean_budget" not in type(self.policy).model_fields:
            return max(1, int(self.mean))
        return self.total


def check_batch(study: Study, policy: Policy, total: int) -> Batch:
    """The batch that a study and a policy make.

    Raises:
        UserError: several entries, a policy for another task, model or verifier, or fewer generations than questions.
    """
    if len(study.entries) != 1:
        raise UserError(
            f"--total-budget is for one batch of questions; {study.name} has {len(study.entries)} entries: give each a study of "
            "its own"
        )
    entry = study.entries[0]
    policy.check(task=entry.task, model=entry.model, verifier=entry.verifier)
    if total < entry.questions:
        raise UserError(
            f"--total-budget {total} is less than a generation for each of the {entry.questions} questions: give at least that many"
        )
    return Batch(entry, policy, total, study.seed)


def run_batch(batch: Batch, out: Path, report: Callable[[int, int], None] = lambda done, spent: None) -> dict[str, Any]:
    """Ask every question that is not in the store at `out` yet; what the batch cost and how many answers are right.

    `report` is told how many questions are done and what they have cost so far.
    """
    entry = batch.entry
    task = tasks.load(entry.task)
    asked = task.questions(entry.split, entry.questions, batch.seed)
    store = Store(out)
    with store.lock():
        spent = _spent(store)
        if spent > batch.total:
            raise UserError(f"{out} holds runs of {spent} generations already, more than --total-budget {batch.total}.")
        budget = Budget(generations=batch.cap())
        known = store.done()
        plain = batch.strategies(asked, None)
        left = [
            place
            for place, (question, strategy) in enumerate(zip(asked, plain, strict=True))
            if run_key(question, strategy.spec(), budget, batch.seed, entry.model, entry.verifier) not in known
        ]
        purse = Purse(batch.total - spent, questions=len(left))
        told, paid = _difficulties(batch.policy, asked)
        strategies = batch.strategies(asked, purse, told)
        units = (Unit(asked[place], strategies[place], budget, batch.seed, paid=paid[place]) for place in left)
        verifier = verifiers.load(entry.verifier) if entry.verifier else None
        driver = driver_of(task, models.load(entry.model), verifier)
        done = len(asked) - len(left)
        part: list[Trace] = []
        try:
            for trace in driver.solve(units):
                part.append(replace(trace, model=entry.model, verifier=entry.verifier))
                done, spent = done + 1, spent + round(trace.cost.generations)
                report(done, spent)
                if len(part) >= TRACES_PER_PART:
                    store.append(part)
                    part = []
        finally:  # also where a run failed: those that ended are kept
            if part:
                store.append(part)
    return summary_of_batch(batch, store)


def summary_of_batch(batch: Batch, store: Store) -> dict[str, Any]:
    """What the runs of a batch gave and cost: accuracy with its interval, the total, its distribution over questions."""
    runs = store.runs().select(["question_id", "correct", "cost_generations", "cost_flops", "note"]).to_pylist()
    spent = np.array([row["cost_generations"] for row in runs])
    graded = [row["correct"] for row in runs if row["correct"] is not None]
    found: dict[str, Any] = {
        "task": batch.entry.task,
        "model": batch.entry.model,
        "policy": batch.policy.kind,
        "questions": len(runs),
        "total_budget": batch.total,
        "generations": float(spent.sum()),
        "generations_a_question": {
            "mean": float(spent.mean()),
            "median": float(np.median(spent)),
            "least": float(spent.min()),
            "most": float(spent.max()),
        },
        "flops": float(sum(row["cost_flops"] or 0.0 for row in runs)),
    }
    if graded:
        found["accuracy"] = as_points(interval(np.array(graded, dtype=np.float64)[:, None]))[0]
    return found


def _difficulties(policy: Policy, asked: Sequence[Question]) -> tuple[list[float | None], list[Cost]]:
    """What the policy's probe says of each question, and what that cost; nothing where it has none."""
    if policy.probe is None:
        return [None] * len(asked), [Cost()] * len(asked)
    probe = load_difficulty(policy.probe)
    told = probe.of_all(asked)
    return [float(value) for value in told.values], [probe.cost(int(tokens)) for tokens in told.tokens]


def _spent(store: Store) -> int:
    runs = store.runs()
    return round(pc.sum(runs["cost_generations"]).as_py() or 0) if runs.num_rows else 0


def _lot(question: Question, seed: int) -> float:
    digest = blake2b(f"{seed}\x1f{question.id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64
