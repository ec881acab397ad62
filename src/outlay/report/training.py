"""What training buys, and at which size to spend: verifiers by the FLOPs of training, the joint optimum of size and budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay.report.names import method_name
from outlay.report.parts import Column, Figure, Row, Section, Series, Table, flops, listed, percent
from outlay.report.reading import estimate, mapping, sequence

STRENGTH = "gain_is_the_weak_models"
LARGEST = "large_model_gains_too"

_STYLES = (
    ("blue", "", "circle"),
    ("orange", "6 3", "square"),
    ("green", "7 3", "triangle"),
    ("purple", "3 2", "diamond"),
    ("vermillion", "2 3", "star"),
)

_COLUMNS = (
    Column("label", "Verifier or reviser"),
    Column("x", "FLOPs of training", "flops"),
    Column("y", "Accuracy", "percent"),
    Column("low", "95% low", "percent"),
    Column("high", "95% high", "percent"),
)


def training_section(summary: Mapping[str, Any]) -> Section | None:
    """Verifiers by their training, whose gain that is, and the joint optimum; None where a summary has neither part."""
    told = [mapping(one, f"training[{i}]") for i, one in enumerate(sequence(summary.get("training"), "training"))]
    joint = [mapping(one, f"joint[{i}]") for i, one in enumerate(sequence(summary.get("joint"), "joint"))]
    if not told and not joint:
        return None
    figure = _figure(told)
    blocks: list[Figure | Table] = [*([figure] if figure else []), *(_verifiers(one) for one in told)]
    blocks += [_joint(joint)] if joint else []
    return Section(
        title="What training buys, and which size to spend on",
        lede=(
            "Every verifier scored the very same samples, and stands at the FLOPs that training it took, with the drawing of what "
            "it learned from; what was not trained, or has no record, is in the tables alone. The joint optimum gives each size of "
            "model what is left of one total after its own pretraining: R is tokens of inference over tokens of pretraining."
        ),
        blocks=tuple(blocks),
        findings=(
            *whose_gain(summary),
            *(f"{one['task']}, {one['sentence']}." for one in joint if one["large_n"] == 1),
        ),
        id="training",
    )


def _figure(told: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Accuracy against the FLOPs of training, a line for each task and model that has two or more trained verifiers."""
    trained = [(_of(one), _trained(one)) for one in told]
    lines = [(of, points) for of, points in trained if len({point["flops"] for point in points}) > 1]
    if not lines:
        return None
    rows: list[Row] = []
    sentences = []
    for of, points in lines:
        for point in points:
            found = estimate(point.get("accuracy"), "training.accuracy")
            if found is not None:
                rows.append(
                    {
                        "series": of,
                        "label": f"{of}: {point['name']}",
                        "x": point["flops"],
                        "y": found.mean,
                        "low": found.low,
                        "high": found.high,
                    }
                )
        first, last = points[0], points[-1]
        ends = (percent(point["accuracy"]["mean"]) for point in (first, last))
        cost = flops(first["flops"]), flops(last["flops"])
        low, high = ends
        sentences.append(f"{of}: from {low} at {cost[0]} FLOPs of training to {high} at {cost[1]}.")
    return Figure(
        id="training-verifiers",
        kind="curves",
        title="Accuracy against the FLOPs of training the verifier, or the reviser",
        finding=" ".join(sentences),
        columns=_COLUMNS,
        rows=tuple(rows),
        series=tuple(Series(of, of, *_STYLES[i % len(_STYLES)]) for i, (of, _) in enumerate(lines)),
        options={
            "x": "FLOPs of training, drawing included",
            "y": "Questions answered correctly",
            "log": True,
            "base": 10,
            "unit": "FLOPs",
        },
    )


def _trained(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [point for point in sequence(one.get("points"), "training.points") if point.get("flops")]


def _verifiers(one: Mapping[str, Any]) -> Table:
    rows = []
    for point in sequence(one.get("points"), "training.points"):
        found = estimate(point.get("accuracy"), "training.accuracy")
        cost = point.get("flops")
        rows.append(
            (
                str(point.get("name", "–")),
                str(point.get("role") or "–"),
                "–" if cost is None else flops(cost),
                "–" if found is None else found.as_percent(),
            )
        )
    alone = mapping(one.get("without"), "training.without")
    found = estimate(alone, "training.without")
    if found is not None:
        rows.append((f"without: {alone.get('name', '–')}", "–", "0", found.as_percent()))
    method = method_name(str(one.get("method", "best_of_n")))
    kind, title = "Verifier", f"{_of(one)}: {method} among {one.get('n', '–')} samples, by each verifier"
    if one.get("trained") == "reviser":
        kind, title = "Reviser", f"{_of(one)}: {one.get('n', '–')} attempts in one chain, by each reviser"
    return Table(title, (kind, "Kind", "FLOPs of training", "Right (95%)"), tuple(rows))


def _joint(joint: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for one in joint:
        models = sequence(one.get("models"), "joint.models")
        cells = []
        places = zip(models, one.get("n", ()), one.get("accuracy", ()), one.get("beyond", ()), strict=False)
        for model, n, accuracy, beyond in places:
            told = (
                "no sample"
                if n is None or accuracy is None
                else f"N = {n}{' (all drawn)' if beyond else ''}: {percent(accuracy)}"
            )
            cells.append(f"{model} {told}")
        span = one["best"] if one["low"] == one["high"] else f"{one['best']} ({one['low']} to {one['high']})"
        rows.append((str(one.get("task", "–")), f"{one['ratio']:g}", str(one["large_n"]), "; ".join(cells), str(span)))
    return Table(
        "The joint optimum of size and budget",
        ("Task", "R", "Price: the largest with N =", "What each size can do for it", "Best (95% range)"),
        tuple(rows),
        note="All drawn: the price would buy more samples than were drawn.",
    )


def whose_gain(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Is the verifier's gain only a weak model's? In one sentence a task, from the claims."""
    claims = [mapping(one, "claims") for one in sequence(summary.get("claims"), "claims")]
    found = []
    for task in dict.fromkeys(claim.get("task") for claim in claims if claim.get("name") == STRENGTH):
        of_task = [claim for claim in claims if claim.get("task") == task]
        smaller = [claim for claim in of_task if claim.get("name") == STRENGTH]
        largest = [claim for claim in of_task if claim.get("name") == LARGEST]
        found.append(
            f"{task}: is the verifier's gain only a weak model's? That it is smaller for the largest model than for the smallest "
            f"{_on(smaller)}; that the largest gains too {_on(largest)}."
        )
    return tuple(found)


def _on(claims: Sequence[Mapping[str, Any]]) -> str:
    """The verdicts of claims, each with the questions that it is about."""
    verdicts: dict[str, list[str]] = {}
    for claim in claims:
        of = str(claim.get("on", "")).partition(",")[0].partition(" ")[0]
        verdicts.setdefault(str(claim.get("verdict")), []).append(f"{of} questions")
    return ", ".join(f"{verdict} on {listed(places)}" for verdict, places in verdicts.items())


def _of(one: Mapping[str, Any]) -> str:
    return f"{one.get('task', '–')}, {str(one.get('model', '')).removeprefix('embedded:')}"
