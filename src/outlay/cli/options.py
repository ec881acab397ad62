"""Options that several commands share, so that they read and behave alike."""

from __future__ import annotations

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
