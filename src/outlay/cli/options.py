"""Options that several commands share, so that they read and behave alike."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Say on standard error what is being done, and show tracebacks.")
]
