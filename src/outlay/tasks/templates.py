"""Prompt templates: how a question's fields become the text that the model reads, in Jinja.

A template comes from a file that somebody else may have written, so it runs in Jinja's sandbox: no attributes that start with an
underscore, nothing is changed, no files. A field that the row does not have, and a prompt with nothing in it, are mistakes, not
blanks. The reference answer is not among the fields: the model would read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from outlay.errors import UserError
from outlay.registry import nearest


@dataclass(frozen=True)
class Template:
    """A Jinja template; `where` names it in error messages.

    >>> Template("Question: {{ question }}\\nAnswer:").prompt({"question": "1 + 1?"}, "q.jsonl, line 1")
    'Question: 1 + 1?\\nAnswer:'
    """

    source: str
    where: str = "the template"

    def __post_init__(self) -> None:
        """Compile it now, so that a mistake in it is met before anything is spent."""
        _ = self._compiled

    @cached_property
    def _compiled(self) -> Any:
        from jinja2 import StrictUndefined, TemplateSyntaxError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )
        try:
            return environment.from_string(self.source)
        except TemplateSyntaxError as error:
            raise UserError(
                f"{self.where}, line {error.lineno}: not a Jinja template ({error.message}); mend it there."
            ) from error

    def prompt(self, fields: Mapping[str, Any], place: str, hidden: str | None = None) -> str:
        """The text for one row; `place` says which row, `hidden` is its field with the reference answer.

        Raises UserError for a field that is not there, for the hidden one, for anything that the sandbox refuses, and where
        nothing but white space comes out.
        """
        from jinja2 import UndefinedError

        try:
            text = str(self._compiled.render({name: value for name, value in fields.items() if name != hidden}))
        except UndefinedError as error:
            if hidden is not None and f"'{hidden}' is undefined" in str(error):
                raise UserError(
                    f"{self.where} shows `{hidden}`, the reference answer, to the model; take it out of the template."
                ) from error
            raise UserError(self._unknown(str(error), fields, place, hidden)) from error
        except Exception as error:  # a template may do anything that Python expressions can
            raise UserError(f"{place}: {self.where} fails ({type(error).__name__}: {error}); mend it.") from error
        if not text.strip():
            raise UserError(
                f"{place}: the prompt that {self.where} makes is empty; give the row its text, or the template some words."
            )
        return text

    def _unknown(self, message: str, fields: Mapping[str, Any], place: str, hidden: str | None) -> str:
        name = message.split("'")[1] if message.count("'") > 1 and message.endswith("is undefined") else ""
        known = [field for field in fields if field != hidden]
        if not name:
            return f"{place}: {self.where} uses a field that is not there ({message}); there are {', '.join(known)}."
        return f"{place}: {self.where} uses the field `{name}`, which the row does not have; {nearest(name, known)}"
