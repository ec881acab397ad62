"""Exact arithmetic for answers: expressions become sums of monomials with rational coefficients.

Promises: two expressions with the same normal form are equal numbers or equal polynomials; nothing is compared in
floating point. Limits: rational numbers, square roots of rational numbers, named symbols, pi, and sums, products,
quotients and whole powers of these; a quotient by a sum, and any function, is an atom of its own, so that some equal
expressions keep different forms (they are then simply not merged). Huge powers are refused with `TooHard`.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

Monomial = tuple[tuple[str, int], ...]
"""Atoms with their whole exponents, sorted by name; () is the number one."""

Sum = dict[Monomial, Fraction]
"""Monomials with their coefficients, none of them zero; {} is zero."""

MAX_TERMS = 64
MAX_BITS = 2048
ROOT = "√"


class TooHard(ValueError):
    """The expression is outside what is computed exactly here; compare it as text instead."""


def number(value: Fraction | int) -> Sum:
    """A rational number."""
    return {(): Fraction(value)} if value else {}


def atom(name: str) -> Sum:
    """A symbol, or anything that is compared by its name."""
    return {((name, 1),): Fraction(1)}


def add(a: Sum, b: Sum, sign: int = 1) -> Sum:
    """`a + sign * b`."""
    total = dict(a)
    for monomial, coefficient in b.items():
        total[monomial] = total.get(monomial, Fraction(0)) + sign * coefficient
    return _checked({m: c for m, c in total.items() if c})


def multiply(a: Sum, b: Sum) -> Sum:
    """`a * b`, roots of numbers multiplied out."""
    if len(a) * len(b) > MAX_TERMS * 4:
        raise TooHard("too many terms")
    total: Sum = {}
    for left, x in a.items():
        for right, y in b.items():
            total = add(total, _product(left, right, x * y))
    return total


def power(base: Sum, exponent: int) -> Sum:
    """`base ** exponent` for a whole exponent; raises ZeroDivisionError for a negative power of zero."""
    if exponent < 0:
        return power(inverse(base), -exponent)
    size = max((max(c.numerator.bit_length(), c.denominator.bit_length()) for c in base.values()), default=0)
    if (exponent > 1 and (size - 1) * exponent > MAX_BITS) or (len(base) > 1 and exponent > 8) or exponent > 4096:
        raise TooHard("too large a power")
    result, square = number(1), base
    while exponent:
        if exponent & 1:
            result = multiply(result, square)
        exponent >>= 1
        if exponent:
            square = multiply(square, square)
    return result


def inverse(a: Sum) -> Sum:
    """`1 / a`; of a sum of several terms it is an atom, but for a rational number plus one square root."""
    if not a:
        raise ZeroDivisionError("division by zero")
    if len(a) == 1:
        ((monomial, coefficient),) = a.items()
        return _product(tuple((name, -exponent) for name, exponent in monomial), (), 1 / coefficient)
    if len(a) == 2 and all(_is_root(monomial) for monomial in a):
        (m, x), (n, y) = sorted(a.items())
        conjugate: Sum = {m: x, n: -y}
        return multiply(conjugate, inverse(multiply(a, conjugate)))
    leading = a[min(a)]
    scaled = {monomial: coefficient / leading for monomial, coefficient in a.items()}
    return {((f"[{show(scaled)}]", -1),): 1 / leading}


def root(a: Sum, degree: int = 2) -> Sum:
    """The square root of a rational number in lowest terms (2 sqrt(3), never sqrt(12)); otherwise an atom."""
    value = a.get((), Fraction(0)) if set(a) <= {()} else None
    if value is not None and value >= 0:
        if degree == 2:
            outside, inside = _square_part(value.numerator * value.denominator)
            coefficient = Fraction(outside, value.denominator)
            if inside == 1 or not coefficient:
                return number(coefficient)
            return {((f"{ROOT}{inside}", 1),): coefficient}
        exact = _whole_root(value.numerator, degree), _whole_root(value.denominator, degree)
        if exact[0] is not None and exact[1] is not None:
            return number(Fraction(exact[0], exact[1]))
    return atom(f"root{degree}[{show(a)}]")


def show(a: Sum) -> str:
    """The normal form as text: equal exactly when the normal forms are."""
    if not a:
        return "0"
    terms = []
    for monomial in sorted(a):
        factors = [str(a[monomial]), *(name if e == 1 else f"{name}^{e}" for name, e in monomial)]
        terms.append("*".join(factors[1:] if factors[0] == "1" and monomial else factors))
    return "+".join(terms)


def rational(a: Sum) -> Fraction | None:
    """The value, where it is a rational number."""
    if not a:
        return Fraction(0)
    return a[()] if set(a) == {()} else None


def _checked(a: Sum) -> Sum:
    if len(a) > MAX_TERMS or any(
        max(c.numerator.bit_length(), c.denominator.bit_length()) > MAX_BITS for c in a.values()
    ):
        raise TooHard("too large")
    return a


def _is_root(monomial: Monomial) -> bool:
    return all(name.startswith(ROOT) and exponent == 1 for name, exponent in monomial) and len(monomial) <= 1


def _product(left: Monomial, right: Monomial, coefficient: Fraction) -> Sum:
    """One monomial; the roots of numbers in it are multiplied under one root and its square part taken out."""
    exponents: dict[str, int] = {}
    under_root = Fraction(1)
    for name, exponent in (*left, *right):
        if name.startswith(ROOT):
            under_root *= Fraction(int(name[1:])) ** exponent
        else:
            exponents[name] = exponents.get(name, 0) + exponent
    outside, inside = _square_part(under_root.numerator * under_root.denominator)
    coefficient *= Fraction(outside, under_root.denominator)
    if inside != 1:
        exponents[f"{ROOT}{inside}"] = 1
    monomial = tuple(sorted((name, exponent) for name, exponent in exponents.items() if exponent))
    return _checked({monomial: coefficient} if coefficient else {})


def _square_part(n: int) -> tuple[int, int]:
    """(a, b) with n = a * a * b and b free of squares; by trial division, so n is bounded."""
    if isqrt(n) ** 2 == n:
        return isqrt(n), 1
    if n > 10**10:
        raise TooHard("root of a large number")
    outside, inside, divisor = 1, n, 2
    while divisor * divisor <= inside:
        while inside % (divisor * divisor) == 0:
            inside //= divisor * divisor
            outside *= divisor
        divisor += 1
    return outside, inside


def _whole_root(n: int, degree: int) -> int | None:
    guess = round(n ** (1 / degree)) if n < 2**900 else 0
    return next((x for x in (guess - 1, guess, guess + 1) if x >= 0 and x**degree == n), None)
