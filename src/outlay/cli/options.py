"""Options that several commands share, so that they read and behave alike."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from outlay.cli import completion

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Say on standard error what is being done, and show tracebacks.")
]
Aggregation = Annotated[
    str | None,
    typer.Option(
        "--aggregation",
        help="Score of a sample from its step scores: last, min, prod or mean; as it was recorded, where it is not given.",
        autocompletion=completion.aggregations,
    ),
]


def allow_unsandboxed(allowed: bool) -> bool:
    """What `--unsafe-no-sandbox` does: this process and the workers that it starts run programs uncontained."""
    if allowed:
        from outlay.tasks.sandbox import UNSAFE

        os.environ[UNSAFE] = "1"
    return allowed


UnsafeNoSandbox = Annotated[
    bool,
    typer.Option(
        "--unsafe-no-sandbox",
        callback=allow_unsandboxed,
        help="Run programs that a model wrote with your own rights where bubblewrap cannot contain them.",
    ),
]
