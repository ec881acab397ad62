"""`outlay analyse`: what samples that already exist say about test-time compute. Needs no model."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from outlay.cli.options import Aggregation, AsJson, Verbose

Traces = Annotated[
    list[Path],
    typer.Argument(
        help="Samples (.jsonl, .jsonl.gz, .parquet), logs of inspect_ai or lm-evaluation-harness, folders of traces.",
        readable=False,  # what cannot be read is told with its reason when it is read
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for summary.json and report.html; without it nothing is written.")
]
Findings = Annotated[
    bool, typer.Option("--findings", help="Ask every finding of docs/reproduction.md that the samples allow.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of resampling, folds and random orders.")]
Bins = Annotated[int, typer.Option("--bins", min=1, help="Difficulty bins.")]
Pilot = Annotated[
    int | None,
    typer.Option("--pilot", min=1, help="Samples that a cheap difficulty estimate draws; 4 where it is not given."),
]
Shrinkage = Annotated[
    float, typer.Option("--shrinkage", min=0, help="Questions' worth of all bins together that steady a bin's choice.")
]
Budget = Annotated[
    int | None,
    typer.Option(
        "--budget",
        min=1,
        help="Generations a question at which policies are compared in one sentence; 16, or the most that there are, where "
        "it is not given.",
    ),
]
SkipBad = Annotated[
    bool,
    typer.Option(
        "--skip-bad", help="Go on without bad rows and damaged parts of traces; warnings say which were left out."
    ),
]
log = logging.getLogger(__name__)


def analyse(
    traces: Traces,
    out: Out = None,
    as_json: AsJson = False,
    findings: Findings = False,
    seed: Seed = 0,
    bins: Bins = 5,
    pilot: Pilot = None,
    budget: Budget = None,
    shrinkage: Shrinkage = 20.0,
    skip_bad: SkipBad = False,
    aggregation: Aggregation = None,
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
    from outlay.study.samples import read
    from outlay.study.settings import Settings
    from outlay.study.summary import summarise_samples, write_summary
    from outlay.traces.files import together

    began = time.monotonic()
    check_distinct(traces)
    if out is not None:
        check_outputs(out, "summary.json", "report.html")
    console = Console(stderr=as_json)
    settings = Settings(
        seed=seed,
        bins=bins,
        pilot=pilot or 4,
        headline_budget=budget or 16,
        shrinkage=shrinkage,
        every_finding=findings,
    )
    with console.status("reading samples"):
        samples = read(traces, skip_bad=skip_bad, aggregation=aggregation)
    log.info(
        "read %d pools from files and %d from traces in %.1f s",
        *(len(samples.pools), len(samples.recorded), time.monotonic() - began),
    )
    check_fits(samples.largest, budget, pilot)
    with console.status("computing curves"):
        summary = summarise_samples(samples, settings)
    summary["seconds"] = round(time.monotonic() - began, 1)
    written: list[Path] = []
    if out is not None:
        from outlay.report import write_report

        with together():
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


def check_fits(largest: int, budget: int | None, pilot: int | None) -> None:
    """A UserError where a budget or pilot that was asked for is more than there are generations a question."""
    from outlay.errors import UserError

    if budget is not None and budget > largest:
        raise UserError(
            f"--budget {budget} is beyond the {largest} generations a question that there are: sample more, or ask for at "
            f"most {largest}."
        )
    if pilot is not None and pilot >= largest:
        raise UserError(
            f"--pilot {pilot} leaves nothing of the {largest} generations a question that there are: take a smaller pilot, or "
            "sample more."
        )


def check_distinct(paths: Sequence[Path]) -> None:
    """A UserError where a file or folder is named twice: what is in it would count double."""
    from outlay.errors import UserError

    seen = set()
    for path in paths:
        if path.resolve() in seen:
            raise UserError(f"{path} is given twice; what is in it would count double, so name it once.")
        seen.add(path.resolve())
