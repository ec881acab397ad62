"""Other verifiers on the very same samples: how well each tells right from wrong, and where choosing by it goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.report.parts import Column, Figure, Row, Series, Table
from outlay.report.reading import Curve, curves, estimate, mapping, sequence

OWN = "own"

_STYLES = (
    ("orange", "6 3", "square"),
    ("green", "7 3", "triangle"),
    ("purple", "3 2", "diamond"),
    ("vermillion", "2 3", "star"),
)

_COLUMNS = (
    Column("label", "Verifier"),
    Column("x", "N (generations)", "number"),
    Column("y", "Accuracy", "percent"),
    Column("low", "95% low", "percent"),
    Column("high", "95% high", "percent"),
)


def weak_verifiers(group: Mapping[str, Any], where: str, id: str) -> tuple[Figure | Table, ...]:
    """Best-of-N by each verifier, the group's own first, in a figure and a table; nothing where there is no other."""
    others = [mapping(one, f"{where}.verifiers") for one in sequence(group.get("verifiers"), f"{where}.verifiers")]
    if not others:
        return ()
    own = mapping(group.get("verifier"), f"{where}.verifier")
    every = [{**own, "curves": group.get("curves")}, *others]
    found = [(_name(one), one, _best_of_n(one, where)) for one in every]
    drawn = [(name, one, curve) for name, one, curve in found if curve is not None]
    rows: list[Row] = [
        {"series": name, "label": name, "x": n, "y": point.mean, "low": point.low, "high": point.high}
        for name, _, curve in drawn
        for n, point in zip(curve.n, curve.values)
    ]
    styles = (("blue", "", "circle"), *_STYLES)
    figure = Figure(
        id=f"{id}-verifiers",
        kind="curves",
        title="Best-of-N by each verifier, on the same samples",
        finding=" ".join(_told(name, curve) for name, _, curve in drawn),
        columns=_COLUMNS,
        rows=tuple(rows),
        series=tuple(Series(name, name, *styles[i % len(styles)]) for i, (name, _, _) in enumerate(drawn)),
        options={"x": "N (generations a question)", "y": "Questions answered correctly", "log": True},
    )
    return figure, _table(drawn, where)


def _table(drawn: list[tuple[str, Mapping[str, Any], Curve]], where: str) -> Table:
    rows = []
    for name, one, curve in drawn:
        within = estimate(one.get("auc_within_question"), f"{where}.auc_within_question")
        best = max(range(len(curve.n)), key=lambda i, curve=curve: curve.values[i].mean)  # type: ignore[misc]
        rows.append(
            (
                name,
                "–" if within is None else within.as_share(),
                f"{curve.values[best].as_percent()} at N = {curve.n[best]:g}",
                f"{curve.last.as_percent()} at N = {curve.n[-1]:g}",
            )
        )
    return Table(
        "Verifiers on the same samples",
        ("Verifier", "AUC within a question (95%)", "Best-of-N where it is highest", "At the largest N"),
        tuple(rows),
        note="Where it is highest is read off the same questions; the claims about over-optimisation choose it on others.",
    )


def _best_of_n(one: Mapping[str, Any], where: str) -> Curve | None:
    return curves(one.get("curves"), f"{where}.curves").get("best_of_n")


def _name(one: Mapping[str, Any]) -> str:
    return str(one.get("name", "the study's verifier")).removeprefix("embedded:")


def _told(name: str, curve: Curve) -> str:
    first, last = (
        f"{value.as_percent()} at N = {n:g}" for value, n in ((curve.values[0], curve.n[0]), (curve.last, curve.n[-1]))
    )
    return f"By {name} {first} becomes {last}."
