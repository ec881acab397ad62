"""`outlay lab`: re-make the shipped models, or print what they can do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The embedded models: make them again, or measure the shipped ones.")
Family = Annotated[
    str | None, typer.Option("--family", help="countdown, arithmetic or arithmetic-clean; all where it is not given.")
]


@app.command()
def train(
    family: Family = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the model folders.")] = Path("lab-weights"),
    only: Annotated[list[str] | None, typer.Option("--only", help="Make only this model; repeatable.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of weights, data and sampling.")] = 0,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Train policies and verifiers from nothing (needs torch; about two hours on one core for everything).

    Example: outlay lab train --family countdown --out lab-weights
    """
    from outlay.lab.train import make
    from outlay.traces.files import check_folder

    check_folder(out)
    make(family, only or [], out, seed, typer.echo)


@app.command()
def check(
    family: Family = None,
    questions: Annotated[int, typer.Option("--questions", help="Test questions a family.")] = 500,
    samples: Annotated[int, typer.Option("--samples", help="Samples a question.")] = 32,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the sampling.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Measure the shipped models on test questions: accuracy by difficulty, and whether each verifier verifies.

    Example: outlay lab check --family countdown --questions 200
    """
    from outlay.lab.check import check_families, shown

    figures = check_families(family, questions, samples, seed)
    typer.echo(json.dumps(figures, indent=2) if as_json else shown(figures))
