"""Tasks whose answers are programs, judged by running them against the question's tests in the sandbox.

An answer is Python: a whole function (a chat model's fenced block) or what comes after the prompt (a base model's completion,
cut where it begins something new). Programs are many ways to the same end, so equal ones are no votes. The tests lie in the
question's metadata, never in its prompt. Refused at once where programs cannot be contained (see `sandbox`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from outlay.errors import UserError
from outlay.tasks.equality import Equality
from outlay.tasks.file_task import FileTask
from outlay.tasks.sandbox import Limits, Ran, Sandbox, at_once
from outlay.types import Question

SECONDS = 3.0
"""Computing time of a program, as in the harness of HumanEval (Chen et al., arXiv 2107.03374)."""

_NEXT = re.compile(r"\n(?:class|def|#|if|print|```)")
"""Where a completion ends: the stop sequences of the paper (section 3.2), and the end of a fenced block."""


@dataclass(frozen=True)
class CodeTask(FileTask):
    """Questions of one file that ask for a program.

    A question's metadata hold `entry_point` (the function's name), `prompt` (the code that the solution continues, or nothing), and
    `test` (the code that follows it and raises where it is wrong).
    """

    _sandbox: list[Sandbox] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the sandbox and read the file now, so that nothing is spent on programs that cannot be run."""
        self._sandbox.append(Sandbox.found())
        FileTask.__post_init__(self)

    @property
    def limits(self) -> Limits:
        """What each program may use."""
        return Limits.of(self.options.time_limit or SECONDS)

    @property
    def grades_at_once(self) -> int:
        """How many answers may be judged side by side: one a core of this process's share."""
        return at_once()

    def _judge(self) -> Equality:
        return Equality(lambda one, other: one.strip() == other.strip(), lambda program: program or None)

    def grade(self, question: Question, answer: str) -> bool:
        """Whether the program passes all tests of the question."""
        return self.ran(question, answer).passed

    def ran(self, question: Question, answer: str) -> Ran:
        """The run of an answer against the question's tests: its verdict, and why.

        Raises OutlayError where the sandbox itself fails.
        """
        return self._sandbox[0].run(self.program(question, answer), self.limits)

    def program(self, question: Question, answer: str) -> str:
        """The answer with what belongs before it, and the tests after it.

        Raises UserError for a question of another kind of task.
        """
        known = question.metadata
        if "test" not in known:
            raise UserError(f"Question {question.id!r} has no `test` in its metadata; ask questions of {self.name}.")
        return f"{assembled(str(known.get('prompt', '')), answer, str(known['entry_point']))}\n\n{known['test']}\n"


def assembled(prompt: str, answer: str, entry_point: str) -> str:
    """The source of the function: the prompt continued by the answer, or the answer itself where it defines the function.

    >>> assembled("def f(x):\\n", "    return x\\n\\nprint(f(1))", "f")
    'def f(x):\\n    return x\\n'
    """
    if re.search(rf"^(?:async )?def {re.escape(entry_point)}\b|^{re.escape(entry_point)}\s*=", answer, re.MULTILINE):
        before = prompt.split(f"def {entry_point}")[0]  # imports, and functions that the prompt gives
        return f"{before}\n{answer}"
    cut = _NEXT.search(answer)
    return prompt + (answer[: cut.start()] if cut else answer)
