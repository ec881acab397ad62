"""Re-make the pages that are generated from the code: `python docs/generate.py` (or `make docs`); `--check` only compares.

A generated page that is out of date fails the tests, so the pages cannot drift away from the program.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


INTRODUCTION = """# Commands

Generated from the program by `make docs`. Every command takes `-h`.

Exit codes: 0 done, 1 the work failed, 2 the input was wrong, 130 interrupted (143 by SIGTERM; what was
finished is kept). With `--json` a command prints one JSON object on standard output and nothing else there.
"""

MODELS, END_OF_MODELS = "<!-- models: made by docs/generate.py -->", "<!-- end of models -->"


def commands_page() -> str:
    """The reference page of the command line, from the commands' own descriptions and options."""
    import typer

    from outlay.cli.main import app

    return "\n".join([INTRODUCTION, *_sections(typer.main.get_command(app), "outlay")])


def _sections(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _sections(command, f"{path} {name}")
        else:
            text = [" ".join(part.split()) for part in (command.help or "").split("\n\n")]
            yield f"## {path} {name}\n"
            yield from (_example(part) + "\n" for part in text)
            yield "| option | meaning |\n|---|---|"
            yield "\n".join(_row(parameter) for parameter in command.params if parameter.name != "help") + "\n"


def _example(part: str) -> str:
    return f"    {part.removeprefix('Example: ')}" if part.startswith("Example: ") else part


def _row(parameter: Any) -> str:
    names = (
        ", ".join(f"`{name}`" for name in parameter.opts)
        if parameter.param_type_name == "option"
        else f"`{parameter.name.upper()}`"
    )
    default = parameter.default
    plain = default is None or default is False or callable(default) or parameter.required
    return f"| {names} | {parameter.help or ''}{'' if plain else f' Default: {default}.'} |"


def lab_page() -> str:
    """The page of the lab with its table of models made from their records; the rest of it is written by hand."""
    from outlay.lab.cards import table
    from outlay.lab.train import shipped_weights

    page = (HERE / "reference" / "lab.md").read_text(encoding="utf-8")
    before, _, rest = page.partition(MODELS)
    _, _, after = rest.partition(END_OF_MODELS)
    return f"{before}{MODELS}\n{table(shipped_weights())}\n{END_OF_MODELS}{after}"


OPTIONS, END_OF_OPTIONS = "<!-- options: made by docs/generate.py -->", "<!-- end of options -->"


def tasks_page() -> str:
    """The page of tasks with its table of options made from their definition; the rest of it is written by hand."""
    from outlay.tasks.options import Options

    page = (HERE / "reference" / "tasks.md").read_text(encoding="utf-8")
    before, _, rest = page.partition(OPTIONS)
    _, _, after = rest.partition(END_OF_OPTIONS)
    rows = [f"| `{name}` | {one.description} |" for name, one in Options.model_fields.items()]
    table = "\n".join(["| option | meaning |", "|---|---|", *rows])
    return f"{before}{OPTIONS}\n{table}\n{END_OF_OPTIONS}{after}"


PAGES = {
    HERE / "reference" / "commands.md": commands_page,
    HERE / "reference" / "lab.md": lab_page,
    HERE / "reference" / "tasks.md": tasks_page,
}


def stale() -> list[Path]:
    """The pages whose file is not what the code says."""
    return [path for path, make in PAGES.items() if not path.is_file() or path.read_text(encoding="utf-8") != make()]


def main() -> None:
    """Write, or with `--check` compare."""
    if "--check" in sys.argv:
        old = stale()
        sys.exit(f"out of date, run make docs: {', '.join(map(str, old))}" if old else 0)
    for path, make in PAGES.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
