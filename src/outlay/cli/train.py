"""`outlay train`: training on one's own traces."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from outlay.cli.options import AsJson, Verbose
from outlay.cli.usage import group

app = group(help="Train on your own traces.")


@app.callback()
def _train() -> None:
    """A group, also while it has one command."""


@app.command()
def probe(
    config: Annotated[Path, typer.Argument(help="YAML file: traces, features, out, and how to train.", readable=False)],
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write, instead of the configuration's.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of the split and the fit, instead of the configuration's.")
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train a small head on hidden states or embeddings: a verifier (probe:FOLDER), or an estimate of difficulty.

    Minutes at most; no GPU. What it is worth is measured on questions that it has not seen. Example: outlay train probe probe.yaml
    """
    from rich.console import Console

    from outlay.traces.files import check_folder
    from outlay.train.config import load_config
    from outlay.train.probe import train_probe, write

    read = load_config(config)
    read = read.model_copy(update={name: value for name, value in (("out", out), ("seed", seed)) if value is not None})
    check_folder(read.out)
    console = Console(stderr=as_json)
    trained = train_probe(read, lambda line: console.print(f"{line} ...", markup=False, highlight=False))
    write(read, trained)
    if as_json:
        card = {"out": str(read.out), "features": read.features, "target": read.target, **trained.probe.about}
        sys.stdout.write(json.dumps(card, allow_nan=False) + "\n")
        return
    show(console, trained.probe.about["test"])
    verifies = read.target == "solutions"
    use = "outlay verify TRACES --verifier" if verifies else "outlay calibrate OTHER_TRACES --budget 16 --difficulty"
    following = f"{use} probe:{read.out}"
    console.print(f"Written: {read.out}. Next: {following}", markup=False, soft_wrap=True)


def show(console: Any, figures: dict[str, Any]) -> None:
    """The figures on the test questions as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for column in (f"on {figures['questions']} test questions", "value", "95% interval"):
        table.add_column(column)
    for name, found in figures.items():
        if isinstance(found, dict):
            table.add_row(name.replace("_", " "), str(found["value"]), f"{found['low']} to {found['high']}")
    console.print(table)
