"""`outlay demo`: the main job on the models that ship with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outlay.cli.options import AsJson, Verbose
from outlay.cli.run import Seed, Workers


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for traces, summary, policy and report.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Fewer questions and samples: under a minute.")] = False,
    workers: Workers = 0,
    seed: Seed = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Sample, search, calibrate, compare and report on the embedded models, live, on this machine.

    Example: outlay demo --quick --out /tmp/demo
    """
    from outlay.cli.session import Session
    from outlay.study.study import demo_study

    Session(demo_study(quick), out, workers, seed, as_json).go()
