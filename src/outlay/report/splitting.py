"""How a budget of attempts is best split into chains of revisions: accuracy of every split, and the best one, bin by bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay.report.names import bin_name
from outlay.report.parts import Column, Figure, Row, Section, Series, Table, number
from outlay.report.reading import estimates, mapping, numbers, sequence

ALL = "all questions"

_STYLES = (
    ("blue", "", "circle"),
    ("orange", "6 3", "square"),
    ("green", "7 3", "triangle"),
    ("purple", "3 2", "diamond"),
)

_COLUMNS = (
    Column("panel", "Questions"),
    Column("label", "Budget"),
    Column("x", "Chains", "number"),
    Column("y", "Accuracy", "percent"),
    Column("low", "95% low", "percent"),
    Column("high", "95% high", "percent"),
)


def splits_section(group: Mapping[str, Any], where: str, id: str) -> Section | None:
    """A figure with a panel for all questions and one a bin, a line a budget; and the best number of chains of each."""
    where = f"{where}.splits"
    splits = [mapping(one, f"{where}[{i}]") for i, one in enumerate(sequence(group.get("splits"), where))]
    if not splits:
        return None
    blocks: list[Figure | Table] = []
    for place, name in enumerate(dict.fromkeys(str(one.get("name", "revisions")) for one in splits)):
        of_name = [one for one in splits if str(one.get("name", "revisions")) == name]
        blocks += [_figure(of_name, name, f"{id}-splits-{place}", where), _best(of_name, name)]
    return Section(
        title="What revising is worth",
        lede=(
            "A budget of N attempts is split into chains: in one chain every attempt sees those before it (pure revision), in "
            "N chains none sees another (parallel samples). Bins are by true difficulty, told by first attempts that are not "
            "measured."
        ),
        blocks=tuple(blocks),
        findings=tuple(_finding(one) for one in splits),
    )


def _figure(splits: Sequence[Mapping[str, Any]], name: str, id: str, where: str) -> Figure:
    rows: list[Row] = []
    for one in splits:
        for panel, part in _panels(one):
            points = estimates(part.get("accuracy"), f"{where}.accuracy")
            for chains, point in zip(numbers(one.get("chains"), f"{where}.chains"), points):
                if point is not None:
                    label = f"N = {number(one['n'])}"
                    value = {"x": chains, "y": point.mean, "low": point.low, "high": point.high}
                    rows.append({"series": f"n{one['n']}", "label": label, "panel": panel, **value})
    series = tuple(
        Series(f"n{one['n']}", f"N = {number(one['n'])}", *_STYLES[place % len(_STYLES)])
        for place, one in enumerate(splits)
    )
    panels = [{"key": panel, "note": f"{part.get('questions', '')} questions"} for panel, part in _panels(splits[-1])]
    return Figure(
        id=id,
        kind="curves",
        title=f"Accuracy against the number of chains: {name}",
        finding=_finding(splits[-1]),
        columns=_COLUMNS,
        rows=tuple(rows),
        series=series,
        options={
            "x": "Chains that the N attempts are split into",
            "y": "Questions answered correctly",
            "log": True,
            "panels": panels,
        },
    )


def _best(splits: Sequence[Mapping[str, Any]], name: str) -> Table:
    panels = [panel for panel, _ in _panels(splits[-1])]
    rows = []
    for one in splits:
        best = {panel: mapping(part.get("best"), "splits.best") for panel, part in _panels(one)}
        rows.append((f"N = {number(one['n'])}", *(_range(best.get(panel, {})) for panel in panels)))
    return Table(
        f"The best number of chains: {name}",
        ("Budget", *panels),
        tuple(rows),
        note="In brackets where 95% of resampled sets of questions have their best. 1 is pure revision, N parallel samples.",
    )


def _panels(one: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    bins = sequence(mapping(one.get("bins"), "splits.bins").get("oracle"), "splits.bins.oracle")
    return [(ALL, one), *((bin_name(i, len(bins)), mapping(part, "splits.bins.oracle")) for i, part in enumerate(bins))]


def _range(best: Mapping[str, Any]) -> str:
    return f"{best['chains']} ({best['low']} to {best['high']})" if best else "–"


def _finding(one: Mapping[str, Any]) -> str:
    best = mapping(one.get("best"), "splits.best")
    chains = "1 chain is" if best["chains"] == 1 else f"{best['chains']} chains are"
    return f"With N = {number(one['n'])} attempts {chains} best ({best['low']} to {best['high']})."
