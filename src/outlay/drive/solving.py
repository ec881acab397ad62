"""One question, one strategy, one call: the front door for scripts and notebooks."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from outlay import models as model_backends
from outlay import verifiers as verifier_backends
from outlay.cost import Prices
from outlay.drive.asynchronous import STEPS, solve_over_protocols
from outlay.drive.awaiting import awaited
from outlay.drive.batching import BatchingDriver
from outlay.drive.recorded import Record
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.models.model import InProcessModel, Model
from outlay.strategies import Strategy, from_spec
from outlay.tasks import Task
from outlay.tasks import load as load_task
from outlay.types import Budget, Question, Trace
from outlay.verifiers.verifier import InProcessVerifier, Verifier


def solve(
    question: str | Question,
    *,
    strategy: Strategy | dict[str, Any] | str,
    model: Any,
    verifier: Any = None,
    budget: Budget | None = None,
    seed: int = 0,
    task: Task | str | None = None,
    prices: Prices | None = None,
    steps: str | None = None,
    deadline_seconds: float | None = None,
    record: Record | None = None,
) -> Trace:
    """Spend at most `budget` on one question and return the trace: answer, solutions, cost.

    `model` and `verifier` are addresses (`"embedded:countdown-small"`) or objects; `strategy` an object, a spec or a name;
    `task` judges answers (known from an embedded model; otherwise the last line of the text is the answer). `budget` is
    one generation where it is None; `prices` turn its tokens into FLOPs and dollars. `steps` says how free text is cut into steps
    ("blank_line" where it is None; see `outlay.models.steps`; an embedded model has steps of its own). After
    `deadline_seconds` nothing more is asked, and what there is by then is chosen from. `record` keeps what every request was
    answered: a run that is handed it again goes on from there.

    >>> trace = solve("2 3 4 > 24 |", strategy="greedy", model="embedded:countdown-small")   # doctest: +SKIP
    >>> trace.cost.generations                                                             # doctest: +SKIP
    1.0
    """
    work = asolve(
        question,
        strategy=strategy,
        model=model,
        verifier=verifier,
        budget=budget,
        seed=seed,
        task=task,
        prices=prices,
        steps=steps,
        deadline_seconds=deadline_seconds,
        record=record,
    )
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as elsewhere:  # a notebook's own loop is running in this thread
        return elsewhere.submit(asyncio.run, work).result()


async def asolve(
    question: str | Question,
    *,
    strategy: Strategy | dict[str, Any] | str,
    model: Any,
    verifier: Any = None,
    budget: Budget | None = None,
    seed: int = 0,
    task: Task | str | None = None,
    prices: Prices | None = None,
    steps: str | None = None,
    deadline_seconds: float | None = None,
    record: Record | None = None,
) -> Trace:
    """`solve`, to be awaited. An in-process engine computes in a thread, so that the event loop stays free.

    Connections of a model that is given by its address are closed in the end; one that is given as an object keeps its own.
    """
    if isinstance(model, str):
        loaded = model_backends.load(model)
        try:
            return await asolve(
                question,
                strategy=strategy,
                model=loaded,
                verifier=verifier,
                budget=budget,
                seed=seed,
                task=task,
                prices=prices,
                steps=steps,
                deadline_seconds=deadline_seconds,
                record=record,
            )
        finally:
            if hasattr(loaded, "close"):
                await loaded.close()
    if isinstance(verifier, str):
        verifier = verifier_backends.load(verifier)
    if isinstance(strategy, dict | str):
        strategy = from_spec(strategy)
    judge = _judge(task, question, model)
    asked = Question(id=question, text=question) if isinstance(question, str) else question
    unit = Unit(asked, strategy, budget or Budget(generations=1), seed, record=record)
    if isinstance(model, InProcessModel):
        if verifier is not None and not isinstance(verifier, InProcessVerifier):
            raise UserError(f"{model.name} runs in this process and needs an in-process verifier, not {verifier!r}")
        if steps is not None:
            raise UserError(f'{model.name} ends its steps with a token of its own: leave out steps="{steps}"')
        driver = BatchingDriver(judge, model, verifier, prices, deadline_seconds=deadline_seconds)
        return await asyncio.to_thread(lambda: next(iter(driver.solve([unit]))))
    if not isinstance(model, Model):
        raise UserError(
            f"{model!r} is no model: give an address such as embedded:countdown-small, or an object with a "
            "name and an async sample method"
        )
    verifier = awaited(verifier)
    if verifier is not None and not isinstance(verifier, Verifier):
        raise UserError(
            f"{verifier!r} is no verifier: give an address, or an object with a name and an async score method"
        )
    return await solve_over_protocols(
        unit, judge, model, verifier, prices=prices, steps=steps or STEPS, deadline_seconds=deadline_seconds
    )


def _judge(task: Task | str | None, question: str | Question, model: Any) -> Task:
    if isinstance(task, str):
        return load_task(task)
    if task is not None:
        return task
    named = question.task if isinstance(question, Question) else ""
    named = named or getattr(model, "task", "")
    return load_task(named) if named else LastLine()


class LastLine:
    """The task of a question that belongs to none: the answer is the last line of the text."""

    name = "free"
    answers_can_vote = True
    max_solution_tokens = 512

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        """None: there is nothing to draw from."""
        return []

    def extract(self, text: str) -> str | None:
        """The last line that is not blank."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else None

    def grade(self, question: Question, answer: str) -> bool:
        """Equality with the reference, where there is one."""
        return question.reference is not None and self.equivalent(question.reference, answer)

    def equivalent(self, a: str, b: str) -> bool:
        """Equality of the stripped texts."""
        return a.strip() == b.strip()
