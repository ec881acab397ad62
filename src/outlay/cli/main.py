"""The `outlay` command: which subcommands there are, and what becomes of errors.

Exit codes: 0 done, 1 the work failed, 2 the user's input was wrong, 130 interrupted (143 by SIGTERM; state
kept). An error that Outlay raises on purpose is one sentence on standard error, never a traceback; with `-v` the traceback is
shown as well, after an account of what was done. The modules of the commands import what they need when they run, so that
`outlay --help` stays fast.
"""

from __future__ import annotations

import functools
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from outlay import __version__
from outlay.cli import interrupts
from outlay.cli.analyse import analyse
from outlay.cli.ask import ask
from outlay.cli.calibrate import calibrate
from outlay.cli.demo import demo
from outlay.cli.doctor import doctor
from outlay.cli.exchange import Spread, exchange
from outlay.cli.lab import app as lab
from outlay.cli.plugins import plugins
from outlay.cli.route import route
from outlay.cli.run import run
from outlay.cli.savings import savings
from outlay.cli.serve import serve
from outlay.cli.train import app as train
from outlay.cli.usage import group
from outlay.cli.verbosity import heard, without_secrets
from outlay.cli.verifier_report import verifier_report
from outlay.cli.verify import verify
from outlay.errors import OutlayError, UserError

log = logging.getLogger(__name__)


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with purposeful errors and interrupts turned into one sentence and an exit code."""

    @functools.wraps(command)
    def with_exit_code(*args: Any, **options: Any) -> Any:
        verbose = bool(options.get("verbose"))
        try:
            with heard(verbose), told(command.__name__, options):
                return command(*args, **options)
        except OutlayError as error:
            if verbose:
                sys.stderr.write(without_secrets(traceback.format_exc()))
            sys.stderr.write(f"outlay: {without_secrets(str(error))}\n")
            raise typer.Exit(2 if isinstance(error, UserError) else 1) from None
        except KeyboardInterrupt as interrupt:
            interrupts.deafen()
            sys.stderr.write(f"\n{without_secrets(interrupts.how_to_go_on(command.__name__))}\n")
            raise typer.Exit(interrupts.exit_code(interrupt)) from None

    return with_exit_code


@contextmanager
def told(name: str, options: Mapping[str, Any]) -> Iterator[None]:
    """Log with which options a command begins, and how long it took."""
    began = time.monotonic()
    log.info("outlay %s: %s, with %s", __version__, name, ", ".join(f"{key}={value}" for key, value in options.items()))
    yield
    log.info("%s is done after %.1f s", name, time.monotonic() - began)


app = group(
    name="outlay",
    pretty_exceptions_enable=False,
    help="Compute-optimal test-time scaling of language models: calibrate, compare, report.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, run, analyse, calibrate, savings, route, serve, ask, verify, doctor, plugins):
    app.command(command.__name__)(guarded(command))
app.command("verifier-report")(guarded(verifier_report))
app.command("exchange", cls=Spread)(guarded(exchange))
for name, commands in (("train", train), ("lab", lab)):
    for registered in commands.registered_commands:
        registered.callback = guarded(registered.callback) if registered.callback else None
    app.add_typer(commands, name=name)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(__version__)


def main() -> None:
    """The entry point of the `outlay` script."""
    interrupts.listen()
    app()


if __name__ == "__main__":
    main()
