"""`outlay run STUDY.yaml`: a study of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outlay.cli.options import AsJson, UnsafeNoSandbox, Verbose

Out = Annotated[Path | None, typer.Option("--out", help="Folder for traces, summary, policy and report.")]
Workers = Annotated[int, typer.Option("--workers", help="Worker processes; 0: one a core. No effect on results.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of every draw; the study's own where it is not given.")
]


def run(
    study: Annotated[Path, typer.Argument(help="The study, a YAML file.")],
    out: Out = None,
    workers: Workers = 0,
    seed: Seed = None,
    unsafe_no_sandbox: UnsafeNoSandbox = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the price and stop.")] = False,
    total_budget: Annotated[
        int | None,
        typer.Option("--total-budget", min=1, help="Generations for all questions together, spent by the --policy."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="The policy file that spends a --total-budget.")
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Run a study: sample, search, score, calibrate, compare, report. Resumes where it was stopped.

    Example: outlay run study.yaml --out runs/mine --dry-run
    """
    from outlay.cli.session import Session
    from outlay.study.study import load_study

    if total_budget is not None:
        from outlay.cli.batch import run_with_total

        run_with_total(study, out, total_budget, policy, seed, as_json)
        return
    loaded = load_study(study)
    Session(loaded, out or Path("runs") / loaded.name, workers, seed, as_json).go(dry_run=dry_run)
