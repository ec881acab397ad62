"""Accuracy against floating-point operations, of a small and a large model that both spend test-time compute.

Snell et al. (arXiv 2408.03314) give test-time compute to the small model only. Here both have it, once with pretraining's
share in the price (the joint question: which model, and how many samples?) and once without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from outlay.report.names import method_name, styled
from outlay.report.parts import Column, Figure, Row, Series, flops, number, percent
from outlay.report.reading import Estimate, estimates, finite, mapping, numbers, sequence

_SIDES = {"small": "small model", "large": "large model"}
_ACCURACY = "Questions answered correctly"
_COLUMNS = (
    Column("label", "Method"),
    Column("n", "N (generations)", "number"),
    Column("x", "FLOPs a question", "flops"),
    Column("y", "Accuracy", "percent"),
    Column("low", "95% low", "percent"),
    Column("high", "95% high", "percent"),
)

Point = tuple[float | None, float, Estimate]
"""N, FLOPs a question, accuracy."""


def joint_figure(entry: Mapping[str, Any], where: str, id: str) -> Figure | None:
    """Accuracy against total FLOPs a question, pretraining's share included: a panel for each R."""
    rows: list[Row] = []
    panels, told, methods = [], [], dict[str, str]()
    for i, item in enumerate(sequence(entry.get("joint"), f"{where}.joint")):
        at = f"{where}.joint[{i}]"
        joint = mapping(item, at)
        ratio = finite(joint.get("ratio"), f"{at}.ratio")
        label = str(joint.get("label") or ("R unknown" if ratio is None else f"R = {number(ratio)}"))
        best = []
        for side, name in _SIDES.items():
            curve = mapping(joint.get(side), f"{at}.{side}")
            points = _points(curve, "total", f"{at}.{side}")
            method = str(curve.get("method") or "")
            rows += _rows(points, side, _named(name, method), panel=label)
            if points:
                methods.setdefault(side, method)
                best.append(_best(name, points))
        if best:
            panels.append({"key": label})
            told.append(f"{label}: {'; '.join(best)}.")
    if not panels:
        return None
    styles = {"small": ("blue", "", "circle"), "large": ("vermillion", "8 3", "square")}
    return Figure(
        id=f"{id}-joint",
        kind="curves",
        title="Which model and how many samples? Accuracy against all FLOPs, pretraining's share included",
        finding=f"The highest mean of each, and its price in FLOPs a question. {' '.join(told)}",
        columns=(Column("panel", "R"), *_COLUMNS),
        rows=tuple(rows),
        series=tuple(Series(side, _named(_SIDES[side], method), *styles[side]) for side, method in methods.items()),
        options=_options("FLOPs a question, pretraining included", panels),
    )


def spending_figure(entry: Mapping[str, Any], where: str, id: str) -> Figure | None:
    """Accuracy against the FLOPs of inference alone, every method of both models: a panel for each model."""
    rows: list[Row] = []
    panels, keys = [], dict[str, None]()
    told = []
    both = mapping(entry.get("curves"), f"{where}.curves")
    for side, name in _SIDES.items():
        curves = mapping(both.get(side), f"{where}.curves.{side}")
        found = {
            key: _points(mapping(value, f"{where}.curves.{side}.{key}"), "flops", f"{where}.curves.{side}.{key}")
            for key, value in curves.items()
        }
        found = {key: points for key, points in found.items() if points}
        if not found:
            continue
        panels.append({"key": name})
        keys |= dict.fromkeys(found)
        for key, points in found.items():
            rows += _rows(points, key, method_name(key), panel=name)
        top = max(found, key=lambda key: max(value.mean for _, _, value in found[key]))
        told.append(f"{_best(f'{name} ({method_name(top)})', found[top])}")
    if not panels:
        return None
    return Figure(
        id=f"{id}-inference",
        kind="curves",
        title="Accuracy against the FLOPs of inference, pretraining left out",
        finding=f"The highest mean of each, and its price in FLOPs a question: {'; '.join(told)}.",
        columns=(Column("panel", "Model"), *_COLUMNS),
        rows=tuple(rows),
        series=tuple(replace(series, level=False) for series in styled(keys).values()),
        options={**_options("FLOPs of inference a question", panels), "shared": True},
    )


def _options(x: str, panels: list[dict[str, str]]) -> dict[str, Any]:
    return {"x": x, "y": _ACCURACY, "log": True, "base": 10, "unit": "FLOPs", "large": True, "panels": panels}


def _points(curve: Mapping[str, Any], price: str, where: str) -> list[Point]:
    prices = numbers(curve.get(price), f"{where}.{price}")
    values = estimates({part: curve.get(part) for part in ("mean", "low", "high")}, where)
    sizes = numbers(curve.get("n"), f"{where}.n", len(prices))
    found = [
        (n, x, value) for n, x, value in zip(sizes, prices, values) if x is not None and x > 0 and value is not None
    ]
    return sorted(found, key=lambda point: point[1])


def _rows(points: Iterable[Point], key: str, label: str, panel: str) -> list[Row]:
    return [
        {"panel": panel, "series": key, "label": label, "n": n, "x": x, "y": v.mean, "low": v.low, "high": v.high}
        for n, x, v in points
    ]


def _best(name: str, points: Iterable[Point]) -> str:
    n, x, value = max(points, key=lambda point: point[2].mean)
    size = "" if n is None else f" at N = {number(n)}"
    return f"{name} {percent(value.mean)}{size} for {flops(x)}"


def _named(name: str, method: str) -> str:
    return f"{name}, {method_name(method)}" if method else name
