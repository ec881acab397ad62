"""Tasks: what is asked, and how an answer is judged; by name (`countdown`, `jsonl:PATH`)."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from outlay.errors import UserError
from outlay.registry import available, resolve
from outlay.tasks.task import Task


def load(address: str) -> Task:
    """The task at `address`: `countdown`, `gsm8k:PATH`, `jsonl:PATH?extract=last_number`, or a package's own.

    Packages register a class or function under the entry-point group `outlay.tasks`; what follows the first colon of the
    address is handed to it as its one argument.

    >>> load("countdown").name
    'countdown'
    """
    name, _, argument = address.partition(":")
    implementation = resolve("outlay.tasks", name, BUILTIN)
    if name in BUILTIN and argument and not signature(BUILTIN[name]).parameters:
        raise UserError(f"task {name!r} takes nothing after a colon but {argument!r} was given: write {name!r} alone.")
    task: Task = implementation(argument) if argument else implementation()
    return task


def registered() -> dict[str, str]:
    """Every task's name with where it comes from."""
    return available("outlay.tasks", BUILTIN)


def _countdown() -> Task:
    """Arithmetic puzzles: reach a target from given numbers, one operation a step."""
    from outlay.tasks.countdown import Countdown

    return Countdown()


def _arithmetic() -> Task:
    """Expressions to evaluate, whose demonstrations slip, so that the most frequent answer is often wrong."""
    from outlay.tasks.arithmetic import Arithmetic

    return Arithmetic()


def _arithmetic_clean() -> Task:
    """The same expressions without slips: the control."""
    from outlay.tasks.arithmetic import Arithmetic

    return Arithmetic(clean=True)


def _halving() -> Task:
    """Twelve digits, each made from a column and half of its right neighbour: a task for revisions."""
    from outlay.tasks.halving import Halving

    return Halving()


def _knowledge() -> Task:
    """Facts to recall, seen in training with unequal frequency: nothing to work out."""
    from outlay.tasks.knowledge import Knowledge

    return Knowledge()


def _programs() -> Task:
    """Programs found from examples, run, and judged by tests that the question does not show."""
    from outlay.tasks.programs import Programs

    return Programs()


def _jsonl(path: str = "") -> Task:
    """Questions of your own with their answers, one a line: jsonl:PATH."""
    from outlay.tasks.jsonl import jsonl_task

    return jsonl_task(path)


def _gsm8k(path: str = "") -> Task:
    """Grade-school word problems with a number for an answer: gsm8k:PATH."""
    from outlay.tasks.gsm8k import gsm8k_task

    return gsm8k_task(path)


def _svamp(path: str = "") -> Task:
    """Short arithmetic word problems, varied against pattern matching: svamp:PATH."""
    from outlay.tasks.svamp import svamp_task

    return svamp_task(path)


def _math(path: str = "") -> Task:
    """Competition mathematics (MATH, MATH-500) with a formula for an answer: math:PATH."""
    from outlay.tasks.competition_math import math_task

    return math_task(path)


def _multiple_choice(path: str = "") -> Task:
    """A question with lettered options (AQuA, ARC, MMLU): multiple-choice:PATH."""
    from outlay.tasks.multiple_choice import multiple_choice_task

    return multiple_choice_task(path)


def _qa(path: str = "") -> Task:
    """Questions with a few words for an answer (NQ-open, SQuAD, TriviaQA): qa:PATH."""
    from outlay.tasks.open_questions import open_questions_task

    return open_questions_task(path)


def _humaneval(path: str = "") -> Task:
    """Python functions from their signature and docstring, judged by running them: humaneval:PATH."""
    from outlay.tasks.humaneval import humaneval_task

    return humaneval_task(path)


def _mbpp(path: str = "") -> Task:
    """Short Python programs asked for in a sentence, judged by running them: mbpp:PATH."""
    from outlay.tasks.mbpp import mbpp_task

    return mbpp_task(path)


BUILTIN: Mapping[str, Any] = {
    "countdown": _countdown,
    "arithmetic": _arithmetic,
    "arithmetic-clean": _arithmetic_clean,
    "halving": _halving,
    "knowledge": _knowledge,
    "programs": _programs,
    "jsonl": _jsonl,
    "gsm8k": _gsm8k,
    "svamp": _svamp,
    "math": _math,
    "multiple-choice": _multiple_choice,
    "qa": _qa,
    "humaneval": _humaneval,
    "mbpp": _mbpp,
}

__all__ = ["Task", "load", "registered"]
