"""Names to implementations, and specs to objects and back.

A *spec* is plain data, `{"name": "beam_search", "width": 4}`: what study and policy files hold and what a trace records.
Built-in implementations are listed by the folder that defines them; others come from installed packages through entry
points (groups `outlay.models`, `outlay.verifiers`, `outlay.strategies`, `outlay.tasks`), so a new one needs no change
here. A built-in name cannot be taken over by a package.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib.metadata import entry_points
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from outlay.errors import UserError


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence's tail that offers the closest known name, or lists them all.

    >>> nearest("beam_serch", ["beam_search", "greedy"])
    'did you mean "beam_search"?'
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f'did you mean "{close[0]}"?' if close else "known are " + ", ".join(known)


def available(group: str, builtin: Mapping[str, Any]) -> dict[str, str]:
    """Every name that `resolve` would find in `group`, each with where it comes from."""
    found = {
        entry.name: f"{entry.dist.name} {entry.dist.version}" if entry.dist else "entry point"
        for entry in entry_points(group=group)
    }
    found.update(dict.fromkeys(builtin, "outlay"))
    return dict(sorted(found.items()))


def resolve(group: str, name: str, builtin: Mapping[str, Any]) -> Any:
    """The implementation registered under `name`; a `UserError` with the nearest known name where there is none."""
    if name in builtin:
        return builtin[name]
    for entry in entry_points(group=group, name=name):
        return entry.load()
    kind = group.removeprefix("outlay.").rstrip("s")
    kind = {"strategie": "strategy"}.get(kind, kind)
    raise UserError(f'there is no {kind} named "{name}": {nearest(name, available(group, builtin))}')


def spec_of(name: str, instance: Any) -> dict[str, Any]:
    """The spec of a dataclass instance: its name and every option that differs from the default."""
    spec: dict[str, Any] = {"name": name}
    for option in fields(instance):
        value = getattr(instance, option.name)
        if option.default is MISSING or value != option.default:
            spec[option.name] = value
    return spec


def build(spec: Mapping[str, Any] | str, implementation: Any) -> Any:
    """An instance of the dataclass `implementation` with the spec's options.

    Raises UserError for an option that it does not have, that it needs and is not given, or whose value is of another type
    than the field's annotation says. A whole number is taken for a float.
    """
    options = {} if isinstance(spec, str) else {str(key): value for key, value in spec.items() if key != "name"}
    if is_dataclass(implementation):
        name = spec if isinstance(spec, str) else str(spec.get("name"))
        options = _checked(name, options, implementation)
    return implementation(**options)


def _checked(name: str, options: Mapping[str, Any], implementation: Any) -> dict[str, Any]:
    known = {option.name: option for option in fields(implementation) if option.init}
    for option in options:
        if option not in known:
            raise UserError(f'"{name}" has no option "{option}": {nearest(option, known) if known else "it has none"}')
    for option, defined in known.items():
        if option not in options and defined.default is MISSING and defined.default_factory is MISSING:
            raise UserError(f'"{name}" needs its option "{option}": give it beside the name')
    types = _annotations(implementation)
    checked = {}
    for option, value in options.items():
        wanted = types.get(option, Any)
        if not _is(value, wanted):
            raise UserError(f'option "{option}" of "{name}" should be {_in_words(wanted)}, not {value!r:.40}')
        checked[option] = float(value) if wanted is float else value
    return checked


def _annotations(implementation: Any) -> dict[str, Any]:
    """The resolved types of its fields; none where an annotation names something that only a type checker sees."""
    try:
        return get_type_hints(implementation)
    except NameError:
        return {}


def _is(value: Any, wanted: Any) -> bool:
    """Whether a value read from YAML is of an annotation's type; annotations that say more than plain data are not judged."""
    origin = get_origin(wanted)
    if origin in (Union, UnionType):
        return any(_is(value, one) for one in get_args(wanted))
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in get_args(wanted))
    if wanted is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if wanted in (int, bool, str):
        return type(value) is wanted
    return wanted is not NoneType or value is None


def _in_words(wanted: Any) -> str:
    """A type as a person would say it.

    >>> _in_words(int | Literal["sqrt"])
    'a whole number or "sqrt"'
    """
    origin = get_origin(wanted)
    if origin in (Union, UnionType):
        return " or ".join(_in_words(one) for one in get_args(wanted))
    if origin is Literal:
        return " or ".join(json.dumps(one) for one in get_args(wanted))
    plain = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text", NoneType: "null"}
    return plain.get(wanted, str(wanted))
