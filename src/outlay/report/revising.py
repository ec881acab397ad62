"""What revising is worth: accuracy at each position of a chain of attempts, and what changes from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay.report.parts import Column, Figure, Row, Section, Series, Table, percent
from outlay.report.reading import Estimate, estimates, mapping, numbers, texts

_FIRST_KEYS = ("accuracy", "accuracy_per_position", "mean", "correct")


def chains_section(group: Mapping[str, Any], where: str, id: str) -> Section | None:
    """Accuracy by position in the chain and the counts of right to wrong and wrong to right."""
    where = f"{where}.chains"
    chains = mapping(group.get("chains"), where)
    values = _accuracy(chains, where)
    if len(values) < 2 or any(value is None for value in values):
        return None
    known = [value for value in values if value is not None]
    positions = numbers(chains.get("position", chains.get("positions")), f"{where}.position", len(known))
    rows: list[Row] = [
        {
            "series": "chain",
            "label": "attempt",
            "x": i if position is None else position,
            "y": value.mean,
            "low": value.low,
            "high": value.high,
        }
        for i, (position, value) in enumerate(zip(positions, known))
    ]
    figure = Figure(
        id=f"{id}-chains",
        kind="curves",
        title="Accuracy at each position of the chain",
        finding=_finding(known),
        columns=(
            Column("x", "Position", "number"),
            Column("y", "Accuracy", "percent"),
            Column("low", "95% low", "percent"),
            Column("high", "95% high", "percent"),
        ),
        rows=tuple(rows),
        series=(Series("chain", "accuracy of the attempt at this position", "blue"),),
        options={"x": "Position in the chain (0 = first attempt)", "y": "Attempts that are right", "log": False},
    )
    transitions = _transitions(chains, where, len(known))
    sentences = texts(chains.get("sentences", chains.get("sentence")), f"{where}.sentences")
    return Section(
        title="What revising is worth",
        lede=(
            "In a chain the model sees its earlier attempts and tries again. A right attempt can be revised into a "
            "wrong one, so a chain helps only if more is mended than spoilt, or if the answer is chosen from the "
            "whole chain."
        ),
        blocks=(figure,) if transitions is None else (figure, transitions),
        findings=sentences,
    )


def _accuracy(chains: Mapping[str, Any], where: str) -> tuple[Estimate | None, ...]:
    for key in _FIRST_KEYS:
        value = chains.get(key)
        if value is None:
            continue
        if key == "mean":
            return estimates({part: chains.get(part) for part in ("mean", "low", "high")}, where)
        return estimates(value, f"{where}.{key}")
    return ()


def _finding(values: Sequence[Estimate]) -> str:
    first, last = values[0], values[-1]
    best = max(range(len(values)), key=lambda i: values[i].mean)
    told = f"The first attempt is right in {first.as_percent()} of cases, the last in {last.as_percent()}."
    if best not in (0, len(values) - 1):
        told += f" The best position is {best}, with {percent(values[best].mean)}."
    return told


def _transitions(chains: Mapping[str, Any], where: str, positions: int) -> Table | None:
    source = mapping(chains.get("transitions", chains), f"{where}.transitions")
    spoilt = numbers(source.get("right_to_wrong"), f"{where}.right_to_wrong")
    mended = numbers(source.get("wrong_to_right"), f"{where}.wrong_to_right")
    if not spoilt or len(spoilt) != len(mended):
        return None
    rows = tuple(
        (f"{i} to {i + 1}", _count(lost), _count(won), _signed(lost, won))
        for i, (lost, won) in enumerate(zip(spoilt, mended))
        if i < positions
    )
    return Table(
        "What changes from one attempt to the next", ("Position", "Right to wrong", "Wrong to right", "Net"), rows
    )


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 1 or value == 0 else percent(value)


def _signed(lost: float | None, won: float | None) -> str:
    if lost is None or won is None:
        return "–"
    net = won - lost
    sign = "+" if net > 0 else "−" if net < 0 else "±"
    return f"{sign}{_count(abs(net))}"
