"""How well difficulty can be told beforehand: the bins in which an estimate puts questions, against their true bins.

The table is that of Snell et al. (arXiv 2408.03314), whose predicted bins agree with the true ones for 52.8% of the
questions where chance gives 20%.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.report.names import bin_name
from outlay.report.parts import Column, Figure, Section, capital, listed, percent
from outlay.report.reading import finite, mapping, numbers, sequence


def agreement_section(group: Mapping[str, Any], where: str, id: str) -> Section | None:
    """How often a difficulty that can be known beforehand agrees with the true one, bin by bin."""
    bins = mapping(group.get("bins"), f"{where}.bins")
    figures = []
    for kind, value in bins.items():
        agreement = mapping(mapping(value, f"{where}.bins.{kind}").get("agreement"), f"{where}.bins.{kind}.agreement")
        figure = _confusion(kind, agreement, f"{where}.bins.{kind}.agreement", id)
        if figure is not None:
            figures.append(figure)
    if not figures:
        return None
    return Section(
        title="How well difficulty can be told beforehand",
        lede=(
            "True difficulty needs right answers and many samples, which nobody has for a new question. A policy that "
            "is to be used must predict it. The diagonal holds the questions placed in their true bin."
        ),
        blocks=tuple(figures),
    )


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
        options={"x": "True (oracle) bin", "y": f"{name} bin"},
    )
