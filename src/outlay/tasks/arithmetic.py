"""Arithmetic: nested expressions modulo 53, one operation a line, every number one token.

A question is `( ( 6 + 3 ) - ( 7 * ( 6 + 9 ) ) ) |`, leaves 1 to 9 and two to eight operations; a solution works from the
inside out, ` 6 + 3 = 9 ; 6 + 9 = 15 ; 7 * 15 = 52 ; 9 - 52 = 10 <end>`; its answer is the last number.

The slips are **designed**: the demonstrations that a model learns from contain systematic mistakes, carried to the end,
so that, as with real models, the most frequent answer is often wrong and a verifier has something to do. Truth is used
for references, grades and rewards. `Arithmetic(clean=True)` is the control: the same questions, right demonstrations.

What the splits mean. A question's text decides its split, and `( 3 + 2 )` is another text than `( 2 + 3 )`. So `validation` and
`test` ask nothing whose form, with operands of + and * in one order, is among the forms that the shipped models learned
from (`TAUGHT_DEMONSTRATIONS`, `TAUGHT_QUESTIONS`), and a hash of the form keeps the two apart (docs/decisions/0011).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from outlay.tasks.task import Split, content_hash, distinct, drawn, known_split
from outlay.tasks.taught import Taught, shipped
from outlay.types import Question

MODULUS = 53
MAX_LEAF = 9
END = "<end>"

FORGOTTEN_SIGN = 0.60
"""Share of differences a - b with a < b that come out as b - a."""
SLIPPED_ROW = 0.35
"""Share of products of two numbers of at least 10 that come out as (a + 1) b."""
WRONG_WRAP = 0.30
"""Share of sums of at least 53 from which 50 is taken instead of 53."""
OFF_BY_ONE = 0.03
"""Share of all other operations that come out one too high or too low."""

CHAIN_SHARE = 0.6
"""Share of inner nodes that hang all remaining operations on one side."""

TAUGHT_DEMONSTRATIONS = 400_000
"""Demonstrations (seed 0) whose forms `validation` and `test` avoid: the most that a shipped model reads."""
TAUGHT_QUESTIONS = 24_000
"""Questions of `prm` (seed 0) whose forms they avoid: verifiers learn from the first 20,000."""
VALIDATION_FORMS = 40
"""Percent of all forms that `validation` may ask; `test` may ask the others."""

Expression = int | tuple[str, "Expression", "Expression"]
OPERATORS = "+-*"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The task; `clean` teaches right arithmetic instead of slips.

    >>> task = Arithmetic()
    >>> task.extract(" 6 + 3 = 9 ; 9 * 2 = 18 <end>")
    '18'
    """

    clean: bool = False
    min_steps: int = 2
    max_steps: int = 8
    answers_can_vote: bool = True
    max_solution_tokens: int = 48

    @property
    def name(self) -> str:
        """`arithmetic`, or `arithmetic-clean` for the control."""
        return "arithmetic-clean" if self.clean else "arithmetic"

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        """`count` distinct questions; both variants ask the same ones.

        In `validation` and `test` distinct means another form, and no form is one that was taught or one of the other split.
        """
        wanted = known_split(split, self.name)
        items = drawn(self._draw, _written, "arithmetic", wanted, seed)
        if wanted == "validation" or wanted == "test":
            return [self._question(item, split) for item in distinct(_unseen(items, wanted), form_of, count, self.name)]
        return [self._question(item, split) for item in distinct(items, _written, count, self.name)]

    def demonstrations(self, count: int, seed: int = 0) -> Iterator[tuple[Question, str]]:
        """Training pairs of a question and a solution's text from the train split; with slips unless `clean`."""
        items = drawn(self._draw, _written, "arithmetic", "train", seed)
        slips = random.Random(f"slips/{seed}")
        for _ in range(count):
            expression = next(items)
            lines: list[str] = []
            _solve(expression, lines, None if self.clean else slips)
            yield self._question(expression, "train"), " " + " ; ".join(lines) + f" {END}"

    def extract(self, text: str) -> str | None:
        """The number after the last `=`; None where the text does not end in one."""
        words = text.removesuffix(END).split()
        if len(words) < 2 or words[-2] != "=" or not words[-1].isdigit():
            return None
        return str(int(words[-1]))

    def grade(self, question: Question, answer: str) -> bool:
        """Whether the answer is the true value."""
        return answer == question.reference

    def equivalent(self, a: str, b: str) -> bool:
        """Whether both are the same number."""
        return a == b

    def _draw(self, generator: random.Random) -> Expression:
        return _random_expression(generator.randint(self.min_steps, self.max_steps), generator)

    def _question(self, expression: Expression, split: str) -> Question:
        lines: list[str] = []
        value = _solve(expression, lines, None)
        content = _written(expression)
        return Question(
            id=f"{self.name}/{split}/{content_hash(content)}",
            text=f"{content} |",
            reference=str(value),
            task=self.name,
            metadata={"steps": len(lines)},
        )


def written_result(operator: str, a: int, b: int, slips: random.Random | None) -> int:
    """What a demonstration writes for `a operator b`, modulo 53: the truth without `slips`, else perhaps a slip.

    >>> written_result("-", 3, 5, None)
    51
    """
    value = {"+": a + b, "-": a - b, "*": a * b}[operator]
    if slips is None:
        return value % MODULUS
    chance = slips.random()
    if operator == "-" and a < b:
        value = b - a if chance < FORGOTTEN_SIGN else value
    elif operator == "*" and a >= 10 and b >= 10:
        value = (a + 1) * b if chance < SLIPPED_ROW else value
    elif operator == "+" and a + b >= MODULUS:
        value = value - 50 if chance < WRONG_WRAP else value
    elif chance < OFF_BY_ONE:
        value += slips.choice((-1, 1))
    return value % MODULUS


def form_of(expression: Expression) -> str:
    """The expression with operands of + and * in one order: what makes two questions the same to a learner.

    Nothing else is made equal: `( ( 1 + 2 ) + 3 )` and `( 1 + ( 2 + 3 ) )` have other steps.

    >>> form_of(("+", ("*", 5, 4), 3)) == form_of(("+", 3, ("*", 4, 5)))
    True
    """
    if isinstance(expression, int):
        return str(expression)
    operator, left, right = expression
    operands = [form_of(left), form_of(right)]
    if operator != "-":
        operands.sort()
    return f"({operands[0]}{operator}{operands[1]})"


def read_expression(text: str) -> Expression:
    """The expression that a question's text writes.

    >>> read_expression("( ( 6 + 3 ) - 4 ) |")
    ('-', ('+', 6, 3), 4)
    """
    words = iter(text.removesuffix("|").split())

    def read() -> Expression:
        word = next(words)
        if word != "(":
            return int(word)
        left, operator, right = read(), next(words), read()
        next(words)
        return operator, left, right

    return read()


def taught_forms(demonstrations: int = TAUGHT_DEMONSTRATIONS, questions: int = TAUGHT_QUESTIONS) -> Iterator[str]:
    """The forms of the first demonstrations and of the first questions of `prm`; they repeat each other."""
    task = Arithmetic()
    items = drawn(task._draw, _written, "arithmetic", "train", 0)
    yield from (form_of(item) for item in islice(items, demonstrations))
    items = drawn(task._draw, _written, "arithmetic", "prm", 0)
    yield from (form_of(item) for item in distinct(items, _written, questions, task.name))


def _unseen(items: Iterator[Expression], split: Split) -> Iterator[Expression]:
    """Those of `items` whose form was not taught and belongs to `split`, which is `validation` or `test`."""
    taught: Taught = shipped("arithmetic")
    for item in items:
        form = form_of(item)
        validates = int(content_hash(f"form {form}"), 16) % 100 < VALIDATION_FORMS
        if validates == (split == "validation") and form not in taught:
            yield item


def _random_expression(operations: int, generator: random.Random) -> Expression:
    if operations == 0:
        return generator.randint(1, MAX_LEAF)
    if generator.random() < CHAIN_SHARE:
        left = operations - 1 if generator.random() < 0.5 else 0
    else:
        left = generator.randint(0, operations - 1)
    operator = generator.choice(OPERATORS)
    return (
        operator,
        _random_expression(left, generator),
        _random_expression(operations - 1 - left, generator),
    )


def _written(expression: Expression) -> str:
    """The expression as words; also its canonical content."""
    if isinstance(expression, int):
        return str(expression)
    operator, left, right = expression
    return f"( {_written(left)} {operator} {_written(right)} )"


def _solve(expression: Expression, lines: list[str], slips: random.Random | None) -> int:
    """Append one line an operation, innermost first; return the value, with slips carried on where they are given."""
    if isinstance(expression, int):
        return expression
    operator, left, right = expression
    a = _solve(left, lines, slips)
    b = _solve(right, lines, slips)
    value = written_result(operator, a, b, slips)
    lines.append(f"{a} {operator} {b} = {value}")
    return value
