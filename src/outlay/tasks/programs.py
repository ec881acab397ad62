"""Programs: find the program behind a few examples; it is run, and tests that the question does not show decide.

A question shows a few inputs x, y with their outputs, and the operators and constants that a program which does it is
made of: `x 3 4 3 7 y 2 2 3 5 > 8 10 9 19 , + * 2 |`. A solution is a straight-line program, one operation a line, each line
with its values on those inputs, and then a test that its author expects to hold:
` x * 2 = a 6 8 6 14 ; a + y = b 8 10 9 19 ; test 7 2 > 16 <end>` (see `straight_line`). Only the program counts: it may be
made of other parts, wrong values beside a line or a wrong test make no solution wrong, and an unreadable text is no answer.

A quarter of the demonstrations miss, by design: they write another program of the same parts with its own, honest values.
Where none did, models learned to write the wanted outputs beside whatever the last line was (1% right after 6,000 steps; 7%
where the parts were told; measured once, no recipe makes those models), and nothing that they wrote told right from wrong.

An answer is what the program *does*: its outputs on the hidden inputs `PROBES`, so that answers can vote however they
are written. A program that agrees with the examples alone can still be wrong, as with real code. `examples_passed` runs
a solution on the examples of the question, which anybody may look at; `grade` alone knows the hidden outputs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from outlay.tasks.straight_line import (
    FAILED,
    INPUTS,
    OPERATIONS,
    RESULTS,
    Input,
    Line,
    Operand,
    Program,
    Test,
    program_of,
    whole_number,
    written,
)
from outlay.tasks.task import content_hash, distinct, drawn, known_split
from outlay.types import Question

MAX_INPUT = 9
"""x and y run from 1 to it."""
MAX_LEAF = 9
"""Constants in generated programs run from 1 to it."""
MIN_SHOWN, MAX_SHOWN = -20, 99
"""Values that a question or a demonstration may show."""
CONSTANT_SHARE = 0.35
"""Share of leaves that are constants."""
CHAIN_SHARE = 0.6
"""Share of inner operations that hang all the operations below them on one side."""
TRIES = 5
"""Inputs that are tried for a demonstration's own test before an example's serves."""
MISS_SHARE = 0.25
"""Share of demonstrations that miss: honest values beside a program that does something else."""
GROWTH = 2
"""How many times as often a program of one operation more is drawn: there are many more of them."""
OPERATOR_WEIGHTS = {"+": 4, "-": 4, "*": 4, "min": 1, "max": 1}
END = "<end>"

SHOWN: tuple[Input, ...] = ((3, 2), (4, 2), (3, 3), (7, 5), (2, 9), (8, 1))
"""The inputs of all examples, of which a question shows the first few: one step in x, one in y, then others."""
PROBES: tuple[Input, ...] = tuple(
    (x, y)
    for x in range(1, MAX_INPUT + 1)
    for y in range(1, MAX_INPUT + 1)
    if (x - 2 * y) % 5 == 0 and (x, y) not in SHOWN
)
"""The hidden inputs, about one in five of all, every x and every y among them."""

OTHERS: tuple[Input, ...] = tuple(
    (x, y)
    for x in range(1, MAX_INPUT + 1)
    for y in range(1, MAX_INPUT + 1)
    if (x, y) not in SHOWN and (x, y) not in PROBES
)
"""The inputs of tests in demonstrations: neither shown nor hidden."""

_QUESTION = re.compile(r"x ([-0-9 ]+) y ([-0-9 ]+) > ([-0-9 ]+)(?: , [^,|>]+)? \|")

Tree = Operand | tuple["Tree", str, "Tree"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question tells of a program and what it hides: its examples, and its outputs on `PROBES`."""

    examples: tuple[Test, ...]
    behaviour: str
    outputs: str
    """The outputs of the examples: what makes two questions the same, so no text is in two splits. A behaviour may be: about 3
    of 1,000 test questions hide one that a demonstration has too, of a program that does otherwise on the examples."""


@dataclass(frozen=True, slots=True)
class Induction:
    """A program to find, what is asked about it, and inputs of which one becomes a demonstration's own test."""

    program: Program
    asked: Asked
    others: tuple[Input, ...]
    attempt: Program
    """What the demonstration writes: the program, or now and then another one of the same parts that misses."""

    @property
    def parts(self) -> str:
        """The operators and then the constants that the program is made of, each in order, as words."""
        operators = [line.operator for line in self.program.lines]
        operands = [operand for line in self.program.lines for operand in (line.left, line.right)]
        constants = sorted(operand for operand in operands if isinstance(operand, int))
        return " ".join(map(str, [*sorted(operators, key=list(OPERATIONS).index), *constants]))

    @property
    def text(self) -> str:
        """The solution as a model should write it, end token included."""
        shown = [(x, y) for x, y, _ in self.asked.examples]
        written = self.attempt
        lines = [
            " ".join(map(str, (line.left, line.operator, line.right, "=", line.result, *values)))
            for line, values in zip(written.lines, written.traces(shown), strict=True)
        ]
        outputs = [(given, written.outputs([given])) for given in (*self.others, shown[0])]
        (x, y), (output,) = next((given, output) for given, output in outputs if _showable([output]))
        return " " + " ; ".join([*lines, f"test {x} {y} > {output}"]) + f" {END}"


@dataclass(frozen=True, slots=True)
class Programs:
    """The task. Its difficulty is set by the operations of the hidden programs and by the examples shown of each.

    >>> task = Programs()
    >>> task.extract(" x + y = a <end>") == task.extract(" y + x = b 3 4 5 <end>")
    True
    """

    min_operations: int = 1
    max_operations: int = 3
    examples: int = 4
    name: str = "programs"
    answers_can_vote: bool = True

    @property
    def max_solution_tokens(self) -> int:
        """Tokens of the longest program with its traces, and of one test."""
        return self.max_operations * (6 + self.examples) + 6

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        """`count` distinct questions; distinct means that the hidden programs do not do the same."""
        items = drawn(self._draw, _outputs, self.name, known_split(split, self.name), seed)
        return [self._question(item, split) for item in distinct(items, _outputs, count, self.name)]

    def demonstrations(self, count: int, seed: int = 0) -> Iterator[tuple[Question, str]]:
        """Training pairs of a question and a solution's text, right or missing, from the train split only; questions may repeat."""
        items = drawn(self._draw, _outputs, self.name, "train", seed)
        for _ in range(count):
            item = next(items)
            yield self._question(item, "train"), item.text

    def extract(self, text: str) -> str | None:
        """What the program in the text does on the hidden inputs; None where the text cannot be read."""
        program = program_of(text.removesuffix(END))
        return None if program is None else program.behaviour(PROBES)

    def grade(self, question: Question, answer: str) -> bool:
        """Whether the outputs on all hidden inputs are right."""
        return answer == question.reference

    def equivalent(self, a: str, b: str) -> bool:
        """Whether both do the same on all hidden inputs."""
        return a == b

    def examples_passed(self, question: Question, text: str) -> int:
        """How many of the question's own examples the program in the text gets right; 0 for an unreadable text.

        Looks at the question's text alone, so it is a check that may be used while answering.
        """
        program = program_of(text.removesuffix(END))
        return 0 if program is None else sum(program.passes(test) for test in shown_examples(question.text))

    def self_written_tests(self, text: str) -> tuple[Test, ...]:
        """The tests that a solution's author wrote after the program."""
        found = written(text.removesuffix(END))
        return () if found is None else found.tests

    def _draw(self, generator: random.Random) -> Induction:
        sizes = range(self.min_operations, self.max_operations + 1)
        weights = [GROWTH**size for size in sizes]
        shown = SHOWN[: self.examples]
        while True:
            (operations,) = generator.choices(sizes, weights)
            lines: list[Line] = []
            _flatten(_random_tree(operations, generator), lines)
            program = Program(tuple(lines))
            asked = _asked(program, shown)
            if asked is not None:
                attempt = _missing(program, shown, generator) if generator.random() < MISS_SHARE else program
                return Induction(program, asked, tuple(generator.sample(OTHERS, TRIES)), attempt)

    def _question(self, item: Induction, split: str) -> Question:
        asked = item.asked
        columns = [" ".join(map(str, column)) for column in zip(*asked.examples, strict=True)]
        return Question(
            id=f"{self.name}/{split}/{content_hash(f'{asked.outputs} | {asked.behaviour}')}",
            text="x {} y {} > {} , {} |".format(*columns, item.parts),
            reference=asked.behaviour,
            task=self.name,
            metadata={"operations": len(item.program.lines), "examples": [list(test) for test in asked.examples]},
        )


def shown_examples(text: str) -> tuple[Test, ...]:
    """The examples in a question's text; none where it is not `x numbers y numbers > numbers |`, or `numbers , parts |`, with
    equally many of each.

    >>> shown_examples("x 3 5 y 2 1 > 8 11 |")
    ((3, 2, 8), (5, 1, 11))
    """
    match = _QUESTION.fullmatch(text.strip())
    columns = [[whole_number(word) for word in column.split()] for column in match.groups()] if match else []
    if len({len(column) for column in columns}) != 1:
        return ()
    return tuple(
        (x, y, output)
        for x, y, output in zip(*columns, strict=True)
        if x is not None and y is not None and output is not None
    )


def _outputs(item: Induction) -> str:
    return item.asked.outputs


@lru_cache(maxsize=200_000)
def _asked(program: Program, shown: tuple[Input, ...]) -> Asked | None:
    """What to ask about a program; None where an example's values cannot be written, or where the program fails on a hidden
    input, is constant or a bare x or y. Kept, because most programs that are drawn have been drawn before.
    """
    traces = program.traces(shown)
    if not _showable(traces):
        return None
    behaviour = program.behaviour(PROBES)
    outputs = behaviour.split()
    bare = any(outputs == [str(given[place]) for given in PROBES] for place in range(len(INPUTS)))
    if FAILED in outputs or len(set(outputs)) < 3 or bare:
        return None
    last = [value for value in traces[-1] if value is not None]
    examples = tuple((x, y, output) for (x, y), output in zip(shown, last, strict=True))
    return Asked(examples, behaviour, " ".join(map(str, last)))


def _showable(traces: Sequence[Sequence[int | None]]) -> bool:
    """Whether every value [lines][inputs] is within the numbers that may be written."""
    return all(value is not None and MIN_SHOWN <= value <= MAX_SHOWN for values in traces for value in values)


def _random_tree(operations: int, generator: random.Random) -> Tree:
    if operations == 0:
        return generator.randint(1, MAX_LEAF) if generator.random() < CONSTANT_SHARE else generator.choice(INPUTS)
    left = operations - 1 if generator.random() < 0.5 else 0
    if generator.random() >= CHAIN_SHARE:
        left = generator.randint(0, operations - 1)
    operator = generator.choices(list(OPERATOR_WEIGHTS), list(OPERATOR_WEIGHTS.values()))[0]
    while True:
        a, b = _random_tree(left, generator), _random_tree(operations - 1 - left, generator)
        if a != b and not (isinstance(a, int) and isinstance(b, int)) and not (b == 1 and operator in ("*", "//", "%")):
            return a, operator, b


def _missing(program: Program, shown: Sequence[Input], generator: random.Random) -> Program:
    """Another program of the same parts, put together at random, whose values can be shown; the program where none is found."""
    operators = [line.operator for line in program.lines]
    named = {line.result for line in program.lines}
    leaves = [leaf for line in program.lines for leaf in (line.left, line.right) if leaf not in named]
    for _ in range(TRIES):
        lines: list[Line] = []
        shuffled, hung = generator.sample(operators, len(operators)), generator.sample(leaves, len(leaves))
        _flatten(_shuffled_tree(shuffled, hung, generator), lines)
        attempt = Program(tuple(lines))
        if _showable(attempt.traces(shown)):
            return attempt
    return program


def _shuffled_tree(operators: list[str], leaves: list[Operand], generator: random.Random) -> Tree:
    if not operators:
        return leaves[0]
    left = generator.randint(0, len(operators) - 1)
    return (
        _shuffled_tree(operators[1 : left + 1], leaves[: left + 1], generator),
        operators[0],
        _shuffled_tree(operators[left + 1 :], leaves[left + 1 :], generator),
    )


def _flatten(tree: Tree, lines: list[Line]) -> Operand:
    """Append one line an operation, innermost first; returns the name or constant that holds the tree's value."""
    if not isinstance(tree, tuple):
        return tree
    left, operator, right = tree
    first = _flatten(left, lines)
    second = _flatten(right, lines)
    lines.append(Line(first, operator, second, RESULTS[len(lines)]))
    return lines[-1].result
