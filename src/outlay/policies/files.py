"""Policy files on disk: YAML behind a comment in words, written whole or not at all, read with errors one can act on."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from outlay.errors import UserError
from outlay.policies.reading import plain_fields
from outlay.traces.files import write_text_whole

Model = TypeVar("Model", bound=BaseModel)


def write(fields: dict[str, Any], comment: list[str], path: Path) -> None:
    """Write fields as YAML under comment lines, replacing the file in one step; a UserError where that cannot be done."""
    text = "".join(f"# {line}\n" for line in comment) + yaml.safe_dump(
        fields, sort_keys=False, allow_unicode=True, width=110
    )
    write_text_whole(path, text)


def read(model: type[Model], path: Path) -> Model:
    """Read a YAML file as a model.

    Raises:
        UserError: no such file, not YAML, or a field that is missing, unknown (with the nearest known name) or wrong.
    """
    return validated(model, fields_of(path), path)


def fields_of(path: Path) -> dict[str, Any]:
    """What a YAML file holds, nothing of it checked.

    Raises:
        UserError: no such file, too large, not plain YAML (no aliases, no tags), or no mapping.
    """
    return plain_fields(path)


def validated(model: type[Model], fields: dict[str, Any], path: Path) -> Model:
    """The fields of a file as a model.

    Raises:
        UserError: a field that is missing, unknown (with the nearest known name) or wrong.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"{path}: {_first_problem(model, error)}") from None


def _first_problem(model: type[BaseModel], error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "the file"
    if problem["type"] == "extra_forbidden":
        known = sorted(_known_names(model))
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.0)
        return f"unknown field `{where}`; did you mean `{near[0]}`?"
    if where == "format" and problem["type"] == "literal_error":
        return (
            f"`format` is {problem['input']!r:.60}, and this Outlay reads {problem['ctx']['expected']}; upgrade Outlay, or "
            "calibrate the policy again."
        )
    if problem["type"] == "missing":
        return f"the field `{where}` is missing; add it."
    return f"`{where}`: {problem['msg'].removeprefix('Value error, ')} (found {problem['input']!r:.60})."


def _known_names(model: type[BaseModel]) -> set[str]:
    """Field names of a model and of the models inside it."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(name)
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                names |= _known_names(inner)
    return names
