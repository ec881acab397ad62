"""`outlay analyse`: what samples that already exist say about test-time compute. Needs no model."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Traces = Annotated[
    list[Path], typer.Argument(help="Files of samples (.jsonl, .jsonl.gz, .parquet) or folders of traces.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for summary.json and report.html; without it nothing is written.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object on standard output.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of resampling, folds and random orders.")]
Bins = Annotated[int, typer.Option("--bins", min=1, help="Difficulty bins.")]
Pilot = Annotated[int, typer.Option("--pilot", min=1, help="Samples that a cheap difficulty estimate draws.")]
Budget = Annotated[
    int, typer.Option("--budget", min=1, help="Generations a question at which policies are compared in one sentence.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show a traceback with an error.")]

COLUMNS = 9
"""Budgets that a table shows at most."""


def analyse(
    traces: Traces,
    out: Out = None,
    as_json: AsJson = False,
    seed: Seed = 0,
    bins: Bins = 5,
    pilot: Pilot = 4,
    budget: Budget = 16,
    verbose: Verbose = False,
) -> None:
    """Curves, difficulty, policies and a report from samples that already exist.

    A file has one sample a line: question_id, correct, answer or text, and optionally score, step_scores, tokens, model,
    chain, position, level.

    Example: outlay analyse samples.jsonl.gz --out report
    """
    from rich.console import Console

    from outlay.study.settings import Settings
    from outlay.study.summary import summarise_files, write_summary

    began = time.monotonic()
    console = Console(stderr=as_json)
    settings = Settings(seed=seed, bins=bins, pilot=pilot, headline_budget=budget)
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
    for group in summary["groups"]:
        print_group(console, group)
    if written:
        console.print("Written: " + ", ".join(str(path) for path in written), soft_wrap=True, markup=False)
    else:
        console.print("Give --out DIR for the full summary and a report with figures.")


def print_group(console: Console, group: Mapping[str, Any]) -> None:
    """One group of a summary: curves and policies as tables, then the findings and the warnings in words."""
    console.print()
    console.print(
        f"{group['task']}, {group['model']}: {group['questions']} questions x {group['samples']} samples",
        style="bold",
        markup=False,
    )
    console.print(_curves(group["curves"]))
    if group.get("policies"):
        console.print(_policies(group["policies"]))
    for sentence in group["sentences"]:
        console.print(f"- {sentence}", markup=False)
    for warning in group["warnings"]:
        console.print(f"! {warning}", style="yellow", markup=False)


def _curves(curves: Mapping[str, Mapping[str, Any]]) -> Table:
    budgets = _shown(sorted({n for curve in curves.values() for n in curve["n"]}))
    table = _table("accuracy, % (95% interval)", [f"N = {n}" for n in budgets])
    for name, curve in curves.items():
        points = dict(zip(curve["n"], zip(curve["mean"], curve["low"], curve["high"])))
        table.add_row(_label(name), *(_percent(*points[n]) if n in points else "" for n in budgets))
    return table


def _policies(policies: Mapping[str, Mapping[str, Any]]) -> Table:
    budgets = _shown(sorted({budget for policy in policies.values() for budget in policy["budget"]}))
    table = _table("accuracy, % \\[whole cost]", [f"budget {budget:g}" for budget in budgets])
    for name, policy in policies.items():
        found = dict(zip(policy["budget"], zip(policy["accuracy"], policy["cost"])))
        cells = [f"{100 * found[b][0]['mean']:.1f} \\[{found[b][1]:.1f}]" if b in found else "" for b in budgets]
        table.add_row(_label(name), *cells)
    return table


def _table(first: str, columns: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(first, box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _shown(budgets: Sequence[float]) -> list[float]:
    """At most `COLUMNS` of the budgets, the first and the last among them."""
    step = -(-len(budgets) // COLUMNS)
    shown = list(budgets[::step])
    return shown if shown[-1] == budgets[-1] else [*shown, budgets[-1]]


def _label(name: str) -> str:
    from rich.markup import escape

    if name.startswith("{"):
        spec = json.loads(name)
        options = ", ".join(f"{key} {value}" for key, value in spec.items() if key != "name")
        return escape(f"{spec['name']} ({options})".replace("_", " "))
    return escape(name.replace("_", " "))


def _percent(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:.1f} ({100 * low:.0f}-{100 * high:.0f})"
