"""Execution: programs are run, on the examples that a question shows and on the tests that their authors wrote themselves.

Three rules: `given` (the share of the question's own examples that a program passes), `written` (the share of the tests that
all candidates wrote) and `consensus`, CodeT's dual agreement (Chen et al., arXiv 2207.10397): programs that behave alike are a
class, and a program is worth the square root of its class's size times the tests it passes. The question's hidden tests are
never run: they are what `grade` is for. What runs a program is an `Executor`, one a task: the lab's straight-line programs run in
this process; a sandbox for other languages is one more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from outlay.errors import UserError
from outlay.registry import nearest
from outlay.types import Question, Score, StepScores
from outlay.verifiers.immediate import AtOnce

Rule = Literal["given", "written", "consensus"]

SIZE_POWER = 0.5
"""CodeT damps the size of a class by its square root."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of running programs on tests: how many of them each passed, and the class of its behaviour (-1: does not run)."""

    passed: Sequence[int]
    classes: Sequence[int]
    tests: int


class Executor(Protocol):
    """What runs the programs of a task: on the question's own examples (`given`), and on what their authors wrote (`written`)."""

    def run(self, question: Question, texts: Sequence[str], *, given: bool, written: bool) -> Ran:
        """Run every text on the tests of the question, on those in the texts, or on both."""
        ...


class StraightLine:
    """The lab's programs, run in this process: whole numbers and seven operations, without loops."""

    def run(self, question: Question, texts: Sequence[str], *, given: bool, written: bool) -> Ran:
        """As `Executor.run`."""
        from outlay.tasks.programs import END, shown_examples
        from outlay.tasks.straight_line import agreement_on, dual_agreement, tests_in

        examples = shown_examples(question.text) if given else ()
        programs = [text.removesuffix(END) for text in texts]
        classes, passed = (dual_agreement if written else agreement_on)(programs, examples)
        return Ran(passed, classes, len(tests_in(programs, examples) if written else examples))


EXECUTORS: Mapping[str, Callable[[], Executor]] = {"programs": StraightLine}
"""What runs the programs of each task."""


def executor_of(question: Question) -> Executor:
    """The executor of the question's task; UserError where its answers are not programs that can be run."""
    if question.task not in EXECUTORS:
        told = f"the task {question.task!r}" if question.task else "a question without a task"
        raise UserError(
            f"execution has nothing that runs the programs of {told}: it runs those of {', '.join(EXECUTORS)}"
        )
    return EXECUTORS[question.task]()


def executed(request: Score, rule: Rule) -> list[StepScores]:
    """The score of each finished solution by a rule, each in [0, 1]; `()` for one that has not ended.

    A text that is no program passes nothing: its score is 0, since that is known, not missing. Where there is no test at all,
    nothing is known and no score given.
    """
    ended = [index for index, solution in enumerate(request.solutions) if solution.finished]
    scores: list[StepScores] = [() for _ in request.solutions]
    if not ended:
        return scores
    texts = [request.solutions[index].text for index in ended]
    ran = executor_of(request.question).run(request.question, texts, given=rule != "written", written=rule != "given")
    if not ran.tests:
        return scores
    sizes = Counter(ran.classes)
    for index, passed, number in zip(ended, ran.passed, ran.classes, strict=True):
        worth = passed / ran.tests
        if rule == "consensus":
            worth *= (sizes[number] / len(ended)) ** SIZE_POWER
        scores[index] = (worth,)
    return scores


class Execution(AtOnce):
    """`executed` as a verifier. All rules but `given` look at all the candidates of a request."""

    def __init__(self, rule: str = "given") -> None:
        if rule not in get_args(Rule):
            raise UserError(f'"execution:{rule}" names no rule: {nearest(rule, get_args(Rule))}; write execution:RULE')
        chosen: Rule = rule  # type: ignore[assignment]
        name = "execution" if rule == "given" else f"execution:{rule}"
        super().__init__(name, lambda request: executed(request, chosen), looks_around=rule != "given")
