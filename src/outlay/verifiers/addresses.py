"""Addresses of verifiers that are made of verifiers: `noisy:0.2:embedded:countdown-prm`, `ensemble:A+B`.

A wrapper stands before a colon and what follows its own setting is the address of what it wraps, so wrappers nest from left to
right. In an ensemble a plus parts the members; a member that has a plus of its own stands in round brackets.
"""

from __future__ import annotations

from outlay.errors import UserError


def members(text: str) -> list[str]:
    """The addresses that a plus parts, brackets around a member taken off.

    >>> members("logprob+(ensemble:random:1+random:2)")
    ['logprob', 'ensemble:random:1+random:2']

    Raises UserError for brackets that do not close, and for an empty member.
    """
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            break
        if letter == "+" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise UserError(f'"ensemble:{text}" has brackets that do not close: write ensemble:A+(ensemble:B+C)')
    found = [part[1:-1] if part.startswith("(") and part.endswith(")") else part for part in parts]
    if not all(found):
        raise UserError(f'"ensemble:{text}" has a member without an address: write ensemble:A+B')
    return found


def setting(wrapper: str, rest: str, example: str) -> tuple[str, str]:
    """What stands before the colon, the wrapper's own, and the address after it.

    Raises UserError where either is missing.

    >>> setting("noisy", "0.2:random:1", "noisy:0.2:ADDRESS")
    ('0.2', 'random:1')
    """
    own, _, inner = rest.partition(":")
    if not own or not inner:
        raise UserError(f'"{wrapper}:{rest}" wraps no verifier: write {example}')
    return own, inner


def number(text: str, address: str, example: str) -> float:
    """A finite number that stands in an address; UserError where it is none."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise UserError(f'"{address}" has {text!r} where a number belongs: write {example}')
    return value


def seed_of(text: str, address: str, example: str) -> int:
    """A seed that stands in an address, 0 where there is none; UserError where it is no whole number."""
    if text and not (text.isascii() and text.isdigit()):
        raise UserError(f'"{address}" names no verifier: write {example} with a whole number for SEED')
    return int(text or 0)
