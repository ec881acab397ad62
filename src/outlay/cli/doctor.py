"""`outlay doctor`: what works on this machine, and what to install for the rest."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outlay.cli import completion
from outlay.cli.options import AsJson, Verbose
from outlay.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from outlay.cli.checks import Check
    from outlay.cli.trying import Asked

COLOURS = {"ok": "green", "missing": "yellow", "broken": "red"}


def doctor(
    model: Annotated[
        str | None,
        typer.Option("--model", help="Address of a model to try as well.", autocompletion=completion.models),
    ] = None,
    verifier: Annotated[
        str | None,
        typer.Option("--verifier", help="Address of a verifier to try as well.", autocompletion=completion.verifiers),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that you mean to write to.")] = Path("demo"),
    extras: Annotated[
        bool, typer.Option("--extras", help="Import the optional libraries too, some of which take seconds.")
    ] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Say what works on this machine and how to mend the rest; exit code 1 where the demo would not work.

    Example: outlay doctor --model embedded:countdown-small --verifier embedded:countdown-prm
    """
    from rich.console import Console

    from outlay.cli.checks import every_check
    from outlay.cli.trying import load_asked

    asked = load_asked(model, verifier)
    with Console(stderr=True).status("looking at this machine"):
        checks = list(every_check(out, extras))
        told = {one.kind: tried(one) for one in asked}
    checks += [check for check, _ in told.values()]
    works = all(check.state == "ok" for check in checks if check.required)
    if as_json:
        said = {kind: facts for kind, (_, facts) in told.items()}
        content = {"works": works, "checks": [asdict(check) for check in checks], **said}
        sys.stdout.write(json.dumps(content, allow_nan=False) + "\n")
    else:
        show(Console(), checks, works)
    if not works:
        raise typer.Exit(1)


def tried(asked: Asked) -> tuple[Check, dict[str, Any]]:
    """A model or verifier that was asked for, used once: the check, and what `--json` says of it."""
    from outlay.cli.checks import Check, one_line

    try:
        seen = asked.use()
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 a plugin's code and a server may fail in any way, and this command is to say how
        reason = one_line(error)
        broken = Check(asked.kind, "broken", f"{asked.address} fails with {reason}")
        return broken, {"address": asked.address, "broken": reason}
    can = ", ".join(f"{name.replace('_', ' ')}: {in_words(value)}" for name, value in seen.capabilities.items())
    return Check(asked.kind, "ok", f"{seen.name} works. {seen.says}. {can}"), {"address": asked.address, **asdict(seen)}


def in_words(value: Any) -> str:
    """A capability's value as a table shows it.

    >>> in_words(True), in_words(None), in_words(155904)
    ('yes', 'not known', '155,904')
    """
    if value is None or isinstance(value, bool):
        return "not known" if value is None else "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def show(console: Console, checks: Sequence[Check], works: bool) -> None:
    """A table of the checks, the commands that mend what is not well, and the verdict."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("is", no_wrap=True)
    table.add_column("found", overflow="fold")
    for check in checks:
        table.add_row(check.name, Text(check.state, style=COLOURS[check.state]), Text(check.says))
    console.print(table)
    console.print()
    for check in checks:
        if check.do is not None:
            console.print(f"{check.name}:  {check.do}", markup=False, highlight=False, soft_wrap=True)
    if works:
        console.print("The demo will work here.", style="bold green")
    else:
        console.print("The demo will not work here before what is broken is mended.", style="bold red")
