"""Countdown: reach a target with every number used exactly once.

A question shows three to five numbers from 1 to 12 and a target from 1 to 99, `4 7 2 > 13 |`; a solution is one
operation a line, ` 4 + 7 = 11 ; 11 + 2 = 13 <end>`. Everything is a whole number and divisions are exact. Each question
can be solved, because it is made by drawing a random derivation and showing its numbers and its result.

An answer is the derivation as one expression, in a canonical form in which operands of + and * are sorted: `(2+(4+7))`. A program
grades it, so a model may write wrong arithmetic or miss the target. Many derivations are right, so answers must not be
counted as votes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from outlay.tasks.task import content_hash, distinct, drawn, known_split
from outlay.types import Question

MAX_NUMBER = 12
MAX_VALUE = 99
END = "<end>"

_STEP = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")
_TOKEN = re.compile(r"\d+|[-+*/()]")


@dataclass(frozen=True, slots=True)
class Derivation:
    """A random derivation: the numbers it starts from, its steps as text, and the result that becomes the target."""

    numbers: tuple[int, ...]
    target: int
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        """The solution as a model should write it, end token included."""
        return " " + " ; ".join(self.steps) + f" {END}"


@dataclass(frozen=True, slots=True)
class Countdown:
    """The task.

    >>> task = Countdown()
    >>> question = task.questions("test", 1)[0]
    >>> task.grade(question, question.reference)
    True
    """

    min_numbers: int = 3
    max_numbers: int = 5
    name: str = "countdown"
    answers_can_vote: bool = False
    max_solution_tokens: int = 24

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        """`count` distinct questions; distinct means another multiset of numbers or another target."""
        items = drawn(self._derive, canonical_content, self.name, known_split(split, self.name), seed)
        return [self._question(item, split) for item in distinct(items, canonical_content, count, self.name)]

    def demonstrations(self, count: int, seed: int = 0) -> Iterator[tuple[Question, str]]:
        """Training pairs of a question and a right solution's text, from the train split only; questions may repeat."""
        items = drawn(self._derive, canonical_content, self.name, "train", seed)
        for _ in range(count):
            item = next(items)
            yield self._question(item, "train"), item.text

    def extract(self, text: str) -> str | None:
        """The derivation as one canonical expression; None where a line is not `a op b = c`.

        A line whose arithmetic is wrong keeps its claim, `(4+7=12)`, and results that are never used stay apart, joined
        by `;`: such answers are still answers, and wrong ones.

        >>> Countdown().extract(" 7 + 4 = 11 ; 11 + 2 = 13 <end>")
        '((4+7)+2)'
        """
        made: list[tuple[int, str]] = []
        for line in text.removesuffix(END).split(";"):
            read = _line(line)
            if read is None:
                return None
            left, operator, right, claimed, claim = read
            first, second = _take(made, left), _take(made, right)
            if operator in "+*" and second < first:
                first, second = second, first
            made.append((claimed, f"({first}{operator}{second}{claim})"))
        if len(made) == 1:
            return made[0][1]
        return ";".join(sorted(expression for _, expression in made))

    def grade(self, question: Question, answer: str) -> bool:
        """Whether the expression uses each number exactly once, in exact arithmetic, and equals the target."""
        if "=" in answer or ";" in answer:
            return False
        tokens = _TOKEN.findall(answer)
        if sorted([int(token) for token in tokens if token.isdigit()]) != sorted(question.metadata["numbers"]):
            return False
        return bool(_evaluate(tokens) == question.metadata["target"])

    def equivalent(self, a: str, b: str) -> bool:
        """Whether both are the same derivation, up to the order of steps and of commuting operands."""
        return a == b

    def _derive(self, generator: random.Random) -> Derivation:
        while True:
            numbers = [
                generator.randint(1, MAX_NUMBER) for _ in range(generator.randint(self.min_numbers, self.max_numbers))
            ]
            steps = _random_steps(numbers, generator)
            if steps and steps[-1][3] >= 1:
                break
        lines = tuple(f"{a} {operator} {b} = {c}" for a, operator, b, c in steps)
        generator.shuffle(numbers)
        return Derivation(tuple(numbers), steps[-1][3], lines)

    def _question(self, item: Derivation, split: str) -> Question:
        return Question(
            id=f"{self.name}/{split}/{content_hash(canonical_content(item))}",
            text=" ".join(map(str, item.numbers)) + f" > {item.target} |",
            reference=self.extract(item.text),
            task=self.name,
            metadata={"numbers": list(item.numbers), "target": item.target, "steps": len(item.steps)},
        )


def canonical_content(item: Derivation) -> str:
    """What makes two questions the same: the sorted numbers and the target."""
    return " ".join(map(str, sorted(item.numbers))) + f" > {item.target}"


def _random_steps(numbers: list[int], generator: random.Random) -> list[tuple[int, str, int, int]]:
    """Combine two random numbers until one is left; [] where no operation keeps within bounds."""
    left = list(numbers)
    steps: list[tuple[int, str, int, int]] = []
    while len(left) > 1:
        generator.shuffle(left)
        a, b = left.pop(), left.pop()
        operators = ["+"] * (a + b <= MAX_VALUE) + ["-"] * (a >= b)
        operators += ["*"] * 2 * (a * b <= MAX_VALUE and a > 1 and b > 1) + ["/"] * 2 * (b > 1 and a % b == 0)
        if not operators:
            return []
        operator = generator.choice(operators)
        result = _apply(a, operator, b)
        assert result is not None
        steps.append((a, operator, b, result))
        left.append(result)
    return steps


def _apply(a: int, operator: str, b: int) -> int | None:
    """The whole, non-negative result of one operation; None where there is none."""
    if operator == "+":
        return a + b
    if operator == "-":
        return a - b if a >= b else None
    if operator == "*":
        return a * b
    return a // b if b and a % b == 0 else None


@lru_cache(maxsize=1 << 16)
def _line(line: str) -> tuple[int, str, int, int, str] | None:
    """A line `a op b = c` as a, op, b, c, and `=c` where that is wrong; None for another. Samples repeat each other's lines."""
    match = _STEP.fullmatch(line.strip())
    if match is None:
        return None
    left, operator, right, claimed = int(match[1]), match[2], int(match[3]), int(match[4])
    return left, operator, right, claimed, "" if _apply(left, operator, right) == claimed else f"={claimed}"


def _take(made: list[tuple[int, str]], value: int) -> str:
    """The expression behind an operand: an earlier result of that value if one is unused, else a given number."""
    for index, (result, expression) in enumerate(made):
        if result == value:
            del made[index]
            return expression
    return str(value)


def _evaluate(tokens: Sequence[str]) -> int | None:
    """The value of a fully parenthesised expression, word by word; None where it is malformed or leaves the whole numbers."""
    values: list[int] = []
    operators: list[str] = []
    for token in tokens:
        if token.isdigit():
            values.append(int(token))
        elif token == ")":
            if len(values) < 2 or not operators:
                return None
            right, left = values.pop(), values.pop()
            result = _apply(left, operators.pop(), right)
            if result is None:
                return None
            values.append(result)
        elif token != "(":
            operators.append(token)
    return values[0] if len(values) == 1 and not operators else None
