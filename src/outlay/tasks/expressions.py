"""Reads one mathematical expression (plain or LaTeX) into its exact normal form.

Promises: whatever is not understood raises `TooHard`, never a guess. Limits: no equations, lists or intervals (see
`equivalence`); a run of three or more letters that is no known function is a word, not a product of variables.
"""

from __future__ import annotations

import re
from fractions import Fraction

from outlay.tasks import exact
from outlay.tasks.exact import Sum, TooHard

FUNCTIONS = frozenset((
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln", "exp",
    "gcd", "lcm", "min", "max",
))  # fmt: skip
CONSTANTS = frozenset(["pi", "alpha", "beta", "gamma", "theta", "phi", "lambda", "mu", "omega", "infty"])

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.?\d*|\.\d+)(?:(?<=[\d.])[eE][+-]?\d{1,3}(?![\da-zA-Z]))?)
    | (?P<command>\\[a-zA-Z]+)
    | (?P<word>[a-zA-Z]+)
    | (?P<operator>\*\*|[-+*/^(){}\[\]|!,_])
    )""",
    re.VERBOSE,
)
_CLOSING = {"(": ")", "{": "}", "[": "]"}


def parse(text: str) -> Sum:
    """The normal form of an expression.

    >>> exact.show(parse("\\\\frac{1}{2} + 0.25"))
    '3/4'

    Raises TooHard where the text is no expression that is understood, or is undefined (a division by zero).
    """
    reader = _Reader(_tokens(text))
    try:
        value = reader.sum()
    except (ZeroDivisionError, RecursionError) as error:
        raise TooHard(str(error)) from error
    if reader.peek():
        raise TooHard(f"cannot read {reader.peek()!r}")
    return value


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise TooHard(f"cannot read {text[position : position + 10]!r}")
        position = match.end()
        kind, token = str(match.lastgroup), match.group().strip()
        if kind == "word":
            tokens.extend(_split_word(token))
        elif kind == "number" and tokens and tokens[-1][0].isdigit():
            raise TooHard("two numbers side by side")
        else:
            tokens.append("^" if token == "**" else token)
    return tokens


def _split_word(word: str) -> list[str]:
    """`xy` is x times y, `sin` and `sqrt` are themselves, `Evelyn` is no expression."""
    if word in FUNCTIONS or word in CONSTANTS or word in ("sqrt", "frac"):
        return ["\\" + word]
    if len(word) <= 2 and word.lower() != "no":
        return list(word)
    raise TooHard(f"{word!r} is a word")


class _Reader:
    """Recursive descent: a sum of products of powers."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise TooHard(f"expected {expected or 'more'}, found {token!r}")
        self.position += 1
        return token

    def sum(self) -> Sum:
        sign = -1 if self._signs() else 1
        total = exact.multiply(exact.number(sign), self.product())
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            total = exact.add(total, self.product(), sign)
        return total

    def product(self) -> Sum:
        value = self.signed_power()
        while True:
            token = self.peek()
            if token in ("*", "\\cdot", "\\times"):
                self.take()
                value = exact.multiply(value, self.signed_power())
            elif token in ("/", "\\div"):
                self.take()
                value = exact.multiply(value, exact.inverse(self.signed_power()))
            elif token and token not in ("+", "-", ")", "}", "]", "|", ",", "^", "!", "_"):
                value = exact.multiply(value, self.power())
            else:
                return value

    def signed_power(self) -> Sum:
        negative = self._signs()
        value = self.power()
        return exact.multiply(exact.number(-1), value) if negative else value

    def power(self) -> Sum:
        base = self.factor()
        while self.peek() == "!":
            self.take()
            base = _factorial(base)
        if self.peek() == "^":
            self.take()
            return _raise(base, self.argument(signed=True))
        return base

    def argument(self, signed: bool = False) -> Sum:
        """What a LaTeX command or a `^` applies to: a group, or the one next thing (one digit of `\\frac12`)."""
        if self.peek() in ("{", "("):
            return self.factor()
        if signed and self.peek() == "-":
            self.take()
            return exact.multiply(exact.number(-1), self.argument())
        token = self.peek()
        if token.isdigit() and len(token) > 1 and not signed:
            self.tokens[self.position : self.position + 1] = list(token)
        return self.factor()

    def factor(self) -> Sum:
        token = self.take()
        if token in _CLOSING:
            value = self.sum()
            self.take(_CLOSING[token])
            return value
        if token[0].isdigit() or token[0] == ".":
            return self._after_number(token)
        if token == "\\frac":
            numerator = self.argument()
            return exact.multiply(numerator, exact.inverse(self.argument()))
        if token == "\\sqrt":
            return self._root()
        if token.startswith("\\"):
            return self._named(token[1:])
        if token.isalpha():
            return self._symbol(token)
        raise TooHard(f"cannot read {token!r}")

    def _signs(self) -> bool:
        negative = False
        while self.peek() in ("+", "-"):
            negative ^= self.take() == "-"
        return negative

    def _after_number(self, token: str) -> Sum:
        """A number; followed at once by a fraction of whole numbers it is a mixed number (1\\frac{1}{2} is 3/2)."""
        value = exact.number(_fraction(token))
        if token.isdigit() and self.peek() == "\\frac":
            start = self.position
            part = exact.rational(self.factor())
            if part is not None and 0 < part < 1:
                return exact.add(value, exact.number(part))
            self.position = start
        return value

    def _root(self) -> Sum:
        degree = 2
        if self.peek() == "[":
            self.take()
            value = exact.rational(self.sum())
            self.take("]")
            if value is None or value.denominator != 1 or not 2 <= value <= 12:
                raise TooHard("an unusual root")
            degree = int(value)
        return exact.root(self.argument(), degree)

    def _named(self, name: str) -> Sum:
        if name in CONSTANTS:
            return self._symbol(name)
        if name in FUNCTIONS:
            exponent = ""
            if self.peek() == "^":
                self.take()
                exponent = f"^{exact.show(self.argument(signed=True))}"
            argument = self.factor() if self.peek() in ("(", "{") else self._side_by_side()
            return exact.atom(f"{name}{exponent}[{exact.show(argument)}]")
        raise TooHard(f"cannot read \\{name}")

    def _side_by_side(self) -> Sum:
        """What a function without brackets applies to: factors without a sign between them, up to the next function."""
        value = self.signed_power()
        while (token := self.peek()) and (token[0].isalnum() or token in ("\\frac", "\\sqrt", "\\pi")):
            value = exact.multiply(value, self.power())
        return value

    def _symbol(self, name: str) -> Sum:
        if self.peek() == "_":
            self.take()
            name += f"_{exact.show(self.argument())}"
        return exact.atom(name)


def _fraction(token: str) -> Fraction:
    if len(token) > 1 and token.isdigit() and token[0] == "0":
        raise TooHard("a leading zero is a code, not a number")
    mantissa = re.split("[eE]", token)[0]
    if len(token) > 400 or ("e" in token.lower() and "." not in token and len(mantissa) > 1):
        raise TooHard("not a number")
    return Fraction(token)


def _factorial(value: Sum) -> Sum:
    n = exact.rational(value)
    if n is None or n.denominator != 1 or not 0 <= n <= 200:
        return exact.atom(f"factorial[{exact.show(value)}]")
    result = 1
    for factor in range(2, int(n) + 1):
        result *= factor
    return exact.number(result)


def _raise(base: Sum, exponent: Sum) -> Sum:
    value = exact.rational(exponent)
    if value is not None and value.denominator == 1:
        return exact.power(base, int(value))
    if value is not None and value.denominator <= 12 and exact.rational(base) is not None:
        return exact.root(exact.power(base, value.numerator), value.denominator)
    return exact.atom(f"power[{exact.show(base)};{exact.show(exponent)}]")
