"""`outlay analyse`: what samples that already exist say about test-time compute. Needs no model."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Traces = Annotated[
    list[Path], typer.Argument(help="Files of samples (.jsonl, .jsonl.gz, .parquet) or folders of traces.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for summary.json and report.html; without it nothing is written.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object on standard output.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of resampling, folds and random orders.")]
Bins = Annotated[int, typer.Option("--bins", min=1, help="Difficulty bins.")]
Pilot = Annotated[int, typer.Option("--pilot", min=1, help="Samples that a cheap difficulty estimate draws.")]
Shrinkage = Annotated[
    float, typer.Option("--shrinkage", min=0, help="Questions' worth of all bins together that steady a bin's choice.")
]
Budget = Annotated[
    int, typer.Option("--budget", min=1, help="Generations a question at which policies are compared in one sentence.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show a traceback with an error.")]


def analyse(
    traces: Traces,
    out: Out = None,
    as_json: AsJson = False,
    seed: Seed = 0,
    bins: Bins = 5,
    pilot: Pilot = 4,
    budget: Budget = 16,
    shrinkage: Shrinkage = 20.0,
    verbose: Verbose = False,
) -> None:
    """Curves, difficulty, policies and a report from samples that already exist.

    A file has one sample a line: question_id, correct, answer or text, and optionally score, step_scores, tokens, model,
    chain, position, level.

    Example: outlay analyse samples.jsonl.gz --out report
    """
    from rich.console import Console

    from outlay.cli.outputs import check_outputs
    from outlay.cli.tables import print_summary
    from outlay.study.settings import Settings
    from outlay.study.summary import summarise_files, write_summary

    began = time.monotonic()
    check_distinct(traces)
    if out is not None:
        check_outputs(out, "summary.json", "report.html")
    console = Console(stderr=as_json)
    settings = Settings(seed=seed, bins=bins, pilot=pilot, headline_budget=budget, shrinkage=shrinkage)
    with console.status("reading samples and computing curves"):
        summary = summarise_files(traces, settings)
    summary["seconds"] = round(time.monotonic() - began, 1)
    written: list[Path] = []
    if out is not None:
        from outlay.report import write_report

        write_summary(summary, out / "summary.json")
        write_report(summary, out / "report.html")
        written = [out / "summary.json", out / "report.html"]
    if as_json:
        sys.stdout.write(json.dumps(summary, allow_nan=False) + "\n")
        return
    print_summary(console, summary)
    if written:
        console.print("Written: " + ", ".join(str(path) for path in written), soft_wrap=True, markup=False)
    else:
        console.print("Give --out DIR for the full summary and a report with figures.")


def check_distinct(paths: Sequence[Path]) -> None:
    """A UserError where a file or folder is named twice: what is in it would count double."""
    from outlay.errors import UserError

    seen = set()
    for path in paths:
        if path.resolve() in seen:
            raise UserError(f"{path} is given twice; what is in it would count double, so name it once.")
        seen.add(path.resolve())
