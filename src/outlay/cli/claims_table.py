"""The lines in which `outlay demo` and `outlay run` tell, for each finding of the literature, whether it holds here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from outlay.strategies.names import method_name
from outlay.study.claim import VERDICTS, counted
from outlay.study.rising import rising_sentence

Claim = Mapping[str, Any]

MOST_CLAIMS = 200
"""Of more claims than this a terminal shows the counts of each finding only."""

UNDECIDED = "cannot be told"
VERDICT_WIDTH, POINTS_WIDTH = 14, 20
"""Characters of the longest verdict, and of a difference with its interval."""


def print_claims(console: Console, summary: Mapping[str, Any]) -> None:
    """Every decided claim in a line under its finding, how many hold, and where each best-of-N curve stops rising."""
    claims = summary["claims"]
    console.print()
    console.print("What others found, asked of these runs: does it hold here?", style="bold")
    several = _shared_tasks(claims)
    if len(claims) > MOST_CLAIMS:
        console.print(overview(claims))
    else:
        for says, of_finding in groupby(claims, key=lambda claim: claim["claim"]):
            console.print()
            found = list(of_finding)
            console.print(f"{found[0]['finding']}. {says[:1].upper()}{says[1:]}", markup=False)
            console.print(claims_table(found, several))
    console.print()
    told = "Those that cannot be told are" if len(claims) <= MOST_CLAIMS else "So many are"
    console.print(
        f"{len(claims)} claims: {counted(claims)}; each has a 95% interval of its own, in points. {told} "
        "counted here; the report and summary.json have them in full.",
        style="bold",
        markup=False,
    )
    for found in summary.get("rising", ()):
        console.print(f"- {rising_sentence(found, _of(found, several), method_name(found['method']))}.", markup=False)


def overview(claims: Sequence[Claim]) -> Table:
    """A row a finding: how many of its claims hold, do not, and cannot be told."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for column in ("holds", "does not", "open"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("finding", overflow="fold")
    for says, of_finding in groupby(claims, key=lambda claim: claim["claim"]):
        found = [claim["verdict"] for claim in of_finding]
        table.add_row(*(str(found.count(verdict)) for verdict in VERDICTS), f"{says[:1].upper()}{says[1:]}")
    return table


def claims_table(claims: Sequence[Claim], several: frozenset[str] = frozenset()) -> Table:
    """A row a decided claim: verdict, difference with its interval in points, and on what; a model is named for tasks in `several`.

    What cannot be told is counted in a last row.
    """
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column("verdict", no_wrap=True, min_width=VERDICT_WIDTH)
    table.add_column("points", justify="right", no_wrap=True, min_width=POINTS_WIDTH)
    table.add_column("on what", overflow="fold")
    for claim in claims:
        if claim["verdict"] != UNDECIDED:
            table.add_row(claim["verdict"], figure_of(claim), _on_what(claim, several))
    open_ones = [claim for claim in claims if claim["verdict"] == UNDECIDED]
    if open_ones:
        tasks = ", ".join(dict.fromkeys(_of(claim, several) for claim in open_ones))
        table.add_row(UNDECIDED, f"{len(open_ones)} of {len(claims)}", tasks)
    return table


def points(difference: Mapping[str, float]) -> str:
    """A difference with its interval, in points.

    >>> points({"mean": 0.05, "low": -0.012, "high": 0.11})
    '+5.0 [-1.2, +11.0]'
    """
    mean, low, high = (100 * difference[end] for end in ("mean", "low", "high"))
    return f"{mean:+z.1f} [{low:+z.1f}, {high:+z.1f}]"


def figure_of(claim: Claim) -> str:
    """What a claim found: points, or a ratio where that is its unit.

    >>> figure_of({"unit": "times", "difference": {"mean": 2.04, "low": 1.3, "high": None}})
    '2.0x [1.3, inf]'
    """
    found = claim["difference"]
    if claim.get("unit", "points") == "points":
        return points(found)
    return (
        f"{found['mean']:.1f}x [{found['low']:.1f}, {'inf' if found['high'] is None else format(found['high'], '.1f')}]"
    )


def _on_what(claim: Claim, several: frozenset[str]) -> str:
    parts = [_of(claim, several), claim["subject"], claim["on"]]
    return ", ".join(part for part in parts if part).replace(" = ", "=")


def _of(told: Claim, several: frozenset[str]) -> str:
    """The task; the model instead, where several share the task."""
    return str(told["model"].removeprefix("embedded:") if told["task"] in several else told["task"])


def _shared_tasks(claims: Sequence[Claim]) -> frozenset[str]:
    """The tasks that several models share."""
    models: dict[str, set[str]] = {}
    for claim in claims:
        models.setdefault(claim["task"], set()).add(claim["model"])
    return frozenset(task for task, of_task in models.items() if len(of_task) > 1)
