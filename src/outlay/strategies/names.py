"""What methods and strategies are called, wherever they are written: tables, reports, sentences, policy files.

A method is a key among a summary's curves: a way of choosing from a pool (`weighted`) or a strategy's spec, as JSON or as a
mapping. Options keep the papers' symbols (M is a beam width, k a lookahead, T a temperature). Names are for people: two
different specs may share a short name, and `short_names` then tells them apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from outlay.errors import UserError
from outlay.strategies import from_spec

Spec = Mapping[str, Any]

METHODS = {
    "pass": "coverage (pass@N)",
    "majority": "majority vote",
    "best_of_n": "best-of-N",
    "weighted": "weighted best-of-N",
    "weighted_best_of_n": "weighted best-of-N",
    "consensus": "consensus (class size × score)",
    "greedy": "greedy (one sample, temperature 0)",
    "large_greedy": "larger model, greedy",
    "beam_search": "beam search",
    "lookahead": "lookahead search",
    "dvts": "DVTS",
    "rebase": "REBASE",
    "particle_filter": "particle filtering",
    "tree_search": "tree search (MCTS)",
    "revisions": "revisions",
    "early_stopping": "majority with early stopping",
    "budget_forcing": "budget forcing",
    "self_refine": "self-refine",
    "last_attempt": "last attempt of the chain",
    "majority_of_chain": "majority of the chain",
}
"""Names of what ships with the package; anything else is called by the words of its own name."""

SHORT = {
    "greedy": "greedy",
    "large_greedy": "larger, greedy",
    "consensus": "consensus",
    "lookahead": "lookahead",
    "particle_filter": "particle filter",
    "tree_search": "tree search",
}
"""Shorter names, where the full one explains."""

SYMBOLS = {"width": "M", "steps": "k", "temperature": "T", "generations": "N", "n": "N", "chains": "chains"}
SHAPE = ("width", "steps", "chains")
"""Options that say what a search is: named even where they are the defaults."""

SOURCE = "source"
"""Beside a spec's options: which run a curve was read from, where the pool has a method of the same name."""

PROMPT_LENGTH = 32
"""Characters of a prompt that a name shows."""

QUIET = ("selection", "aggregation", "max_rounds", "context")
"""Options that a short name leaves out as long as nothing else has the same name."""


def method_name(key: str) -> str:
    """The full name of a method, from a curve's key.

    >>> method_name("pass"), method_name("best_of_n@16")
    ('coverage (pass@N)', 'best-of-N, N = 16')
    >>> method_name('{"name": "beam_search", "width": "sqrt"}')
    'beam search, M = √N'
    """
    spec = spec_of_key(key)
    if spec is not None:
        label, options = described(spec)
        return ", ".join([label, *options])
    name, at, budget = key.partition("@")
    if at and budget.strip().isdigit():
        return f"{METHODS.get(name, words(name))}, N = {budget.strip()}"
    return METHODS.get(key, words(key))


def described(spec: Spec) -> tuple[str, list[str]]:
    """A strategy's name, and its options in words; `SHAPE` options are there even at their defaults.

    >>> described({"name": "beam_search", "selection": "best_of_n"})
    ('beam search', ['chosen by best-of-N', 'M = 4'])
    """
    name = str(spec["name"])
    options = {**_shape(spec), **{key: value for key, value in spec.items() if key != "name"}}
    return METHODS.get(name, words(name)), [
        _option(name, key, value) for key, value in sorted(options.items()) if value is not None
    ]


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """A short name for each method of one table, no two alike.

    >>> short_names(['{"name":"beam_search","width":2,"distinct":true}'])['{"name":"beam_search","width":2,"distinct":true}']
    'beam search M=2, distinct'
    """
    wanted = list(keys)
    names = {key: _short(key, QUIET) for key in wanted}
    taken = list(names.values())
    return {key: name if taken.count(name) == 1 else _short(key, ()) for key, name in names.items()}


def spec_of_key(key: str) -> dict[str, Any] | None:
    """The strategy's spec that a curve's key is, None where it is a bare name."""
    if not key.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(key)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "name" in value else None


def words(name: str) -> str:
    """An identifier as words.

    >>> words("my_own_search")
    'my own search'
    """
    return name.replace("_", " ").strip() or "unnamed"


def _short(key: str, quiet: tuple[str, ...]) -> str:
    spec = spec_of_key(key) or {"name": key}
    name = str(spec["name"])
    shape = {**_shape(spec), **{option: spec[option] for option in SHAPE if option in spec}}
    rest = {option: value for option, value in spec.items() if option not in ("name", *shape, *quiet)}
    label = SHORT.get(name, METHODS.get(name, words(name)))
    head = " ".join([label, *(_option(name, option, value).replace(" ", "") for option, value in shape.items())])
    return ", ".join([head, *(_option(name, option, rest[option]).replace(" = ", "=") for option in sorted(rest))])


def _shape(spec: Spec) -> dict[str, Any]:
    """The options in `SHAPE` that the spec's strategy has, at their values; none where no such strategy is installed."""
    try:
        strategy = from_spec({key: value for key, value in spec.items() if key != SOURCE})
    except UserError:
        return {}
    return {option: getattr(strategy, option) for option in SHAPE if hasattr(strategy, option)}


def _option(strategy: str, key: str, value: Any) -> str:
    if key == "selection":
        return f"chosen by {METHODS.get(str(value), words(str(value)))}"
    if key == SOURCE:
        return f"own {value}"
    if key == "prompt":
        told = " ".join(str(value).split())
        return f'asked "{told if len(told) <= PROMPT_LENGTH else told[: PROMPT_LENGTH - 1] + "…"}"'
    if isinstance(value, str) and len(value) > PROMPT_LENGTH:
        return f"own {words(key)}"
    if isinstance(value, bool):
        return words(key) if value else f"not {words(key)}"
    symbol = words(key) if key == "steps" and strategy != "lookahead" else SYMBOLS.get(key, words(key))
    if strategy == "rebase" and "temperature" in key:
        symbol = {"temperature": "balance T", "sampling_temperature": "T"}[key]
    shown = "√N" if key in ("width", "chains") and value == "sqrt" else value
    return f"{symbol} = {shown:g}" if isinstance(shown, float) else f"{symbol} = {shown}"
