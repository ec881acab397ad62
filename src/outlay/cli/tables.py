"""The table that ends `outlay demo` and `outlay run`: one a family, every method at a few budgets, then what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from outlay.cli.claims_table import print_claims
from outlay.strategies.names import METHODS as NAMES
from outlay.strategies.names import short_names
from outlay.study.measure import COVERAGE
from outlay.study.telling import peak_sentence

Group = Mapping[str, Any]

PEAK = "^"
"""Stands before the accuracy of a curve's peak, where it surely falls from there."""

METHODS = ("majority", "weighted", "best_of_n", "consensus")
"""Ways of choosing from the pool, in the order of their rows."""

POLICIES = {
    "best_fixed": "best fixed",
    "per_bin_oracle": "per bin, oracle",
    "per_bin_predicted": "per bin, predicted",
    "per_bin_probe": "per bin, probe",
    "per_bin_pilot": "per bin, pilot",
    "across_pilot": "across, pilot",
    "threshold": "tuned threshold",
    "sequential": "sequential",
}
"""Policies that have a row, as short as a terminal wants them; the report has their full names, and the control."""

MOST_COLUMNS, FIGURE_WIDTH, LABEL_WIDTH, LONG_LABEL = 4, 14, 18, 25
"""Budgets that a table has at most; characters of a figure such as `50.0 (45-55)` with its gap, of the narrowest column of
labels, and of the longest label that stands beside four figures in 80 columns."""


def print_summary(console: Console, summary: Mapping[str, Any], *, briefly: bool = False) -> None:
    """Every group's table, what it comes to, findings and warnings; `briefly` leaves the findings to the report."""
    columns = max(1, min(MOST_COLUMNS, (console.width - LABEL_WIDTH) // FIGURE_WIDTH))
    for group in summary["groups"]:
        console.print()
        console.print(f"{group['task']}: {group['model']}, {group['questions']} questions", style="bold", markup=False)
        console.print(chain_table(group["chains"]) if "chains" in group else family_table(group, columns))
        if peaks := sure_peaks(group):
            console.print(f"{PEAK} a peak: beyond it spending more surely makes it worse", style="yellow", markup=False)
        console.print()
        for part in ("headline", "as_one_goes", "over_greedy"):
            if part in group:
                console.print(group[part], style="bold", markup=False)
        for sentence in peaks if briefly else group.get("sentences", ()):
            console.print(f"- {sentence}", style="yellow" if sentence in peaks else None, markup=False)
        for warning in group.get("warnings", ()):
            console.print(f"! {warning}", style="yellow", markup=False)
    if summary.get("exchange"):
        console.print()
        console.print("A small model with test-time compute, or a larger one? At equal FLOPs in all", style="bold")
        console.print(exchange_table(summary["exchange"]))
        console.print(
            "Small less large (greedy), in points; m: times the parameters; R: tokens of inference over tokens of pretraining; "
            "* the FLOPs would buy more samples than were drawn.",
            markup=False,
        )
    if summary.get("claims"):
        print_claims(console, summary)
    for warning in summary.get("warnings", ()):
        console.print(f"! {warning}", style="yellow", markup=False)
    console.print()


def sure_peaks(group: Group) -> list[str]:
    """A sentence for each curve that surely falls from its peak."""
    curves = group.get("curves", {})
    labels = short_names(list(curves))
    return [
        peak_sentence(NAMES.get(name, labels[name]), curve["peak"], name)
        for name, curve in curves.items()
        if curve.get("peak", {}).get("surely")
    ]


def family_table(group: Group, columns: int = MOST_COLUMNS) -> Table:
    """Accuracy in percent with its 95% interval; where the mean cost is not N it stands below, behind an @, in generations.

    At most `columns` budgets are shown, the largest first; labels fold where the terminal is narrow.
    """
    budgets = shown_budgets(group, columns)
    table = Table(header_style="bold", box=SIMPLE_HEAD, show_edge=False, padding=0)
    table.add_column("accuracy, %", overflow="fold")
    found = list(rows(group, budgets))
    longest = max(len(label) for label, _ in found)
    for place, budget in enumerate(budgets):
        tight = place == 0 and longest >= LONG_LABEL  # one character of the first gap goes to the label
        least = FIGURE_WIDTH - (2 if tight else 1)
        table.add_column(f"N = {budget:g}", justify="right", no_wrap=True, min_width=least)
    for label, points in found:
        table.add_row(label, *(points.get(budget, "") for budget in budgets))
    return table


def exchange_table(entries: Sequence[Mapping[str, Any]]) -> Table:
    """For each pair of models the small one's lead at every ratio, with how many samples the budget buys.

    The way of choosing is fixed beforehand: weighted best-of-N where answers vote, else best-of-N, else majority.
    """
    labels = list(dict.fromkeys(at["label"] for entry in entries for at in entry["ratios"]))
    table = Table(header_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("points", overflow="fold")
    table.add_column("m", justify="right")
    for label in labels:
        table.add_column(label, justify="right", no_wrap=True)
    for entry in entries:
        cells = {at["label"]: _lead(at["rows"]) for at in entry["ratios"]}
        table.add_row(entry["task"], f"{entry['scale']:.1f}", *(cells.get(label, "") for label in labels))
    return table


def _lead(rows: Sequence[Mapping[str, Any]]) -> str:
    """The difference, its interval, and the number of samples below."""
    named = {row["method"]: row for row in rows}
    row = next((named[name] for name in ("weighted", "best_of_n", "majority") if name in named), None)
    if row is None:
        return ""
    found, mark = row["difference"], "*" if row["beyond"] else ""
    low, high = round(100 * found["low"]), round(100 * found["high"])
    return f"{100 * found['mean']:+z.1f} ({low:+d} to {high:+d})\nN = {row['n']}{mark}"


def chain_table(chains: Mapping[str, Any]) -> Table:
    """Accuracy at every position of a chain of revisions, and how many answers each revision turned."""
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("attempt", "right, %", "turned wrong", "turned right"):
        table.add_column(column, justify="right")
    turned = chains["transitions"]
    worse, better = (["", *map(str, turned[way])] for way in ("right_to_wrong", "wrong_to_right"))
    for position, point, wrong, right in zip(chains["position"], chains["accuracy"], worse, better, strict=True):
        table.add_row(str(position + 1), cell(point["mean"], point["low"], point["high"], 0, 0), wrong, right)
    return table


def shown_budgets(group: Group, most: int = MOST_COLUMNS) -> list[float]:
    """At most `most` budgets: powers of four and the pool's size, a single sample where there is room for it."""
    every = [float(n) for n in group["curves"]["pass"]["n"]]
    wanted = sorted({n for n in every if n in (1, 4, 16, 64)} | {every[-1]})
    return wanted[-most:]


def rows(group: Group, budgets: Sequence[float]) -> Iterator[tuple[str, dict[float, str]]]:
    """Each method's label and its cells by budget: single answers, votes and searches, policies, coverage."""
    curves: Mapping[str, Any] = group["curves"]
    levels = [name for name in curves if name == "large_greedy" or name.partition(" ")[0] == "greedy"]
    votes = [name for name in METHODS if name in curves]
    searches = [name for name in curves if name not in (*levels, *votes, COVERAGE)]
    labels = short_names([*levels, *votes, *searches])
    for name in levels:
        yield labels[name], level_cells(curves[name], budgets[0])
    for name in (*votes, *searches):
        yield labels[name], in_columns(cells(curves[name]), curves[name], budgets)
    for name, label in POLICIES.items():
        policy = group.get("policies", {}).get(name)
        if policy is not None:
            yield label, policy_cells(policy)
    yield "any right (pass@N)" if len(curves[COVERAGE]["n"]) > 1 else "one sample", cells(curves[COVERAGE])


def in_columns(
    found: dict[float, str], curve: Mapping[str, Sequence[float]], budgets: Sequence[float]
) -> dict[float, str]:
    """The cells; where none of them has a column, the dearest that is no dearer than a column stands in it, with its cost."""
    if any(budget in found for budget in budgets):
        return found
    for budget in budgets:
        within = [place for place, n in enumerate(curve["n"]) if n <= budget]
        if within:
            mean, low, high, cost = (curve[field][within[-1]] for field in ("mean", "low", "high", "cost"))
            found = {**found, budget: cell(mean, low, high, budget, cost)}
    return found


def cells(curve: Mapping[str, Any]) -> dict[float, str]:
    """A curve's cells by budget."""
    points = zip(curve["n"], curve["mean"], curve["low"], curve["high"], curve["cost"])
    peak = curve.get("peak", {})
    top = peak.get("n") if peak.get("surely") else None
    return {float(n): cell(mean, low, high, n, cost, PEAK if n == top else "") for n, mean, low, high, cost in points}


def level_cells(curve: Mapping[str, Sequence[float]], first: float) -> dict[float, str]:
    """The one cell of a method that costs the same whatever the budget, in the first column."""
    return {first: cell(curve["mean"][0], curve["low"][0], curve["high"][0], first, curve["cost"][0])}


def policy_cells(policy: Mapping[str, Any]) -> dict[float, str]:
    """A policy's cells by budget; its cost has the difficulty estimate in it."""
    points = zip(policy["budget"], policy["accuracy"], policy["cost"])
    return {float(b): cell(a["mean"], a["low"], a["high"], b, cost) for b, a, cost in points}


def cell(mean: float, low: float, high: float, budget: float, cost: float, mark: str = "") -> str:
    """One figure with a mark, its interval, and its cost where that is not the budget.

    >>> cell(0.5, 0.45, 0.55, 16, 12.5)
    '50.0 (45-55)\\n@ 12.5'
    """
    paid = "" if abs(cost - budget) < 0.05 else f"\n@ {cost:.1f}"
    return f"{mark}{100 * mean:.1f} ({100 * low:.0f}-{100 * high:.0f}){paid}"
