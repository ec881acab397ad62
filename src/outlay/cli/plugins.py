"""`outlay plugins`: what is registered under which name, where it comes from, and what its options are."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from outlay.cli.options import AsJson, Verbose

if TYPE_CHECKING:
    from rich.console import Console

    from outlay.registry import Registered


def plugins(as_json: AsJson = False, verbose: Verbose = False) -> None:
    """List every model backend, verifier, strategy, task and policy: what it is, its options, and where it comes from.

    Example: outlay plugins --json
    """
    from rich.console import Console

    found = everything()
    if as_json:
        sys.stdout.write(json.dumps(plain(found), default=str) + "\n")
        return
    for kind, names in found.items():
        show(Console(), kind, names)


def everything() -> Mapping[str, Sequence[Registered]]:
    """What is registered, by kind; policies are not registered by packages."""
    from outlay import models, policies, strategies, tasks, verifiers
    from outlay.registry import described

    return {
        "models": described("outlay.models", models.BUILTIN),
        "verifiers": described("outlay.verifiers", verifiers.BUILTIN),
        "strategies": described("outlay.strategies", strategies.BUILTIN),
        "tasks": described("outlay.tasks", tasks.BUILTIN),
        "policies": described(None, policies.BUILTIN),
    }


def plain(found: Mapping[str, Sequence[Registered]]) -> dict[str, Any]:
    """By kind and name, as JSON has it; what never gets its name, because another has it, stands under `unused`."""
    told: dict[str, Any] = {kind: {} for kind in found}
    unused = []
    for kind, names in found.items():
        for one in names:
            facts = {
                "from": one.origin,
                "builtin": one.builtin,
                "summary": one.summary,
                "options": dict(one.options),
                "broken": one.broken,
            }
            if one.unused:
                unused.append({"kind": kind, "name": one.name, **facts})
            else:
                told[kind][one.name] = facts
    return {**told, "unused": unused}


def show(console: Console, kind: str, names: Sequence[Registered]) -> None:
    """The names of one kind as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    table.add_column(kind, no_wrap=True, min_width=18)
    table.add_column("what it is, its options, where it comes from", overflow="fold")
    for one in names:
        lines = [Text(one.summary)] if one.summary else []
        if one.options:
            lines.append(Text(", ".join(f"{name}={_told(value)}" for name, value in one.options.items()), "cyan"))
        if one.broken:
            lines.append(Text(f"broken: {one.broken}", "red"))
        lines.append(Text(f"built in: {one.origin}" if one.builtin else f"from {one.origin}", "dim"))
        table.add_row(Text(one.name), Text("\n").join(lines))
    console.print(table)
    console.print()


MOST_OF_A_TEXT = 40
"""Characters of an option's text that the table shows; `--json` has the whole."""


def _told(value: Any) -> str:
    """A value in one line: line breaks as they are written, the end of a long text left out."""
    told = str(value).replace("\n", "\\n")
    return told if len(told) <= MOST_OF_A_TEXT else f"{told[: MOST_OF_A_TEXT - 3]}..."
