"""Accuracy against compute, for all questions and for each difficulty bin: the two halves of figure 3 of Snell et al.
(arXiv 2408.03314).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from outlay.report.names import LEVELS, bin_name, method_name
from outlay.report.parts import Column, Figure, Row, Section, Series, listed, number, percent
from outlay.report.reading import Curve, bin_curves, curves, mapping, numbers, texts

BUDGET = "Generations per question, N"
ACCURACY = "Questions answered correctly"
INTERVAL_LEGEND = ({"label": "value and its 95% interval", "color": "blue", "dash": "", "symbol": "circle"},)

_SOURCES = {
    "oracle": "True (oracle) difficulty is how often the model is right in samples that are not measured here.",
    "predicted": "Predicted difficulty comes from samples alone, without any right answer.",
    "probe": "A probe tells difficulty from the question alone.",
    "level": "Levels are those that people gave.",
}
_DIFFICULTIES = {
    "oracle": "true difficulty",
    "predicted": "predicted difficulty",
    "probe": "difficulty by a probe",
    "level": "human level",
}
_UPPER_BOUND = "pass"
_EVERYWHERE = "all questions"
_POINT_COLUMNS = (
    Column("label", "Method"),
    Column("x", "N (generations)", "number"),
    Column("y", "Accuracy", "percent"),
    Column("low", "95% low", "percent"),
    Column("high", "95% high", "percent"),
)


def accuracy_section(group: Mapping[str, Any], where: str, id: str, styles: Mapping[str, Series]) -> Section | None:
    """Accuracy of every method at every budget, over all questions."""
    found = curves(group.get("curves"), f"{where}.curves")
    single = all(len(curve.n) == 1 for curve in found.values())
    if not found or (single and len(found) == 1):
        return None
    finding = _accuracy_finding(found)
    has_cost = any(cost is not None for curve in found.values() for cost in curve.cost)
    figure = Figure(
        id=f"{id}-accuracy",
        kind="intervals" if single else "curves",
        title="Accuracy" if single else "Accuracy against budget",
        finding=finding,
        columns=(*_POINT_COLUMNS, Column("cost", "Cost (generations)", "number")) if has_cost else _POINT_COLUMNS,
        rows=tuple(row for curve in found.values() for row in curve_rows(curve, styles)),
        series=() if single else tuple(styles[key] for key in found),
        options={"y": ACCURACY, "percent": True, "legend": INTERVAL_LEGEND}
        if single
        else {"x": BUDGET, "y": ACCURACY, "log": True},
    )
    lede = (
        "One answer a question. "
        if single
        else (
            "Each method may spend N generations on a question (one generation is one complete solution's worth of "
            "sampling) and must give one answer. "
        )
    )
    lede += (
        f"{'Lines' if single else 'Bands and upright bars'} are 95% intervals over questions; where they overlap, the "
        "methods may not differ."
    )
    if _UPPER_BOUND in found:
        lede += (
            " Coverage is no method: it is the share of questions for which a right answer is among the N samples, "
            "which is what a perfect way to choose among them would reach."
        )
    return Section("Accuracy" if single else "How accuracy grows with compute", lede, (figure,))


def difficulty_section(group: Mapping[str, Any], where: str, id: str, styles: Mapping[str, Series]) -> Section | None:
    """The same curves for each difficulty bin, one panel a bin: true bins (else predicted ones), and human levels."""
    found = _binned_curves(group, where)
    first = "oracle" if "oracle" in found else "predicted"
    shown = [kind for kind in found if kind == first] + [kind for kind in found if kind not in ("oracle", "predicted")]
    if not shown:
        return None
    return Section(
        title="Easy and hard questions want different methods",
        lede="Questions are sorted into bins by difficulty, bin 0 the easiest. "
        + " ".join(_SOURCES[kind] for kind in shown if kind in _SOURCES),
        blocks=tuple(_bins_figure(group, kind, found[kind], where, id, styles) for kind in shown),
    )


def _bins_figure(
    group: Mapping[str, Any],
    kind: str,
    per_bin: Sequence[Mapping[str, Curve]],
    where: str,
    id: str,
    styles: Mapping[str, Series],
) -> Figure:
    where = f"{where}.bins.{kind}"
    details, count = mapping(group["bins"][kind], where), len(per_bin)
    given = texts(details.get("names"), f"{where}.names")
    known = len(given) == count
    names = tuple(f"{kind} {name}" if name.isdigit() else name for name in given)
    names = names if known else tuple(bin_name(i, count) for i in range(count))
    sizes = numbers(details.get("count"), f"{where}.count", count)
    rates = numbers(_means(details.get("pass_at_1")), f"{where}.pass_at_1", count)
    rows = [
        {**row, "panel": name}
        for name, curves_here in zip(names, per_bin)
        for curve in curves_here.values()
        for row in curve_rows(curve, styles)
    ]
    panels = [{"key": name, "note": _panel_note(size, rate)} for name, size, rate in zip(names, sizes, rates)]
    return Figure(
        id=f"{id}-difficulty-{kind}",
        kind="curves",
        title=f"Accuracy against budget, by {_DIFFICULTIES.get(kind, f'{_spaced(kind)} difficulty')}",
        finding=_difficulty_finding(per_bin, names if known else tuple(f"bin {i}" for i in range(count))),
        columns=(Column("panel", "Bin"), *_POINT_COLUMNS),
        rows=tuple(rows),
        series=tuple(styles[key] for key in dict.fromkeys(key for found in per_bin for key in found)),
        options={"x": BUDGET, "y": ACCURACY, "log": True, "panels": panels},
    )


def curve_rows(curve: Curve, styles: Mapping[str, Series]) -> Iterable[Row]:
    """A curve's points as rows of a figure."""
    for i, (n, value) in enumerate(zip(curve.n, curve.values)):
        yield {
            "series": curve.key,
            "label": styles[curve.key].label,
            "x": n,
            "y": value.mean,
            "low": value.low,
            "high": value.high,
            "cost": curve.cost[i] if curve.cost else None,
        }


def _accuracy_finding(found: Mapping[str, Curve]) -> str:
    methods = {key: c for key, c in found.items() if key != _UPPER_BOUND and key not in LEVELS}
    sentences = []
    if methods:
        largest = max(c.n[-1] for c in methods.values())
        at_largest = {key: c for key, c in methods.items() if c.n[-1] == largest}
        best = max(at_largest.values(), key=lambda c: c.last.mean)
        spent = f"At {number(largest)} generations a question" if largest > 1 else "With one sample a question"
        told = "the highest is " if len(at_largest) > 1 else ""
        sentences.append(f"{spent}, {told}{method_name(best.key)}: {best.last.as_percent()}")
        if best.n[0] == 1 and len(best.n) > 1:
            sentences[-1] += f"; a single sample has {percent(best.values[0].mean)}"
    if _UPPER_BOUND in found:
        cover = found[_UPPER_BOUND]
        if cover.n[-1] > 1:
            share, samples = percent(cover.last.mean), number(cover.n[-1])
            sentences.append(f"For {share} of the questions a right answer is among {samples} samples")
    if "greedy" in found:
        sentences.append(f"One greedy sample has {found['greedy'].last.as_percent()}")
    return " ".join(f"{sentence}." for sentence in sentences)


def _difficulty_finding(per_bin: Sequence[Mapping[str, Curve]], names: Sequence[str]) -> str:
    """Which method is highest in each bin, at the smallest and at the largest budget that all methods share."""
    moving = [
        [c for key, c in found.items() if key != _UPPER_BOUND and key not in LEVELS and len(c.n) > 1]
        for found in per_bin
    ]
    shared = sorted(set.intersection(*(set(c.n) for methods in moving for c in methods))) if any(moving) else []
    budgets = [n for n in shared if n > 1] or shared
    told = [_highest(moving, budget, names) for budget in dict.fromkeys(budgets[:1] + budgets[-1:])]
    return " ".join([*told, "Where bands overlap, the order may be chance."])


def _highest(per_bin: Sequence[Sequence[Curve]], budget: float, names: Sequence[str]) -> str:
    winners: dict[str, list[str]] = {}
    for place, methods in zip(names, per_bin):
        if methods:
            top = max(_at(c, budget) for c in methods)
            first = [method_name(c.key) for c in methods if _at(c, budget) == top]
            winners.setdefault(listed(first), []).append(place)
    named = "; ".join(f"{name}, in {listed(places)}" for name, places in winners.items())
    return f"Highest mean at N = {number(budget)}: {named}."


def _at(curve: Curve, budget: float) -> float:
    return curve.values[curve.n.index(budget)].mean


def _binned_curves(group: Mapping[str, Any], where: str) -> dict[str, list[dict[str, Curve]]]:
    """For each kind of difficulty that has curves, the curves of each bin."""
    bins = mapping(group.get("bins"), f"{where}.bins")
    found = {
        kind: bin_curves(mapping(value, f"{where}.bins.{kind}").get("curves"), f"{where}.bins.{kind}.curves")
        for kind, value in bins.items()
    }
    return {kind: per_bin for kind, per_bin in found.items() if any(per_bin)}


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _panel_note(size: float | None, rate: float | None) -> str:
    parts = []
    if size is not None:
        parts.append(f"{size:,.0f} questions")
    if rate is not None:
        parts.append(f"{100 * rate:.0f}% right")
    return ", ".join(parts)


def _means(value: Any) -> Any:
    """Only the means, where a list of values comes with its intervals."""
    if isinstance(value, Mapping):
        return value.get("mean")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [item.get("mean") if isinstance(item, Mapping) else item for item in value]
    return value
