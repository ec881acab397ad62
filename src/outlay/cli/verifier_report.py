"""`outlay verifier-report`: how good each verifier's scores are, what they cost, and what choosing by them gains."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outlay.cli import completion
from outlay.cli.options import Aggregation, AsJson, Verbose

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MEASURES = (
    ("auc_within_question", "AUC within"),
    ("auc", "AUC"),
    ("accuracy", "accuracy"),
    ("brier", "Brier"),
)
NAME_WIDTH, NARROW = 18, 14
"""Characters that a verifier's name has at least before it is folded; where there are many bins."""


def verifier_report(
    traces: Annotated[
        list[Path],
        typer.Argument(help="Folders of traces, or files of samples with scores.", readable=False),
    ],
    verifier: Annotated[
        list[str] | None,
        typer.Option(
            "--verifier",
            help="Only this verifier; repeatable. All that have scored the samples, where it is not given.",
            autocompletion=completion.verifiers,
        ),
    ] = None,
    aggregation: Aggregation = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for verifiers.json, report.html and each verifier's calibration curve."),
    ] = None,
    bins: Annotated[int, typer.Option("--bins", min=1, help="Difficulty bins.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of resampling and folds.")] = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """How good verifiers are on samples that they have scored, what a score costs, and what choosing by them gains.

    Accuracy, AUC overall and within a question, Brier score, calibration, each difficulty bin, and the accuracy of best-of-N
    against N, with the peak where more samples surely make it worse. Score the samples with outlay verify before.

    Example: outlay verifier-report demo --verifier embedded:countdown-prm --out verifiers
    """
    from rich.console import Console

    from outlay.cli.analyse import check_distinct
    from outlay.cli.outputs import check_outputs
    from outlay.study.settings import Settings
    from outlay.study.verifier_report import judged_in, selected
    from outlay.study.verifier_report import verifier_report as reported

    check_distinct(traces)
    if out is not None:
        check_outputs(out, "verifiers.json", "report.html")
    console = Console(stderr=as_json)
    with console.status("reading scores"):
        found = selected(judged_in(traces, aggregation), verifier or ())
    with console.status("computing figures"):
        report = reported(found, Settings(seed=seed, bins=bins))
    written = [] if out is None else _write(report, out)
    if as_json:
        sys.stdout.write(json.dumps(report, allow_nan=False) + "\n")
        return
    for group in report["groups"]:
        _show(console, group)
    if written:
        console.print("Written: " + ", ".join(map(str, written)), soft_wrap=True, markup=False)


def _write(report: Mapping[str, Any], out: Path) -> list[Path]:
    from outlay.report import write_report
    from outlay.report.outputs import file_names
    from outlay.study.summary import write_summary
    from outlay.study.verifier_report import as_summary
    from outlay.traces.files import together, write_text_whole

    entries = [(group, entry) for group in report["groups"] for entry in group["verifiers"]]
    names = file_names([f"{group['task']} {entry['name']}" for group, entry in entries])
    curves = [out / f"calibration-{name}.json" for name in names]
    with together():
        write_summary(report, out / "verifiers.json")
        write_report(as_summary(report), out / "report.html")
        for path, (_, entry) in zip(curves, entries, strict=True):
            write_text_whole(path, json.dumps({"verifier": entry["name"], "points": entry["calibration"]}) + "\n")
    return [out / "verifiers.json", out / "report.html", *curves]


def _show(console: Console, group: Mapping[str, Any]) -> None:
    console.print()
    what = f"{group['task']}: {group['model']}, {group['questions']} questions, {group['samples']} samples of each"
    console.print(what, style="bold", markup=False)
    entries = group["verifiers"]
    if entries:
        for table in (_quality(entries), _by_bin(entries), _usefulness(group, entries)):
            if table is not None:
                console.print(table)
                console.print()
    for entry in entries:
        for sentence in entry["sentences"]:
            sure = " peaks at N=" in sentence
            console.print(f"- {_short(entry)}: {sentence}", style="yellow" if sure else None, markup=False)
        for warning in entry["warnings"]:
            console.print(f"! {_short(entry)}: {warning}", style="yellow", markup=False)
    for warning in group["warnings"]:
        console.print(f"! {warning}", style="yellow", markup=False)


def _quality(entries: Sequence[Mapping[str, Any]]) -> Table:
    """A row a verifier: its measures with their intervals; ECE is the expected calibration error."""
    table = _table("verifier")
    for label in (*(label for _, label in MEASURES), "ECE"):
        table.add_column(label, justify="right", no_wrap=True)
    for entry in entries:
        quality = entry["quality"]
        error = quality.get("reliability", {}).get("expected_calibration_error")
        cells = [_estimate(quality.get(key)) for key, _ in MEASURES]
        table.add_row(_short(entry), *cells, "" if error is None else f"{error:.3f}")
    return table


def _by_bin(entries: Sequence[Mapping[str, Any]]) -> Table | None:
    """AUC within a question in each difficulty bin, the easiest first."""
    found = [(entry, entry["quality"].get("per_bin", {}).get("auc_within_question")) for entry in entries]
    known = [(entry, values) for entry, values in found if values]
    if not known:
        return None
    table = _table("AUC within, by bin", NARROW)
    for number in range(max(len(values["mean"]) for _, values in known)):
        table.add_column(f"bin {number}", justify="right", no_wrap=True)
    for entry, values in known:
        points = zip(values["mean"], values["low"], values["high"], strict=True)
        table.add_row(_short(entry), *(_estimate({"mean": m, "low": lo, "high": hi}) for m, lo, hi in points))
    return table


def _usefulness(group: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Table:
    """Accuracy of best-of-N by each verifier (and of votes by it) at powers of four and at sure peaks; below, what needs none."""
    from outlay.cli.tables import PEAK
    from outlay.strategies.names import method_name

    every = group["pass"]["n"]
    peaks = {curve["peak"]["n"] for entry in entries for curve in entry["usefulness"].values() if _surely(curve)}
    shown = sorted({n for n in every if n in (1, 4, 16, 64)} | {every[-1]} | peaks)
    table = _table("right in %")
    for n in shown:
        table.add_column(f"N = {n}", justify="right")
    costs = any(entry["cost"] for entry in entries)
    if costs:
        table.add_column("a score costs", justify="right")
    for entry in entries:
        for way, curve in entry["usefulness"].items():
            first = way == "best_of_n"
            label = _short(entry) if first else f"  {method_name(way)}"
            table.add_row(label, *_cells(curve, shown, PEAK), *([_cost(entry["cost"])] if first and costs else []))
    for key, label in (("majority", "(majority)"), ("pass", "(any right)")):
        if key in group:
            table.add_row(label, *_cells(group[key], shown, PEAK))
    if peaks:
        table.caption = f"{PEAK} a peak: beyond it more samples surely make it worse"
    return table


def _surely(curve: Mapping[str, Any]) -> bool:
    return bool(curve.get("peak", {}).get("surely"))


def _cells(curve: Mapping[str, Any], shown: Sequence[int], mark: str) -> Iterator[str]:
    for n in shown:
        place = curve["n"].index(n)
        mean, low, high = (100 * curve[part][place] for part in ("mean", "low", "high"))
        yield f"{mark if _surely(curve) and curve['peak']['n'] == n else ''}{mean:.1f}\n({low:.0f}-{high:.0f})"


def _table(first: str, width: int = NAME_WIDTH) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(header_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold", min_width=width)
    return table


def _estimate(found: Mapping[str, Any] | None) -> str:
    if found is None or found["mean"] is None:
        return ""
    return f"{found['mean']:.3f}\n({found['low']:.2f}-{found['high']:.2f})"


def _cost(cost: Mapping[str, float]) -> str:
    """Tokens, and below the FLOPs of reading them."""
    if "tokens" not in cost:
        return ""
    flops = f"\n{cost['flops']:.1e} FLOPs" if cost.get("flops") else ""
    return f"{cost['tokens']:.1f} tokens{flops}"


def _short(entry: Mapping[str, Any]) -> str:
    return str(entry["name"]).replace("embedded:", "")
