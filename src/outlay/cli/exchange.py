"""`outlay exchange`: pretraining against test-time compute."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from outlay.cli.options import AsJson, Verbose
from outlay.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

RATIO = "--ratio"
SHOWN = ("majority", "best_of_n", "weighted", "best_fixed", "per_bin_oracle", "per_bin_predicted")
"""Rows of the table, where they are there; searches are in between."""

POLICIES = {
    "best_fixed": "best fixed",
    "per_bin_oracle": "per bin, oracle",
    "per_bin_predicted": "per bin, predicted",
}


class Spread(TyperCommand):
    """A command whose `--ratio` takes as many numbers as follow it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments with `--ratio` spread out."""
        return super().parse_args(ctx, list(spread(args, RATIO)))


def spread(arguments: Sequence[str], option: str) -> Iterator[str]:
    """The arguments with the option before every number that follows it.

    >>> list(spread(["--ratio", "0.16", "22", "--json"], "--ratio"))
    ['--ratio', '0.16', '--ratio', '22', '--json']
    """
    inside = first = False
    for argument in arguments:
        number = _is_number(argument)
        if inside and not first and number:
            yield option
        inside, first = argument == option or (inside and number), argument == option
        yield argument


def exchange(
    traces: Annotated[Path, typer.Argument(help="A folder of traces, or a file of samples of both models.")],
    small: Annotated[
        str | None, typer.Option("--small", help="The small model, where the traces do not say which is compared.")
    ] = None,
    large: Annotated[str | None, typer.Option("--large", help="The large model, likewise.")] = None,
    ratio: Annotated[
        list[float] | None,
        typer.Option(RATIO, help="Tokens of inference over tokens of pretraining; several may follow. 0.16 0.79 22."),
    ] = None,
    tuning: Annotated[
        float,
        typer.Option(
            "--verifier-tuning", min=0, help="Verifier's training tokens over pretraining tokens; 0: not paid."
        ),
    ] = 0.0,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameters", help="NAME=COUNT, of a model or `verifier` that cannot be loaded; repeatable."),
    ] = None,
    prices: Annotated[
        tuple[float, float, float] | None,
        typer.Option("--prices", help="Dollars per million tokens of small, large, verifier: compare in money too."),
    ] = None,
    bins: Annotated[int, typer.Option("--bins", min=1, help="Difficulty bins.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of folds and resampling.")] = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """What the small model does with the compute that the large one costs, pretraining included.

    For each ratio of inference to pretraining the small model may spend what the large one's pretraining and greedy answer
    cost more; the verifier is paid for.

    Example: outlay exchange demo --ratio 0.16 0.79 22
    """
    from rich.console import Console

    from outlay.study.exchanging import RATIOS, Sizes
    from outlay.study.pairs import exchanges, recorded_pairs
    from outlay.study.settings import Settings

    if (small is None) != (large is None):
        raise UserError("--small and --large go together: give both, or neither where the traces say what is compared")
    settings = Settings(seed=seed, bins=bins)
    counts = dict(map(_count, parameters or ()))
    found = recorded_pairs(traces, small, large, counts)
    if prices is not None and min(prices) < 0:
        raise UserError(f"--prices are dollars per million tokens, at least 0, not {min(prices):g}")
    dollars = None if prices is None else Sizes(*prices)
    entries, warnings = exchanges(found, settings, ratio or RATIOS, tuning, counts, dollars)
    if not entries:
        raise UserError(f"{traces} has nothing to compare at equal compute: {' '.join(warnings) or _remedy(traces)}")
    warnings += [warning for one in found for warning in one.pool.warnings]
    if as_json:
        sys.stdout.write(json.dumps({"exchange": entries, "warnings": warnings}, allow_nan=False) + "\n")
        return
    console = Console()
    for entry in entries:
        console.print()
        console.print(
            f"{entry['task']}: {entry['small']} against {entry['large']}, m = {entry['scale']:.1f}, {entry['questions']} questions",
            style="bold",
            markup=False,
        )
        console.print(table_of(entry))
        console.print(
            "small less large, greedy, in points (95% interval); bins: + small ahead, - large ahead, "
            ". cannot be told, the easiest first; > beyond the pool",
            style="dim",
            markup=False,
        )
        console.print()
        for sentence in entry["sentences"]:
            console.print(f"- {sentence}", markup=False)
        for warning in entry["warnings"]:
            console.print(f"! {warning}", style="yellow", markup=False)
    for warning in warnings:
        console.print(f"! {warning}", style="yellow", markup=False)


def table_of(entry: Mapping[str, Any]) -> Table:
    """A row a ratio and way of spending: samples bought, accuracy, and the difference from the large model's greedy answer."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from outlay.strategies.names import short_names

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for name, justify in (
        ("R", "right"),
        ("the small model with", "left"),
        ("N", "right"),
        ("right, %", "right"),
        ("difference", "right"),
        ("bins", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name != "the small model with")  # type: ignore[arg-type]
    greedy = entry["large_greedy"]
    table.add_row("", "(large, greedy)", "", _cell(greedy["accuracy"]), "", "")
    money = [{**entry["money"], "ratio": None}] if "money" in entry else []
    for at in [*entry["ratios"], *money]:
        rows = sorted(at["rows"], key=lambda row: _place(row["method"]))
        labels = short_names([row["method"] for row in rows if row["method"] not in POLICIES])
        for number, row in enumerate(rows):
            size = "" if row["n"] is None else f"{'>' if row['beyond'] else ''}{row['n']:,}"
            table.add_row(
                ("" if number else "money" if at["ratio"] is None else f"{at['ratio']:g}"),
                POLICIES.get(row["method"]) or labels[row["method"]],
                size,
                _cell(row["accuracy"]),
                _difference(row["difference"]),
                "".join(_verdict(one["difference"]) for one in row.get("bins", ())),
                end_section=number == len(rows) - 1,
            )
    return table


def _place(method: str) -> tuple[int, str]:
    order = {name: place if place < 3 else place + 1 for place, name in enumerate(SHOWN)}
    return order.get(method, 3), method


def _cell(point: Mapping[str, float]) -> str:
    return f"{100 * point['mean']:.1f} ({100 * point['low']:.0f}-{100 * point['high']:.0f})"


def _difference(point: Mapping[str, float]) -> str:
    return f"{100 * point['mean']:+z.1f} ({100 * point['low']:+z.0f} to {100 * point['high']:+z.0f})"


def _verdict(difference: Mapping[str, float] | None) -> str:
    if difference is None:
        return " "
    return "+" if difference["low"] > 0 else "-" if difference["high"] < 0 else "."


def _count(text: str) -> tuple[str, float]:
    """`NAME=COUNT`."""
    name, equals, count = text.rpartition("=")
    try:
        value = float(count)
    except ValueError:
        value = -1.0
    if not equals or not name or not value >= 0:
        raise UserError(f"--parameters {text} is not NAME=COUNT with a count of at least 0, such as small=1.5e9")
    return name, value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _remedy(traces: Path) -> str:
    return "name two models with --small and --large, or run a study whose entry has a `large` model"
