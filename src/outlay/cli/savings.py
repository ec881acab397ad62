"""`outlay savings`: what deciding as one goes saves against the same for every question, and against published rules."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outlay.cli import completion
from outlay.cli.options import AsJson, Verbose

if TYPE_CHECKING:
    from rich.table import Table

SHOWN = 3
"""Mean budgets that the table has at most."""


def savings(
    fitted_on: Annotated[
        list[Path],
        typer.Argument(
            help="Traces or samples that fix all that is chosen; the questions are measured by others of them."
        ),
    ],
    measured: Annotated[
        list[Path] | None,
        typer.Option("--measured", help="Traces or samples of other questions, which are measured instead."),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget",
            min=1,
            help="Mean generations of the headline; left out, the questions that fit choose it where others are measured, else 8.",
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="This task alone.", autocompletion=completion.tasks)
    ] = None,
    orders: Annotated[
        int, typer.Option("--orders", min=4, help="Random orders of each question's samples; a quarter of them fit.")
    ] = 64,
    resamples: Annotated[int, typer.Option("--resamples", min=50, help="Resamples of an interval.")] = 2000,
    out: Annotated[Path | None, typer.Option("--out", help="A Markdown file of the tables.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of folds, random orders and resampling.")] = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """How many times less compute sequential policies and published stopping rules need than the same for all.

    Read at a mean budget and, where other questions are measured, at an accuracy that the fitting questions fixed.

    Example: outlay savings runs/savings-validation --measured runs/savings
    """
    from rich.console import Console

    from outlay.study.samples import read
    from outlay.study.saving import savings as compute
    from outlay.study.saving import sources
    from outlay.study.saving_told import markdown, sentences
    from outlay.study.settings import Settings
    from outlay.traces.files import check_file, write_text_whole

    if out is not None:
        check_file(out)
    settings = Settings(seed=seed, headline_budget=budget or 8, resamples=resamples)
    console = Console(stderr=as_json)
    with console.status("fitting policies and replaying samples"):
        fits = {key: one for key, one in sources(read(fitted_on)).items() if task in (None, key[0])}
        others = sources(read(measured)) if measured else None
        found = compute(fits, others, settings, orders=orders, budget=budget)
    if out is not None:
        write_text_whole(out, markdown(found))
    if as_json:
        sys.stdout.write(json.dumps({"savings": found, "seed": seed}, allow_nan=False) + "\n")
        return
    for entry in found:
        console.print()
        console.print(f"{entry['task']}: {entry['model']}, {entry['questions']} questions", style="bold", markup=False)
        console.print(table_of(entry))
        for sentence in sentences(entry):
            console.print(f"- {sentence}", markup=False)
    if out is not None:
        console.print(f"Written: {out}", markup=False)


def table_of(entry: Mapping[str, Any]) -> Table:
    """Accuracy in percent at each mean budget, its real cost below where it is another, and savings at the headline's budget."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from outlay.study.saving_told import cells_of, columns_of, ratio_of, rows_of

    budgets, head = columns_of(entry, SHOWN), entry["headline"]["budget"]
    table = Table(header_style="bold", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("right, %", overflow="fold")
    for budget in budgets:
        table.add_column(f"mean {budget:g}", justify="right", no_wrap=True)
    table.add_column(f"times less at {head:g}", justify="right", overflow="fold")
    for label, row in rows_of(entry):
        ratios = [ratio_of(row, name, head) for name in ("compute_ratio", "compute_ratio_to_best_fixed")]
        told = [cell.replace(" @ ", "\n@ ") for cell in cells_of(row, budgets)]
        table.add_row(label, *told, "\n".join(f"{ratio}" for ratio in ratios if ratio))
    table.caption = "times less: than uniform, below it than the best fixed"
    return table
