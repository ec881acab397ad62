"""What may be said of a question file beside its path: in the address, `gsm8k:test.jsonl?extract=last_number`, or in a task file.

A task file is YAML with the same names, `jsonl:capitals.yaml`; paths in it are taken from its own folder. In an address the options
follow a `?`, joined by `&`, with `%26` for a `&` inside a value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outlay.errors import UserError
from outlay.registry import nearest


class Options(BaseModel):
    """How the questions of a file are asked and judged; what is not given is as the task's family has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="The file with the questions.")
    template: str | None = Field(None, description="Jinja text that makes the prompt from a row's fields.")
    template_file: str | None = Field(None, description="A file with that text.")
    extract: str | None = Field(None, description="Which part of a solution is its answer.")
    equal: str | None = Field(None, description="When an answer counts as the reference.")
    question_field: str | None = Field(None, description="The field that holds the question.")
    answer_field: str | None = Field(None, description="The field that holds the reference answer.")
    id_field: str | None = Field(None, description="The field that holds the question's identifier.")
    votes: bool | None = Field(None, description="Whether equal answers are a sign of rightness.")
    max_solution_tokens: int | None = Field(None, ge=1, description="Tokens of the longest sensible solution.")
    time_limit: float | None = Field(None, gt=0, le=600, description="Seconds that a program may run (code tasks).")

    def template_or(self, default: str) -> tuple[str, str]:
        """The template's text, and what to call it in a message; `default` is the family's own."""
        if self.template_file is not None:
            try:
                return Path(self.template_file).read_text(encoding="utf-8"), self.template_file
            except (OSError, UnicodeDecodeError) as error:
                raise UserError(
                    f"the template {self.template_file} cannot be read ({error}); check the path."
                ) from error
        return (self.template, "the template") if self.template is not None else (default, "the template")


def options_of(family: str, argument: str) -> Options:
    """The options in what follows the colon of an address.

    >>> options_of("gsm8k", "test.jsonl?extract=last_number").extract
    'last_number'

    Raises UserError for an option that is unknown or of the wrong kind, and for a task file that is none.
    """
    if not argument:
        raise UserError(f"task '{family}' needs a file of questions: write {family}:PATH.")
    path, asked, rest = argument.partition("?") if not Path(argument).exists() else (argument, "", "")
    given = dict(_pair(family, item) for item in rest.split("&")) if asked else {}
    where = f"task {family}:{argument}"
    if path.endswith((".yaml", ".yml")):
        return _checked({**_task_file(Path(path)), **given}, path)
    return _checked({"path": path, **given}, where)


def _pair(family: str, item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals:
        raise UserError(f"task {family}: {item!r} is no option; write name=value after the `?`, joined by `&`.")
    return name, unquote(value)


def _task_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}; check the path.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} is no YAML ({' '.join(str(error).split())}); mend it there.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold a mapping with `path` and other options, not {content!r:.40}.")
    for name in ("path", "template_file"):
        if isinstance(content.get(name), str):
            content[name] = str(path.parent / content[name])
    return content


def _checked(given: dict[str, Any], where: str) -> Options:
    if given.get("template") is not None and given.get("template_file") is not None:
        raise UserError(f"{where}: `template` and `template_file` are both given; leave one out.")
    try:
        return Options.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise UserError(f'{where}: there is no option "{name}"; {nearest(name, Options.model_fields)}') from None
        if first["type"] == "missing":
            raise UserError(f"{where}: `{name}` is missing; add it.") from None
        raise UserError(
            f"{where}: `{name}` {first['msg'].removeprefix('Input ')}, not {first['input']!r:.40}."
        ) from None
