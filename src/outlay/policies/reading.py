"""Reading YAML that may have come from anyone: plain fields of moderate size, or a sentence that says what is wrong.

Refused: files above a size limit, aliases (a few lines of them can stand for gigabytes), tags that make Python objects, a field
given twice, and nesting too deep to be a policy. Nothing in a file is ever executed or imported.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from outlay.errors import UserError

MOST_BYTES = 2_000_000
"""A policy of hundreds of strategies and budgets takes some hundred kilobytes."""
DEEPEST = 40
"""Levels of nesting; a policy has about ten."""


class _PlainLoader(yaml.SafeLoader):
    """The safe loader without aliases, doubled fields and bottomless nesting."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self._mark()
            raise yaml.constructor.ConstructorError(
                None, None, "aliases (`*name`) are not allowed; write the value out", mark
            )
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self._mark()
            raise yaml.constructor.ConstructorError(None, None, f"nested deeper than {DEEPEST} levels", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def _mark(self) -> Any:
        return self.peek_event().start_mark  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the field `{name!s:.60}` is given twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def plain_fields(path: Path, what: str = "a policy", made_by: str = "`outlay calibrate`") -> dict[str, Any]:
    """The fields of a YAML file.

    Args:
        path: the file.
        what: what it should hold, for the errors ("a policy").
        made_by: the command that writes such files, for the errors.

    Raises:
        UserError: there is no such file, it cannot be read, it is too large, or it is not plain YAML fields.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise UserError(
                f"{path} is larger than {MOST_BYTES / 1e6:g} MB, too large for {what}; give the file that {made_by} wrote."
            )
        fields = yaml.load(raw.decode("utf-8"), _PlainLoader)
    except FileNotFoundError:
        raise UserError(f"There is no policy file {path}; {made_by} writes one.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; give the policy file in it, as {made_by} wrote it.") from None
    except yaml.constructor.ConstructorError as error:
        at = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise UserError(f"{path}{at}: {_problem(error)}; give the file as {made_by} wrote it.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise UserError(f"{path} is not a YAML file that can be read: {' '.join(str(error).split())}.") from error
    if not isinstance(fields, dict):
        raise UserError(
            f"{path} must hold {what}'s fields (`format`, `task`, `model`, ...), not a {type(fields).__name__}."
        )
    return fields


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(str(error.problem).split())
    if "could not determine a constructor" in said:
        tag = said.partition("tag")[2].strip(" '")
        return f"the tag {tag:.80} is not allowed; only plain values are"
    return said
