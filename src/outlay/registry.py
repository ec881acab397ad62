"""Names to implementations, and specs to objects and back.

A *spec* is plain data, `{"name": "beam_search", "width": 4}`: what study and policy files hold and what a trace records.
Built-in implementations are listed by the folder that defines them; others come from installed packages through entry
points (groups `outlay.models`, `outlay.verifiers`, `outlay.strategies`, `outlay.tasks`), so a new one needs no change
here. A built-in name cannot be taken over by a package.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib.metadata import entry_points
from typing import Any

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
    """An instance of the dataclass `implementation` with the spec's options; unknown options are refused by name."""
    options = {} if isinstance(spec, str) else {key: value for key, value in spec.items() if key != "name"}
    if is_dataclass(implementation):
        known = {option.name for option in fields(implementation)}
        for option in options:
            if option not in known:
                name = spec if isinstance(spec, str) else spec.get("name")
                raise UserError(
                    f'"{name}" has no option "{option}": {nearest(option, known) if known else "it has none"}'
                )
    return implementation(**options)
