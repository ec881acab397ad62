"""`outlay lab`: re-make the shipped models, or print what they can do."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from outlay.cli import completion
from outlay.cli.options import AsJson, Verbose
from outlay.cli.usage import group
from outlay.errors import OutlayError, UserError
from outlay.lab.recipes import FAMILIES

app = group(help="The embedded models: make them again, or measure the shipped ones.")
Family = Annotated[
    str | None,
    typer.Option(
        "--family",
        help=f"One of {', '.join(FAMILIES)}; all where it is not given.",
        autocompletion=completion.families,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Make only this model; repeatable.", autocompletion=completion.lab_models),
]


@app.command()
def train(
    family: Family = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the model folders.")] = Path("lab-weights"),
    only: Only = None,
    everything: Annotated[bool, typer.Option("--all", help="Make every model of every family.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Worker processes: models made at a time.")] = 2,
    device: Annotated[
        str, typer.Option("--device", help="What torch computes on: cpu, or a GPU such as cuda.")
    ] = "cpu",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of weights, data and sampling.")] = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train policies, revisers and verifiers from nothing (needs torch); models that are made already are left alone.

    Everything takes some hours on two cores. Example: outlay lab train --family countdown --out lab-weights
    """
    from outlay.lab.schedule import make
    from outlay.traces.files import check_folder

    check_folder(out)
    if everything == bool(family or only):
        raise UserError("say what to make: --all, or a --family, or a model with --only (and not both).")
    began, before = time.monotonic(), written(out)
    make(family, only or [], out, seed, lambda line: typer.echo(line, err=as_json), workers, device)
    if as_json:
        made = {
            card.parent.name: json.loads(card.read_text(encoding="utf-8"))
            for card, moment in written(out).items()
            if moment != before.get(card)
        }
        told = {"out": str(out), "seed": seed, "seconds": round(time.monotonic() - began, 1), "models": made}
        sys.stdout.write(json.dumps(told) + "\n")


@app.command()
def check(
    family: Family = None,
    questions: Annotated[
        int | None,
        typer.Option("--questions", help="Test questions a model; without it as many as its kind needs, 120 to 640."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option("--samples", help="Samples a question; without it 32 where verifiers read them, else 16."),
    ] = None,
    leakage: Annotated[
        bool,
        typer.Option("--leakage", help="Instead, count the questions that are both read in training and measured."),
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Worker processes: models measured at a time.")] = 2,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Seed of the sampling; with --leakage, of the training.")
    ] = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Measure the shipped models on test questions: accuracy by difficulty, and whether each verifier verifies.

    Under three minutes on two free cores. Example: outlay lab check --family countdown --questions 200
    """
    if leakage:
        look_for_leaks(family, workers, seed, as_json)
        return
    from outlay.lab.check import check_families
    from outlay.lab.telling import shown

    figures = check_families(family, questions, samples, seed, workers)
    typer.echo(json.dumps(figures, indent=2) if as_json else shown(figures))


@app.command()
def cards(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of model folders; without it, those that ship.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 where a card is not what its record says.")
    ] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="First measure again on validation questions, and renew the records.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Measure only this model; repeatable.", autocompletion=completion.lab_models),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Worker processes: models measured at a time.")] = 2,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Write the model cards (README.md) from the models' records (outlay.json).

    Example: outlay lab cards --measure --only arithmetic-small
    """
    from outlay.lab.cards import rewrite, stale
    from outlay.lab.remeasuring import measure_again
    from outlay.lab.train import shipped_weights

    if (check and measure) or (only and not measure):
        raise UserError("--check only compares, and --only chooses what --measure measures: leave one of them out.")
    folder = out or shipped_weights()
    measured = measure_again(folder, only or [], workers) if measure else []
    changed = stale(folder) if check else rewrite(folder)
    told = {"folder": str(folder), "measured": measured, "stale" if check else "written": changed}
    typer.echo(
        json.dumps(told) if as_json else f"{folder}: {len(changed)} cards {'out of date' if check else 'written'}"
    )
    if check and changed:
        raise OutlayError(f"the cards of {', '.join(changed)} are not what their records say: run outlay lab cards")


def look_for_leaks(family: str | None, workers: int, seed: int, as_json: bool) -> None:
    """Print what training and measuring have in common; exit code 1 where that is anything that should not be."""
    from outlay.lab.leakage import leakages, leaks, shown

    found = leakages(family, workers, seed)
    typer.echo(json.dumps(found, indent=2) if as_json else shown(found))
    if leaks(found):
        raise OutlayError("questions that are measured were read in training, as counted: figures on them are too high")


def written(folder: Path) -> dict[Path, int]:
    """The card (`outlay.json`) of every model in `folder`, each with the moment at which it was written (nanoseconds)."""
    return {card: card.stat().st_mtime_ns for card in sorted(folder.glob("*/outlay.json"))}
