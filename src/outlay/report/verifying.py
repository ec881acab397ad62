"""What the verifier is worth: whether it tells right from wrong solutions of the same question, and whether its
probabilities mean what they say.

The area under the curve *within a question* is the one that choosing an answer depends on. The overall one also rises
when a verifier merely recognises easy questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.report.accuracy import INTERVAL_LEGEND
from outlay.report.names import bin_name
from outlay.report.parts import Column, Figure, Row, Section, Table, percent
from outlay.report.reading import estimate, estimates, mapping, numbers
from outlay.report.weak_verifiers import weak_verifiers

_MEASURES = (
    ("auc_within_question", "AUC within a question", "a right solution scores above a wrong one of the same question"),
    ("auc", "AUC over all solutions", "the same over all pairs; knowing which questions are easy raises it too"),
    ("accuracy", "Accuracy", "solutions put on the right side of one half"),
    ("brier", "Brier score", "mean squared error of its probabilities; lower is better"),
)


def verifier_section(group: Mapping[str, Any], where: str, id: str) -> Section | None:
    """The verifier's quality: overall, in each difficulty bin, and its calibration."""
    verifier = mapping(group.get("verifier"), f"{where}.verifier")
    where = f"{where}.verifier"
    blocks: list[Figure | Table] = []
    measures = _measures(verifier, where)
    if measures is not None:
        blocks.append(measures)
    blocks += [figure for figure in (_per_bin(verifier, where, id), _reliability(verifier, where, id)) if figure]
    blocks += weak_verifiers(group, where.removesuffix(".verifier"), id)
    if not blocks:
        return None
    return Section(
        title="What the verifier is worth",
        lede=(
            "A verifier scores solutions without seeing the right answer. To choose among the samples of one question "
            "it must tell right from wrong within that question: 1 is perfect, 0.5 is a coin."
        ),
        blocks=tuple(blocks),
        findings=_findings(verifier, where),
    )


def _findings(verifier: Mapping[str, Any], where: str) -> tuple[str, ...]:
    within = estimate(verifier.get("auc_within_question"), f"{where}.auc_within_question")
    if within is None:
        return ()
    told = [
        f"Shown a right and a wrong solution of the same question, the verifier prefers the right one in "
        f"{within.as_percent()} of cases; a coin would in 50%."
    ]
    overall = estimate(verifier.get("auc"), f"{where}.auc")
    if overall is not None and overall.mean - within.mean >= 0.05:
        told.append(
            f"Over all solutions the figure is {percent(overall.mean)}: the difference is what it knows about "
            f"questions rather than about solutions."
        )
    return tuple(told)


def _measures(verifier: Mapping[str, Any], where: str) -> Table | None:
    rows = []
    for key, name, meaning in _MEASURES:
        value = estimate(verifier.get(key), f"{where}.{key}")
        if value is not None:
            rows.append((name, value.as_percent() if key == "accuracy" else value.as_share(), meaning))
    if not rows:
        return None
    return Table("Quality of the verifier", ("Measure", "Value (95% interval)", "What it says"), tuple(rows))


def _per_bin(verifier: Mapping[str, Any], where: str, id: str) -> Figure | None:
    per_bin = mapping(verifier.get("per_bin"), f"{where}.per_bin")
    read = {key: estimates(per_bin.get(key), f"{where}.per_bin.{key}") for key in ("auc_within_question", "accuracy")}
    key = next((key for key, values in read.items() if any(values)), None)
    if key is None:
        return None
    values = read[key]
    name = "AUC within a question" if key == "auc_within_question" else "Accuracy"
    rows: list[Row] = [
        {
            "label": bin_name(i, len(values)),
            "y": value.mean if value else None,
            "low": value.low if value else None,
            "high": value.high if value else None,
        }
        for i, value in enumerate(values)
    ]
    known = [(row["label"], value) for row, value in zip(rows, values) if value is not None]
    weakest = min(known, key=lambda item: item[1].mean)
    strongest = max(known, key=lambda item: item[1].mean)
    finding = (
        f"{name}: highest in {strongest[0]}, {strongest[1].as_share()}; "
        f"lowest in {weakest[0]}, {weakest[1].as_share()}."
    )
    if key == "auc_within_question" and weakest[1].low is not None and weakest[1].low <= 0.5:
        finding += f" In {weakest[0]} it cannot be told from a coin."
    return Figure(
        id=f"{id}-verifier-bins",
        kind="intervals",
        title=f"{name}, by difficulty",
        finding=finding,
        columns=(
            Column("label", "Bin"),
            Column("y", name, "number"),
            Column("low", "95% low", "number"),
            Column("high", "95% high", "number"),
        ),
        rows=tuple(rows),
        options={
            "x": "Difficulty bin",
            "y": name,
            "legend": INTERVAL_LEGEND,
            "chance": 0.5 if key == "auc_within_question" else None,
        },
    )


def _reliability(verifier: Mapping[str, Any], where: str, id: str) -> Figure | None:
    where = f"{where}.reliability"
    reliability = mapping(verifier.get("reliability"), where)
    predicted = numbers(reliability.get("predicted"), f"{where}.predicted")
    observed = numbers(reliability.get("observed"), f"{where}.observed", len(predicted))
    counts = numbers(reliability.get("count"), f"{where}.count", len(predicted))
    lows = numbers(reliability.get("low"), f"{where}.low", len(predicted))
    highs = numbers(reliability.get("high"), f"{where}.high", len(predicted))
    rows: list[Row] = [
        {"predicted": p, "observed": o, "count": c, "low": low, "high": high}
        for p, o, c, low, high in zip(predicted, observed, counts, lows, highs)
        if p is not None and o is not None and c != 0
    ]
    if not rows:
        return None
    weights = [row["count"] or 0 for row in rows]
    if not any(weights):
        weights = [1.0] * len(rows)
    gap = sum(w * abs(r["predicted"] - r["observed"]) for w, r in zip(weights, rows)) / sum(weights)
    lean = sum(w * (r["predicted"] - r["observed"]) for w, r in zip(weights, rows)) / sum(weights)
    side = ""
    if abs(lean) >= 0.01:
        side = f" On average it is {'too sure' if lean > 0 else 'not sure enough'} by {100 * abs(lean):.1f} points."
    return Figure(
        id=f"{id}-reliability",
        kind="reliability",
        title="Do its probabilities mean what they say?",
        finding=f"Scores and outcomes differ by {100 * gap:.1f} points on average (expected calibration error).{side}",
        columns=(
            Column("predicted", "Mean score", "percent"),
            Column("observed", "Share right", "percent"),
            Column("low", "95% low", "percent"),
            Column("high", "95% high", "percent"),
            Column("count", "Solutions", "count"),
        ),
        rows=tuple(rows),
        options={
            "x": "Score given by the verifier",
            "y": "Share of solutions that are right",
            "legend": (
                {"label": "solutions of about the same score (larger: more)", "color": "blue", "symbol": "circle"},
                {"label": "95% interval", "color": "blue", "dash": "", "level": True},
                {"label": "where scores mean what they say", "color": "muted", "dash": "2 3", "level": True},
            ),
        },
    )
