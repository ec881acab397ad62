"""What `-v` turns on: the package's own account of what it does, on standard error.

Modules say what they do through `logging.getLogger(__name__)`, at the level INFO; nothing is heard of it unless a command is
given `-v`, or a program that imports Outlay sets up logging itself. What looks like a secret never gets out: `without_secrets`
is applied to every line.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

HIDDEN = "[hidden]"
SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD")
SHORTEST_SECRET = 8
"""Characters: what is shorter, and stands in such a variable, is rather a setting ("true", "1") than a secret."""

SECRET_SHAPES = (
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),  # user and password in an address
    re.compile(r"(?i)(?<=bearer )\S+"),
    re.compile(r"(?i)(?<=\b)((?:api[-_]?key|token|secret|password)['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,;)}]+"),
    re.compile(r"\b(?:sk|hf|ghp|pk)[-_][A-Za-z0-9_-]{16,}"),
)


@contextmanager
def heard(verbose: bool) -> Iterator[None]:
    """While this lasts, and if `verbose`, what the package logs goes to standard error, a line each."""
    logger = logging.getLogger("outlay")
    if not verbose:
        yield
        return
    handler = ToStandardError()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


class ToStandardError(logging.Handler):
    """Writes to whatever `sys.stderr` is at the time, so that a live progress bar is not torn apart."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        sys.stderr.write(without_secrets(self.format(record)) + "\n")


def without_secrets(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text with every secret hidden: what the environment calls a key, and what is shaped like one.

    >>> without_secrets("openai:https://me:hunter2@host/v1?api_key=abc", {})
    'openai:https://[hidden]@host/v1?api_key=[hidden]'
    >>> without_secrets("sent s3cretvalue", {"SERVER_API_KEY": "s3cretvalue"})
    'sent [hidden]'
    """
    for name, value in (os.environ if environment is None else environment).items():
        if name.upper().endswith(SECRET_NAMES) and len(value) >= SHORTEST_SECRET:
            text = text.replace(value, HIDDEN)
    for shape in SECRET_SHAPES:
        text = shape.sub(lambda found: (found.group(1) if found.re.groups else "") + HIDDEN, text)
    return text
