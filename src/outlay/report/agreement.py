"""How well difficulty can be told beforehand: the bins in which an estimate puts questions, against their true bins.

The table is that of Snell et al. (arXiv 2408.03314), whose predicted bins agree with the true ones for 52.8% of the
questions where chance gives 20%.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.report.names import bin_name
from outlay.report.parts import Column, Figure, Section, Table, capital, listed, number, percent
from outlay.report.reading import estimates, finite, mapping, numbers, sequence


def agreement_section(group: Mapping[str, Any], where: str, id: str) -> Section | None:
    """How often a difficulty that can be known beforehand agrees with the true one, bin by bin."""
    bins = mapping(group.get("bins"), f"{where}.bins")
    figures = []
    for kind, value in bins.items():
        agreement = mapping(mapping(value, f"{where}.bins.{kind}").get("agreement"), f"{where}.bins.{kind}.agreement")
        figure = _confusion(kind, agreement, f"{where}.bins.{kind}.agreement", id)
        if figure is not None:
            figures.append(figure)
    part = mapping(group.get("difficulty"), f"{where}.difficulty")
    pilot = mapping(part.get("pilot"), f"{where}.difficulty.pilot")
    own = mapping(pilot.get("bins"), f"{where}.difficulty.pilot.bins")
    found = (
        *figures,
        _confusion("pilot", own, f"{where}.difficulty.pilot.bins", id),
        _pilot_sizes(pilot, f"{where}.difficulty.pilot"),
        _bin_counts(mapping(part.get("bins"), f"{where}.difficulty.bins"), f"{where}.difficulty.bins"),
    )
    blocks = tuple(block for block in found if block is not None)
    if not blocks:
        return None
    return Section(
        title="How well difficulty can be told beforehand",
        lede=(
            "True difficulty needs right answers and many samples, which nobody has for a new question. A policy that "
            "is to be used must predict it. The diagonal holds the questions placed in their true bin."
        ),
        blocks=blocks,
    )


def _pilot_sizes(pilot: Mapping[str, Any], where: str) -> Table | None:
    """What pilots of different sizes are worth, a row a size, with the control that knows nothing."""
    sizes = numbers(pilot.get("m"), f"{where}.m")
    if not sizes:
        return None
    shown = [
        [value.as_percent() if value else "–" for value in estimates(pilot.get(part), f"{where}.{part}")]
        for part in ("accuracy", "shuffled")
    ]
    gains = [value.as_points() if value else "–" for value in estimates(pilot.get("gain_over_shuffled"), where)]
    agreed, chance = (
        ["–" if share is None else percent(share) for share in numbers(pilot.get(part), f"{where}.{part}", len(sizes))]
        for part in ("agreement", "chance")
    )
    return Table(
        title=f"What a pilot of m samples is worth, at {_generations(pilot, where)}",
        header=(
            "m",
            "Right (95%)",
            "The same, shuffled (95%)",
            "Gain in points (95%)",
            "In their true bin",
            "By chance",
        ),
        rows=tuple(zip((number(m or 0) for m in sizes), *shown, gains, agreed, chance, strict=True)),
        note=(
            "The pilot's own samples are part of the budget. Shuffled pilots hand what they found to other questions: only "
            "what is gained over them is owed to knowing difficulty."
        ),
    )


def _bin_counts(bins: Mapping[str, Any], where: str) -> Table | None:
    """Accuracy of deciding per bin, a row a number of bins."""
    counts = numbers(bins.get("count"), f"{where}.count")
    headings = {"accuracy": "True bins (95%)", "predicted": "Predicted bins (95%)", "shuffled": "Shuffled bins (95%)"}
    shown = {part: heading for part, heading in headings.items() if bins.get(part)}
    if not counts or not shown:
        return None
    columns = [
        [value.as_percent() if value else "–" for value in estimates(bins[part], f"{where}.{part}")] for part in shown
    ]
    return Table(
        title=f"How many bins? Questions right at {_generations(bins, where)}, what difficulty costs left aside",
        header=("Bins", *shown.values()),
        rows=tuple(zip((number(count or 0) for count in counts), *columns, strict=True)),
        note="One bin is the best fixed method. More bins follow difficulty more closely and leave fewer questions to choose by.",
    )


def _generations(part: Mapping[str, Any], where: str) -> str:
    budget = finite(part.get("budget"), f"{where}.budget")
    return "the headline's budget" if budget is None else f"{number(budget)} generations"


def _confusion(kind: str, agreement: Mapping[str, Any], where: str, id: str) -> Figure | None:
    """The counts `confusion[placed][true]`: a row for each bin in which questions were placed."""
    placed = [
        [count or 0 for count in numbers(row, f"{where}.confusion")]
        for row in sequence(agreement.get("confusion"), f"{where}.confusion")
    ]
    size = len(placed)
    if not size:
        return None
    everything = sum(map(sum, placed))
    right = sum(row[i] for i, row in enumerate(placed) if i < len(row))
    accuracy = finite(agreement.get("accuracy"), f"{where}.accuracy")
    if accuracy is None and everything:
        accuracy = right / everything
    chance = finite(agreement.get("chance"), f"{where}.chance")
    name = capital(kind.replace("_", " "))
    finding = ""
    if accuracy is not None:
        finding = (
            f"{name} difficulty puts {percent(accuracy)} of questions in their true bin; chance would put "
            f"{percent(1 / size if chance is None else chance)}."
        )
    precision = [p for p in numbers(agreement.get("precision"), f"{where}.precision") if p is not None]
    if precision:
        shares = listed([percent(p) for p in precision])
        finding += f" Of the questions placed in each bin, from easiest to hardest, {shares} belong there."
    rows = tuple(
        {
            "predicted": bin_name(index, size),
            "oracle": bin_name(true, len(row)),
            "count": count,
            "share": count / sum(row) if sum(row) else None,
        }
        for index, row in enumerate(placed)
        for true, count in enumerate(row)
    )
    return Figure(
        id=f"{id}-confusion-{kind}",
        kind="confusion",
        title=f"{name} bins against true bins",
        finding=finding,
        columns=(
            Column("predicted", f"{name} bin"),
            Column("oracle", "True bin"),
            Column("count", "Questions", "count"),
            Column("share", "Share of the row", "percent"),
        ),
        rows=rows,
        options={
            "x": "True (oracle) bin",
            "y": f"{name} bin",
            "legend": (
                {"label": "share of its row: none to all", "scale": True},
                {"label": "placed in its true bin", "box": True},
            ),
        },
    )
