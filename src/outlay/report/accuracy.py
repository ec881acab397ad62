"""Accuracy against compute: for all questions, for each difficulty bin, and where spending more makes it worse.

The first two are the two halves of figure 3 of Snell et al. (arXiv 2408.03314); the third is what that paper calls
over-optimisation: a search finds solutions that please the verifier and are wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from outlay.report.names import LEVELS, bin_name
from outlay.report.parts import Column, Figure, Row, Section, Series, Table, listed, number, percent
from outlay.report.reading import Curve, Estimate, bin_curves, curves, mapping, numbers

BUDGET = "Generations per question, N"
ACCURACY = "Questions answered correctly"
FALL = 0.01
"""A method is listed as falling from one percentage point on."""

_UPPER_BOUND = "pass"
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
    if not found:
        return None
    finding = _accuracy_finding(found)
    has_cost = any(cost is not None for curve in found.values() for cost in curve.cost)
    figure = Figure(
        id=f"{id}-accuracy",
        kind="curves",
        title="Accuracy against budget",
        finding=finding,
        columns=(*_POINT_COLUMNS, Column("cost", "Cost (generations)", "number")) if has_cost else _POINT_COLUMNS,
        rows=tuple(row for curve in found.values() for row in curve_rows(curve, styles)),
        series=tuple(styles[key] for key in found),
        options={"x": BUDGET, "y": ACCURACY, "log": True},
    )
    return Section(
        title="How accuracy grows with compute",
        lede=(
            "Each method may spend N generations on a question (one generation is one complete solution's worth of "
            "sampling) and must give one answer. Bands are 95% intervals over questions: where bands overlap, the "
            "methods may not differ. Coverage is no method: it is the share of questions for which a right answer is "
            "among the N samples, and so what a perfect way to choose would reach."
            if _UPPER_BOUND in found
            else "Each method may spend N generations on a question (one generation is one complete solution's worth "
            "of sampling) and must give one answer. Bands are 95% intervals over questions: where bands overlap, the "
            "methods may not differ."
        ),
        blocks=(figure,),
    )


def difficulty_section(group: Mapping[str, Any], where: str, id: str, styles: Mapping[str, Series]) -> Section | None:
    """The same curves for each difficulty bin, one panel a bin; the true (oracle) bins where they are there."""
    kind, per_bin = _binned_curves(group, where)
    if not per_bin:
        return None
    count = len(per_bin)
    details = mapping(group["bins"][kind], f"{where}.bins.{kind}")
    sizes = numbers(details.get("count"), f"{where}.bins.{kind}.count", count)
    rates = numbers(_means(details.get("pass_at_1")), f"{where}.bins.{kind}.pass_at_1", count)
    rows: list[Row] = []
    for index, found in enumerate(per_bin):
        for curve in found.values():
            rows += [{**row, "panel": bin_name(index, count)} for row in curve_rows(curve, styles)]
    keys = dict.fromkeys(key for found in per_bin for key in found)
    panels = [
        {"key": bin_name(i, count), "note": _panel_note(size, rate)} for i, (size, rate) in enumerate(zip(sizes, rates))
    ]
    figure = Figure(
        id=f"{id}-difficulty",
        kind="curves",
        title="Accuracy against budget, by difficulty",
        finding=_difficulty_finding(per_bin),
        columns=(Column("panel", "Bin"), *_POINT_COLUMNS),
        rows=tuple(rows),
        series=tuple(styles[key] for key in keys),
        options={"x": BUDGET, "y": ACCURACY, "log": True, "panels": panels},
    )
    source = {
        "oracle": "how often the model is right on it in samples that are not measured here (true, or oracle, difficulty)",
        "predicted": "the verifier's mean score for samples of it, which needs no right answers (predicted difficulty)",
    }.get(kind, f"its {kind.replace('_', ' ')} difficulty")
    return Section(
        title="Easy and hard questions want different methods",
        lede=f"Questions are sorted into {count} bins by {source}. Bin 0 holds the easiest.",
        blocks=(figure,),
    )


def falling_section(group: Mapping[str, Any], where: str, styles: Mapping[str, Series]) -> Section | None:
    """Where a method's accuracy falls although it spends more; says so too when nothing falls."""
    overall = curves(group.get("curves"), f"{where}.curves")
    _, per_bin = _binned_curves(group, where)
    placed = [("all questions", curve) for curve in overall.values()]
    for index, found in enumerate(per_bin):
        placed += [(bin_name(index, len(per_bin)), curve) for curve in found.values()]
    measured = [(place, c) for place, c in placed if c.key != _UPPER_BOUND and c.key not in LEVELS and len(c.n) > 2]
    if not measured:
        return None
    falls = sorted(((place, c, peak(c)) for place, c in measured if _fall(c) >= FALL), key=lambda item: -_fall(item[1]))
    title = "Where spending more makes it worse"
    lede = (
        "A search that trusts an imperfect verifier can find solutions that the verifier likes and that are wrong; "
        "the more it searches, the more of them it finds. This is called over-optimisation, and it shows as a curve "
        "that peaks and then falls."
    )
    if not falls:
        return Section(title, lede, (), ("No method falls by a percentage point or more after its best budget.",))
    clear = sum(_apart(c, index) for _, c, index in falls)
    apart = f"In {clear} of them" if clear else "In none of them"
    table = Table(
        title="Methods that fall after their best budget",
        header=("Method", "Where", "Best at N", "Accuracy there", "Largest N", "Accuracy there", "Fall", "Intervals"),
        rows=tuple(
            (
                styles[c.key].label,
                place,
                number(c.n[index]),
                c.values[index].as_percent(),
                number(c.n[-1]),
                c.last.as_percent(),
                f"{100 * _fall(c):.1f} points",
                "apart" if _apart(c, index) else "overlap",
            )
            for place, c, index in falls[:12]
        ),
        note=(
            "The best budget is read off the same questions, which overstates a fall a little. Intervals that overlap "
            "do not exclude a real fall, since both points share their questions."
        ),
    )
    worst_place, worst, index = falls[0]
    label = styles[worst.key].label
    finding = (
        f"The largest fall is {label}'s on {worst_place}: {percent(worst.values[index].mean)} at N = "
        f"{number(worst.n[index])}, {percent(worst.last.mean)} at N = {number(worst.n[-1])}."
    )
    many = f"{len(falls)} of {len(measured)} curves fall by a point or more. {apart} the two intervals do not overlap."
    return Section(title, lede, (table,), (finding, many))


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


def peak(curve: Curve) -> int:
    """The index of the first budget at which a curve is highest."""
    return max(range(len(curve.n)), key=lambda i: curve.values[i].mean)


def _fall(curve: Curve) -> float:
    return curve.values[peak(curve)].mean - curve.last.mean


def _apart(curve: Curve, index: int) -> bool:
    low, high = curve.values[index].low, curve.last.high
    return low is not None and high is not None and low > high


def _accuracy_finding(found: Mapping[str, Curve]) -> str:
    from outlay.report.names import method_name

    methods = {key: c for key, c in found.items() if key != _UPPER_BOUND and key not in LEVELS}
    sentences = []
    if methods:
        largest = max(c.n[-1] for c in methods.values())
        at_largest = {key: c for key, c in methods.items() if c.n[-1] == largest}
        best = max(at_largest.values(), key=lambda c: c.last.mean)
        sentences.append(
            f"At {number(largest)} generations a question {method_name(best.key)} is highest, with {best.last.as_percent()}"
            if len(at_largest) > 1
            else f"At {number(largest)} generations a question {method_name(best.key)} has {best.last.as_percent()}"
        )
        if best.n[0] == 1 and len(best.n) > 1:
            sentences[-1] += f"; a single sample has {percent(best.values[0].mean)}"
    if _UPPER_BOUND in found:
        c = found[_UPPER_BOUND]
        sentences.append(
            f"For {percent(c.last.mean)} of the questions a right answer is among {number(c.n[-1])} samples"
        )
    if "greedy" in found:
        sentences.append(f"One greedy sample has {found['greedy'].last.as_percent()}")
    return " ".join(f"{sentence}." for sentence in sentences)


def _difficulty_finding(per_bin: Sequence[Mapping[str, Curve]]) -> str:
    from outlay.report.names import method_name

    def highest(at: str) -> str:
        winners: dict[str, list[str]] = {}
        budgets = []
        for index, found in enumerate(per_bin):
            methods = [c for key, c in found.items() if key != _UPPER_BOUND and key not in LEVELS]
            if not methods:
                continue
            budget = min(c.n[-1] for c in methods) if at == "last" else _smallest_budget(methods)
            budgets.append(budget)
            best = max(methods, key=lambda c: _at(c, budget))
            tied = [c for c in methods if _at(c, budget) == _at(best, budget)]
            name = method_name(best.key) if len(tied) == 1 else "a tie"
            winners.setdefault(name, []).append(str(index))
        if not winners:
            return ""
        named = listed([f"{name} in bin{'s' if len(b) > 1 else ''} {listed(b)}" for name, b in winners.items()])
        return f"At N = {number(min(budgets))} the highest mean is {named}."

    first, last = highest("first"), highest("last")
    both = [first] if first == last or not last else [first, last]
    return " ".join([*filter(None, both), "Where bands overlap, the order may be chance."])


def _smallest_budget(methods: Sequence[Curve]) -> float:
    shared = [n for n in methods[0].n if n > 1 and all(n in c.n for c in methods)]
    return shared[0] if shared else min(c.n[-1] for c in methods)


def _at(curve: Curve, budget: float) -> float:
    return curve.values[curve.n.index(budget)].mean if budget in curve.n else float("-inf")


def _binned_curves(group: Mapping[str, Any], where: str) -> tuple[str, list[dict[str, Curve]]]:
    bins = mapping(group.get("bins"), f"{where}.bins")
    for kind in sorted(bins, key=lambda k: (k != "oracle", k != "predicted")):
        per_bin = bin_curves(mapping(bins[kind], f"{where}.bins.{kind}").get("curves"), f"{where}.bins.{kind}.curves")
        if any(per_bin):
            return kind, per_bin
    return "", []


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


__all__ = ["Estimate", "accuracy_section", "curve_rows", "difficulty_section", "falling_section", "peak"]
