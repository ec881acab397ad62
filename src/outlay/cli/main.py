"""The `outlay` command: which subcommands there are, and what becomes of errors.

Exit codes: 0 done, 1 the work failed, 2 the user's input was wrong, 130 interrupted (state kept). An error that Outlay raises on
purpose is one sentence on standard error, never a traceback; with `-v` the traceback is shown as well. The modules of the commands
import what they need when they run, so that `outlay --help` stays fast.
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from outlay.cli.analyse import analyse
from outlay.cli.calibrate import calibrate
from outlay.cli.demo import demo
from outlay.cli.lab import app as lab
from outlay.cli.plugins import plugins
from outlay.cli.run import run
from outlay.errors import OutlayError, UserError


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with purposeful errors and interrupts turned into one sentence and an exit code."""

    @functools.wraps(command)
    def with_exit_code(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except OutlayError as error:
            if "-v" in sys.argv or "--verbose" in sys.argv:
                traceback.print_exc()
            sys.stderr.write(f"outlay: {error}\n")
            raise typer.Exit(2 if isinstance(error, UserError) else 1) from None
        except KeyboardInterrupt:
            sys.stderr.write("\nInterrupted. What was finished is kept: run the same command again to go on.\n")
            raise typer.Exit(130) from None

    return with_exit_code


app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Compute-optimal test-time scaling of language models: calibrate, compare, report.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, run, analyse, calibrate, plugins):
    app.command(command.__name__)(guarded(command))
for registered in lab.registered_commands:
    registered.callback = guarded(registered.callback) if registered.callback else None
app.add_typer(lab, name="lab")


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        from outlay import __version__

        typer.echo(__version__)


def main() -> None:
    """The entry point of the `outlay` script."""
    app()


if __name__ == "__main__":
    main()
