"""One model or verifier, tried: it is loaded, draws or scores once, and what it can do is noted.

What is said here was seen, not asked: a capability counts as there when it was used and gave what it should.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.models import load as load_model
from outlay.types import Question, Sample, Score, Solution, Step, StepScores
from outlay.verifiers import WRAPPERS
from outlay.verifiers import load as load_verifier

log = logging.getLogger(__name__)

PLAIN_QUESTION = Question(id="plain", text="What is 2 + 3? Answer with the number alone.", reference="5")
"""Asked where nothing is known of what a model answers."""
MOST_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it. `capabilities` maps what a model or verifier may do to whether, or how, this one does."""

    name: str
    says: str
    capabilities: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A model or a verifier that is to be tried; `use` loads it, where that is not done yet, and tries it."""

    kind: str
    address: str
    use: Callable[[], Tried]


def load_asked(model: str | None, verifier: str | None) -> list[Asked]:
    """What is to be tried, loaded where it can be; a verifier is tried on a solution of the model.

    Raises UserError for an address of nothing. Any other error of loading is left for `use` to run into.
    """
    asked = []
    if model is not None:
        asked.append(Asked("model", model, lambda: try_model(load_model(model))))
        tolerantly(load_model, model)
    if verifier is not None:
        beside = model or model_beside(verifier)
        asked.append(Asked("verifier", verifier, lambda: try_verifier(load_verifier(verifier), load_model(beside))))
        tolerantly(load_verifier, verifier)
    return asked


def tolerantly(load: Callable[[str], Any], address: str) -> None:
    """Load, so that the user's mistakes are known at once, whatever else may fail."""
    try:
        load(address)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 a plugin may raise anything; it is met again, and told, where it is used
        log.info("%s does not load: %s", address, error)


def try_model(model: Any) -> Tried:
    """Draw one solution, whole; then go on from a beginning of it.

    Raises UserError where `model` is neither kind of model, OutlayError where it cannot draw.
    """
    from outlay.models.model import InProcessModel, Model

    question, found = question_for(model), dict[str, Any]()
    began = time.perf_counter()
    if isinstance(model, InProcessModel):
        solution = drawn(model, Sample(question))
        text, tokens, logprobs = solution.text, solution.tokens, any(step.logprob for step in solution.steps)
        seconds = time.perf_counter() - began
        continues = went_on(model, question)
        kind = "in this process"
    elif isinstance(model, Model):
        (text, tokens, logprobs, continues), found = asyncio.run(found_and_tried(model, question))
        seconds = time.perf_counter() - began
        kind = "asynchronous"
    else:
        raise UserError(f"{model!r:.80} is no model: it has neither an async sample method nor begin and advance")
    capabilities = {
        "runs": kind,
        "log_probabilities": logprobs,
        "goes_on_from_a_prefix": continues,
        "parameters": getattr(model, "parameters", None),
        "tokens": tokens,
        "seconds": round(seconds, 3),
        **found,
    }
    return Tried(model.name, f'"{question.text}" gave "{" ".join(text.split())}", {tokens} tokens', capabilities)


def try_verifier(verifier: Any, model: Any) -> Tried:
    """Score one solution of `model`.

    Raises UserError where `verifier` is neither kind of verifier, OutlayError where it cannot score.
    """
    from outlay.models.model import InProcessModel
    from outlay.verifiers.verifier import InProcessVerifier, Verifier

    question = question_for(model)
    inside = isinstance(model, InProcessModel)
    solution = drawn(model, Sample(question)) if inside else asyncio.run(whole(model, question))
    solution = solution.numbered(0, answer_in(model, solution))
    found: dict[str, Any] = {}
    began = time.perf_counter()
    if isinstance(verifier, InProcessVerifier):
        (scores,) = scored(verifier, Score(question, (solution,)))
        kind = "in this process"
    elif isinstance(verifier, Verifier):
        (scores,), found = asyncio.run(found_and_scored(verifier, question, solution))
        kind = "asynchronous"
    else:
        raise UserError(f"{verifier!r:.80} is no verifier: it has neither an async score method nor begin and advance")
    seconds = time.perf_counter() - began
    if len(scores) not in (0, 1, len(solution.steps)) or not all(0 <= score <= 1 for score in scores):
        raise OutlayError(
            f"{verifier.name} gave {list(scores)!r:.60} for a solution of {len(solution.steps)} steps; a verifier gives one "
            "probability a step, or one for the whole"
        )
    capabilities = {
        "runs": kind,
        "parameters": getattr(verifier, "parameters", None),
        "steps": len(scores),
        "seconds": round(seconds, 3),
        **found,
    }
    values = ", ".join(f"{score:.2f}" for score in scores) or "none"
    of = "the steps of " if len(scores) > 1 else ""
    return Tried(verifier.name, f'scores of {of}"{" ".join(solution.text.split())}": {values}', capabilities)


def question_for(model: Any) -> Question:
    """A question that the model can read: one of its own task where it names one."""
    from outlay.tasks import load

    task = getattr(model, "task", None)
    found = load(task).questions("validation", 1) if task else []
    return found[0] if found else PLAIN_QUESTION


def answer_in(model: Any, solution: Solution) -> str | None:
    """The answer that a finished solution ends in; of a model that names no task the whole text."""
    from outlay.tasks import load

    if not solution.finished:
        return None
    task = getattr(model, "task", None)
    return load(task).extract(solution.text) if task else solution.text


def model_beside(verifier: str) -> str:
    """The address of a shipped model whose solutions the verifier at that address can read: of its own task where it has one.

    >>> model_beside("noisy:0.2:embedded:arithmetic-prm"), model_beside("agreement")
    ('embedded:arithmetic-small', 'embedded:countdown-small')
    """
    from outlay.models import embedded_folder
    from outlay.models.embedded.backend import Card

    backend, _, rest = verifier.partition(":")
    if backend in WRAPPERS:
        inner = re.search(r"\b(embedded|oracle):([^+()]+)", rest)
        backend, rest = inner.groups() if inner else ("", "")
    task = Card.load(embedded_folder(rest)).task if backend == "embedded" else rest if backend == "oracle" else ""
    try:
        embedded_folder(f"{task}-small")
    except UserError:
        task = "countdown"
    return f"embedded:{task}-small"


def drawn(model: Any, request: Sample) -> Solution:
    """One solution from an engine of this process."""
    model.begin(request, [1], tag=0)
    while not model.idle:
        for _, solutions in model.advance():
            solution: Solution = solutions[0]
            return solution
    raise OutlayError(f"{model.name} ended without a solution")


def went_on(model: Any, question: Question) -> bool | None:
    """Whether an engine of this process, given the first step of a solution, goes on from there; None where one step is all."""
    first = drawn(model, Sample(question, until="step"))
    if first.ended:
        return None
    longer = drawn(model, Sample(question, prefix=first))
    return longer.steps[: len(first.steps)] == first.steps and len(longer.steps) > len(first.steps)


def scored(verifier: Any, request: Score) -> list[StepScores]:
    """Scores from an engine of this process."""
    verifier.begin(request, tag=0)
    while not verifier.idle:
        for _, scores in verifier.advance():
            return list(scores)
    raise OutlayError(f"{verifier.name} ended without scores")


async def found_and_scored(
    verifier: Any, question: Question, solution: Solution
) -> tuple[list[StepScores], dict[str, Any]]:
    """A `Verifier`'s scores of one solution, and what one that looks at its server (`probed`) found there."""
    try:
        found = await verifier.probed() if hasattr(verifier, "probed") else {}
        return await verifier.score(question, [solution]), found
    finally:
        if hasattr(verifier, "close"):
            await verifier.close()


async def found_and_tried(model: Any, question: Question) -> tuple[tuple[str, int, bool, bool], dict[str, Any]]:
    """What came of trying a `Model`, and what one that looks at its server (`probed`) found there; its connections are closed."""
    try:
        found = await model.probed() if hasattr(model, "probed") else {}
        return await over_protocol(model, question), found
    finally:
        if hasattr(model, "close"):
            await model.close()


async def over_protocol(model: Any, question: Question) -> tuple[str, int, bool, bool]:
    """Text, tokens, whether there are log-probabilities, and whether a prefix is gone on from, of a `Model`."""
    (first,) = await ask(model, question)
    beginning = first.text[: max(1, len(first.text) // 2)]
    try:
        goes_on = getattr(model, "continues_prefix", True) and len(await ask(model, question, prefix=beginning)) == 1
    except OutlayError:
        goes_on = False
    return first.text, first.generated_tokens, first.logprobs is not None, goes_on


async def ask(model: Any, question: Question, prefix: str = "") -> list[Any]:
    """One completion from a `Model`."""
    found: list[Any] = await model.sample(
        question.text, n=1, max_tokens=MOST_TOKENS, temperature=1.0, stop=(), seed=0, prefix=prefix
    )
    if len(found) != 1:
        raise OutlayError(f"{model.name} gave {len(found)} completions where one was asked for")
    return found


async def whole(model: Any, question: Question) -> Solution:
    """One solution from a `Model`, as a single step."""
    (completion,) = await ask(model, question)
    return Solution((Step(completion.text, completion.generated_tokens),), finished=completion.finish_reason == "end")
