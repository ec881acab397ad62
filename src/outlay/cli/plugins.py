"""`outlay plugins`: what is registered under which name, and where it comes from."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """List every registered strategy, model backend, verifier and task, with where it comes from.

    Example: outlay plugins --json
    """
    from outlay import models, strategies, tasks, verifiers

    found = {
        "strategies": strategies.registered(),
        "models": models.registered(),
        "verifiers": verifiers.registered(),
        "tasks": tasks.registered(),
    }
    if as_json:
        typer.echo(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", "name", "from")
    for kind, names in found.items():
        for name, origin in names.items():
            table.add_row(kind, name, origin)
    Console().print(table)
