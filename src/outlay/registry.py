"""Names to implementations, and specs to objects and back.

A *spec* is plain data, `{"name": "beam_search", "width": 4}`: what study and policy files hold and what a trace records.
Built-in implementations are listed by the folder that defines them; others come from installed packages through entry
points (groups `outlay.models`, `outlay.verifiers`, `outlay.strategies`, `outlay.tasks`), so a new one needs no change
here. A built-in name cannot be taken over by a package.
"""

from __future__ import annotations

import difflib
import inspect
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from outlay.errors import OutlayError, UserError


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
    found = {entry.name: origin_of(entry) for entry in entry_points(group=group)}
    found.update(dict.fromkeys(builtin, "outlay"))
    return dict(sorted(found.items()))


def resolve(group: str, name: str, builtin: Mapping[str, Any]) -> Any:
    """The implementation registered under `name`.

    Raises UserError with the nearest known name where there is none, OutlayError where a package's own does not load.
    """
    if name in builtin:
        return builtin[name]
    for entry in entry_points(group=group, name=name):
        implementation, reason = loaded(entry)
        if reason is not None:
            raise OutlayError(
                f'"{name}" of {origin_of(entry)} ({entry.value}) does not load: {reason}; mend or remove it'
            )
        return implementation
    kind = group.removeprefix("outlay.").rstrip("s")
    kind = {"strategie": "strategy"}.get(kind, kind)
    raise UserError(f'there is no {kind} named "{name}": {nearest(name, available(group, builtin))}')


@dataclass(frozen=True, slots=True)
class Registered:
    """One name of a group: where it comes from, what it is, its options with their defaults, why it cannot be used.

    `origin` is the module of what is built in, a distribution and its version otherwise; `summary` the first line of its
    docstring; an option that has to be given has `REQUIRED` for a default. It is `unused` where another has its name.
    """

    name: str
    origin: str
    builtin: bool
    summary: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    broken: str | None = None
    unused: bool = False


REQUIRED = "(required)"


def described(group: str | None, builtin: Mapping[str, Any]) -> list[Registered]:
    """What is built in and what packages register in `group` (no group: nothing), by name, also what does not load."""
    found = [
        Registered(name, implementation.__module__, True, summary_of(implementation), options_of(implementation))
        for name, implementation in builtin.items()
    ]
    taken = dict.fromkeys(builtin, "Outlay itself")
    for entry in () if group is None else entry_points(group=group):
        implementation, broken = loaded(entry)
        unused = entry.name in taken
        if unused:
            broken = f"never used, because the name belongs to {taken[entry.name]}"
        taken.setdefault(entry.name, origin_of(entry))
        said = ("", {}) if implementation is None else (summary_of(implementation), options_of(implementation))
        found.append(Registered(entry.name, origin_of(entry), False, *said, broken, unused))
    return sorted(found, key=lambda one: one.name)


def origin_of(entry: EntryPoint) -> str:
    """The distribution that an entry point comes from, and its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "entry point"


def loaded(entry: EntryPoint) -> tuple[Any, str | None]:
    """What an entry point names, or None and the reason why it cannot be had."""
    try:
        implementation = entry.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 a package's module may do anything when it is imported
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"
    return (
        (implementation, None) if callable(implementation) else (None, f"{entry.value} is nothing that can be called")
    )


def summary_of(implementation: Any) -> str:
    """The first line of its docstring; nothing where a dataclass has none of its own."""
    first = (inspect.getdoc(implementation) or "").strip().partition("\n")[0]
    return "" if first.startswith(f"{getattr(implementation, '__name__', '')}(") else first


def options_of(implementation: Any) -> dict[str, Any]:
    """Options with their defaults: a dataclass's fields, or every parameter after the first (what follows the name's colon)."""
    if is_dataclass(implementation):
        return {one.name: _default(one) for one in fields(implementation) if one.init}
    try:
        parameters = list(inspect.signature(implementation).parameters.values())
    except (TypeError, ValueError):  # written in C, or hiding its signature
        return {}
    first = [one for one in parameters if one.kind is not one.KEYWORD_ONLY][:1]
    return {
        one.name: REQUIRED if one.default is one.empty else one.default
        for one in parameters
        if one not in first and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    }


def _default(option: Any) -> Any:
    if option.default is not MISSING:
        return option.default
    return REQUIRED if option.default_factory is MISSING else option.default_factory()


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
