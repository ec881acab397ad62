"""Mistakes on the command line: an unknown command or option, a missing or wrong value. One sentence, exit code 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from typer import Typer
from typer.core import TyperGroup

from outlay.cli.completion import COMPLETE_VARIABLE, SHELLS, mend_words
from outlay.errors import UserError
from outlay.registry import nearest

PROGRAM = "outlay"


class Commands(TyperGroup):
    """A group of commands that names the nearest known one where a name is unknown, and says every mistake in one sentence."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command that `args` (those of the process where they are not given) name, and exit with its code."""
        given = sys.argv[1:] if args is None else list(args)
        mend_words(os.environ)
        try:
            code = shell_completion(given)
            if code is None:
                code = super().main(given, PROGRAM, complete_var, standalone_mode=False, **extra)
        except UserError as error:
            sys.stderr.write(f"{PROGRAM}: {error}\n")
            code = 2
        except Exception as error:
            if not hasattr(error, "format_message"):  # the errors of usage, in whichever release of Typer
                raise
            if type(error).__name__ != "NoArgsIsHelpError":  # the help has been printed
                sys.stderr.write(f"{PROGRAM}: {in_one_sentence(error)}\n")
            code = 2
        if standalone_mode:
            sys.exit(code)
        return code

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names; a `UserError` with the nearest known name where there is none."""
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise UserError(f'there is no command "{path_of(ctx, args[0])}": {nearest(args[0], self.commands)}')
        return super().resolve_command(ctx, args)


def path_of(context: Any, *more: str) -> str:
    """The names of commands and subcommands, as they are typed after `outlay`."""
    names = context.command_path.split()[1:] if context is not None else []
    return " ".join([*names, *more])


def in_one_sentence(error: Any) -> str:
    """What was wrong with the command line, and what to do."""
    context = getattr(error, "ctx", None)
    path = path_of(context)
    if context is not None and hasattr(error, "possibilities"):
        known = [name for parameter in context.command.get_params(context) for name in parameter.opts]
        options = [name for name in known if name.startswith("--")]
        return f'"{path or PROGRAM}" has no option "{error.option_name}": {nearest(error.option_name, options)}'
    said = " ".join(error.format_message().split()).rstrip(".")
    command = f"{PROGRAM} {path}".strip()
    return f'{said[:1].lower()}{said[1:]}; "{command} --help" shows how it is used'


def shell_completion(args: Sequence[str]) -> int | None:
    """Serve `--show-completion SHELL` and `--install-completion SHELL`; None where `args` are something else.

    Without a SHELL, Typer's own options find out which shell is running.
    """
    if len(args) != 2 or args[0] not in ("--show-completion", "--install-completion"):
        return None
    typers: Any = import_module("typer.completion")
    wanted, shell = args
    if shell not in SHELLS:
        raise UserError(f'there is no completion for the shell "{shell}": {nearest(shell, SHELLS)}')
    if wanted == "--show-completion":
        script = typers.get_completion_script(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE, shell=shell)
        sys.stdout.write(f"{script}\n")
    else:
        _, path = typers.install(shell=shell, prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE)
        sys.stdout.write(f"Completion for {shell} is installed in {path}; open a new terminal to use it.\n")
    return 0


def group(**settings: Any) -> Typer:
    """A Typer application, or a part of one, whose mistakes of usage are said that way."""
    return Typer(cls=Commands, no_args_is_help=True, **settings)
