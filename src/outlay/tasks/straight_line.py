"""Straight-line programs over x and y: read, run within bounds, compared by what they do.

A program is one operation a line, ` x * 2 = a ; a + y = b`, in whole numbers as Python has them (`//` and `%` round
down). Each line names its result a, b, c or d; the last line's result is the program's value. After the name a line may
trace its values on some inputs, ` x * 2 = a 6 10 ; ...`: a remark, never an instruction. After the program there may be
tests that its author wrote, ` ; test 7 2 > 16`, an input and the output it should have.

This is an interpreter of its own: nothing is handed to Python to evaluate, every program ends, and numbers are bounded.
What cannot be read is None, and so is the output of a run in which an operation fails; nothing raises.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

OPERATIONS: Mapping[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "min": min,
    "max": max,
}
INPUTS = ("x", "y")
RESULTS = ("a", "b", "c", "d")
MAX_LINES = len(RESULTS)
MAX_TESTS = 4
MAX_CONSTANT = 99
MAX_MAGNITUDE = 9999
"""A run that reaches a value beyond it, either way, fails."""
FAILED = "!"
"""What stands for the output of a run that fails."""

Input = tuple[int, int]
Operand = str | int
Test = tuple[int, int, int]
"""An input x, y and the output that is expected of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One operation: its operands (a name or a constant), its operator, and the name of its result."""

    left: Operand
    operator: str
    right: Operand
    result: str


@dataclass(frozen=True, slots=True)
class Program:
    """Lines in order; every name is an input or the result of an earlier line.

    >>> program_of(" x * 2 = a ; a + y = b").outputs([(3, 1), (4, 0)])
    [7, 8]
    """

    lines: tuple[Line, ...]

    def traces(self, inputs: Sequence[Input]) -> list[list[int | None]]:
        """The value of every line on every input (x, y), [lines][inputs]; None from where an operation has failed on."""
        columns: dict[Operand, list[int | None]] = {
            name: [given[place] for given in inputs] for place, name in enumerate(INPUTS)
        }
        made = []
        for line in self.lines:
            left = columns[line.left] if isinstance(line.left, str) else [line.left] * len(inputs)
            right = columns[line.right] if isinstance(line.right, str) else [line.right] * len(inputs)
            values = [applied(a, line.operator, b) for a, b in zip(left, right, strict=True)]
            columns[line.result] = values
            made.append(values)
        return made

    def outputs(self, inputs: Sequence[Input]) -> list[int | None]:
        """The value of the last line on every input; None where the run fails."""
        traces = self.traces(inputs)
        return [None if None in run else run[-1] for run in zip(*traces, strict=True)]

    def behaviour(self, inputs: Sequence[Input]) -> str:
        """The outputs on these inputs as words; `!` where the run fails. Programs that do the same share it.

        >>> program_of(" x // y = a").behaviour([(6, 2), (6, 0)])
        '3 !'
        """
        return " ".join(FAILED if output is None else str(output) for output in self.outputs(inputs))

    def passes(self, test: Test) -> bool:
        """Whether the program gives the output that the test expects."""
        return self.outputs([test[:2]]) == [test[2]]


@dataclass(frozen=True, slots=True)
class Written:
    """What a solution's text holds: its program, and the tests that its author wrote."""

    program: Program
    tests: tuple[Test, ...]


def applied(left: int | None, name: str, right: int | None) -> int | None:
    """The result of one operation; None for a division by zero, a result beyond the bound, or an operand that is None.

    >>> applied(7, "//", -2)
    -4
    """
    if left is None or right is None or (right == 0 and name in ("//", "%")):
        return None
    value = OPERATIONS[name](left, right)
    return value if -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE else None


def written(text: str) -> Written | None:
    """The program and the tests in a text without its end token; None where any part of it cannot be read.

    >>> written(" x + y = a 5 9 ; test 1 1 > 2").tests
    ((1, 1, 2),)
    """
    lines: list[Line] = []
    tests: list[Test] = []
    known: set[str] = set(INPUTS)
    for part in text.split(";"):
        words = part.split()
        if words[:1] == ["test"]:
            test = _test_of(words[1:])
            if test is None or len(tests) == MAX_TESTS:
                return None
            tests.append(test)
            continue
        line = _line_of(words, known)
        if line is None or tests or len(lines) == MAX_LINES:
            return None
        known.add(line.result)
        lines.append(line)
    return Written(Program(tuple(lines)), tuple(tests)) if lines else None


def program_of(text: str) -> Program | None:
    """The program in a text; None where the text cannot be read."""
    found = written(text)
    return None if found is None else found.program


def dual_agreement(texts: Sequence[str], examples: Sequence[Test] = ()) -> tuple[list[int], list[int]]:
    """Solutions grouped by what they do on the tests they wrote themselves, and how many tests each passes.

    The tests of all solutions, without repeats, and the `examples` given with the question are put to every program (CodeT, Chen et
    al., arXiv 2207.10397). Programs with the same outputs on all their inputs share a class. These are the `classes` and the
    `scores` of `outlay.curves.class_times_score_at_k`.

    Returns:
        Classes, numbered from 0 in the order of their first member, -1 where the text cannot be read; tests passed.

    >>> dual_agreement([" x + y = a ; test 1 2 > 3", " y + x = a ; test 2 2 > 4", " x * y = a ; test 1 1 > 1"])
    ([0, 0, 1], [2, 2, 2])
    """
    return agreement_on(texts, tests_in(texts, examples))


def tests_in(texts: Sequence[str], examples: Sequence[Test] = ()) -> list[Test]:
    """The examples and the tests that the authors of these texts wrote, without repeats.

    >>> tests_in([" x + y = a ; test 1 2 > 3", " y + x = a ; test 1 2 > 3"], [(1, 1, 2)])
    [(1, 1, 2), (1, 2, 3)]
    """
    read = [written(text) for text in texts]
    return list(dict.fromkeys([*examples, *(test for item in read if item is not None for test in item.tests)]))


def agreement_on(texts: Sequence[str], tests: Sequence[Test]) -> tuple[list[int], list[int]]:
    """As `dual_agreement`, on these tests alone: classes of what the programs do on their inputs, and tests passed.

    >>> agreement_on([" x + y = a", " x * y = a"], [(1, 2, 3)])
    ([0, 1], [1, 0])
    """
    inputs = list(dict.fromkeys(test[:2] for test in tests))
    numbers: dict[str, int] = {}
    classes, passed = [], []
    for text in texts:
        program = program_of(text)
        if program is None:
            classes.append(-1)
            passed.append(0)
            continue
        classes.append(numbers.setdefault(program.behaviour(inputs), len(numbers)))
        passed.append(sum(program.passes(test) for test in tests))
    return classes, passed


def whole_number(word: str) -> int | None:
    """The whole number that a word writes, in plain decimal digits of limited length; None where it writes none.

    >>> whole_number("-12"), whole_number("1_2")
    (-12, None)
    """
    digits = word.removeprefix("-")
    return int(word) if digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_MAGNITUDE)) else None


def _line_of(words: Sequence[str], known: set[str]) -> Line | None:
    """`left operator right = result`, then the numbers of a trace; None for anything else, or for a name without a value."""
    if len(words) < 5 or words[1] not in OPERATIONS or words[3] != "=" or words[4] not in RESULTS:
        return None
    left, right = _operand(words[0], known), _operand(words[2], known)
    if left is None or right is None or any(whole_number(word) is None for word in words[5:]):
        return None
    return Line(left, words[1], right, words[4])


def _operand(word: str, known: set[str]) -> Operand | None:
    if word in known:
        return word
    number = whole_number(word)
    return number if number is not None and 0 <= number <= MAX_CONSTANT else None


def _test_of(words: Sequence[str]) -> Test | None:
    """`x y > output`."""
    if len(words) != 4 or words[2] != ">":
        return None
    numbers = [whole_number(word) for word in (words[0], words[1], words[3])]
    first, second, output = numbers
    return None if first is None or second is None or output is None else (first, second, output)
