"""`outlay route`: which model of a ladder to ask, and what routing is worth."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from outlay.cli.options import AsJson, Verbose


def route(
    samples: Annotated[
        Path,
        typer.Argument(
            help="One answer of each model to each question, a line each: question_id, model, answer, correct, tokens."
        ),
    ],
    prices: Annotated[Path, typer.Option("--prices", help="A YAML file: each model's price of a million tokens.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of folds and resampling.")] = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """The best single model, a router, and a cascade at equal mean cost; and what an oracle router would reach.

    A router reads the line's `question`, where it is given.

    Example: outlay route math-l5.jsonl.gz --prices studies/prices.yaml
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from outlay.study.ladders import read_ladder, read_prices
    from outlay.study.routing import route as compute

    console = Console(stderr=as_json)
    with console.status("routing"):
        found = compute(read_ladder(samples, read_prices(prices)), seed)
    if as_json:
        sys.stdout.write(json.dumps(found, allow_nan=False) + "\n")
        return

    def told(point: dict[str, float]) -> str:
        return f"{100 * point['mean']:.1f} ({100 * point['low']:.1f}-{100 * point['high']:.1f})"

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, title=f"{found['questions']} questions")
    table.add_column("model")
    table.add_column("right, %", justify="right")
    table.add_column("cost a question", justify="right")
    for name, model in found["models"].items():
        table.add_row(name, told(model["accuracy"]), f"{model['cost']:.3g}")
    table.add_row("oracle router", told(found["oracle"]["accuracy"]), f"{found['oracle']['cost']:.3g}")
    console.print(table)
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, title="right, %, at a mean cost a question")
    table.add_column("mean cost", justify="right")
    for way in found["ways"]:
        table.add_column(way, justify="right")
    for place, budget in enumerate(found["budgets"]):
        table.add_row(f"{budget:.3g}", *(told(one["accuracy"][place]) for one in found["ways"].values()))
    console.print(table)
    for way, match in found["to_match_the_best"].items():
        if match is not None:
            gap = match["difference"]
            console.print(
                f"- The {way} cannot be told from the best single model ({100 * gap['mean']:+.1f} points, {100 * gap['low']:+.1f} "
                f"to {100 * gap['high']:+.1f}) for {100 * match['share_of_its_cost']:.0f}% of its cost.",
                markup=False,
            )
        else:
            console.print(
                f"- The {way} stays below the best single model at every budget that was tried.", markup=False
            )
