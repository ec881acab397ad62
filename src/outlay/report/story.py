"""The middle of the story: what was run and what it cost, each group, and models on the same questions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from outlay.report.accuracy import INTERVAL_LEGEND, accuracy_section, difficulty_section
from outlay.report.agreement import agreement_section
from outlay.report.closing import NEEDS
from outlay.report.deciding import deciding_section
from outlay.report.falling import falling_section
from outlay.report.names import styled
from outlay.report.parts import Column, Figure, GroupPart, Row, Section, Series, Table, flops, listed, number, percent
from outlay.report.reading import curves, estimate, finite, mapping, sequence, texts
from outlay.report.revising import chains_section
from outlay.report.splitting import splits_section
from outlay.report.verifying import verifier_section


def groups_of(summary: Mapping[str, Any]) -> tuple[GroupPart, ...]:
    """Every group of a summary, told section by section; what its summary lacks is named in `absent`."""
    groups = [mapping(g, f"groups[{i}]") for i, g in enumerate(sequence(summary.get("groups"), "groups"))]
    styles = styled(key for i, group in enumerate(groups) for key in _method_keys(group, f"groups[{i}]"))
    return tuple(_group(group, index, styles) for index, group in enumerate(groups))


def run_section(summary: Mapping[str, Any]) -> Section | None:
    """What was run and what it cost, a row a group."""
    rows = []
    for index, item in enumerate(sequence(summary.get("groups"), "groups")):
        where = f"groups[{index}]"
        group = mapping(item, where)
        found = curves(group.get("curves"), f"{where}.curves")
        questions, samples = finite(group.get("questions"), where), finite(group.get("samples"), where)
        single = estimate(group.get("pass_at_1"), f"{where}.pass_at_1")
        rows.append(
            (
                str(group.get("task", "–")),
                str(group.get("model", "–")),
                _count(questions),
                _count(samples),
                _count(questions * samples if questions and samples else None),
                single.as_percent() if single else "–",
                found["pass"].last.as_percent() if "pass" in found else "–",
            )
        )
    facts = _facts(summary)
    if not rows and not facts:
        return None
    header = (
        "Task",
        "Model",
        "Questions",
        "Samples each",
        "Generations in all",
        "One sample right (95%)",
        "A right one among them (95%)",
    )
    blocks = [
        Table("What was run", header, tuple(rows)) if rows else None,
        _cost_table(summary),
        _single_samples(summary),
    ]
    return Section(
        title="What was run, and what it cost",
        lede=(
            "A generation is one complete solution's worth of sampling. All samples of a question are drawn once; "
            "every budget up to that number is read from them, averaged over all the ways to draw fewer. Searches "
            "are runs of their own."
        ),
        blocks=tuple(block for block in blocks if block is not None),
        findings=facts,
        id="run",
    )


def _single_samples(summary: Mapping[str, Any]) -> Figure | None:
    """All groups side by side: how often one sample is right."""
    rows: list[Row] = []
    for index, group in enumerate(sequence(summary.get("groups"), "groups")):
        single = estimate(group.get("pass_at_1"), f"groups[{index}].pass_at_1")
        if single is not None:
            label = ", ".join(str(group[part]) for part in ("task", "model") if group.get(part)) or f"group {index + 1}"
            rows.append({"label": label, "y": single.mean, "low": single.low, "high": single.high})
    if len(rows) < 2:
        return None
    best, worst = max(rows, key=lambda r: r["y"]), min(rows, key=lambda r: r["y"])
    return Figure(
        id="single-samples",
        kind="intervals",
        title="Where everything starts: how often one sample is right",
        finding=f"From {percent(worst['y'])} ({worst['label']}) to {percent(best['y'])} ({best['label']}).",
        columns=(
            Column("label", "Group"),
            Column("y", "One sample right", "percent"),
            Column("low", "95% low", "percent"),
            Column("high", "95% high", "percent"),
        ),
        rows=tuple(rows),
        options={"y": "One sample right", "percent": True, "legend": INTERVAL_LEGEND},
    )


def comparison_section(summary: Mapping[str, Any]) -> Section | None:
    """Models that answered the same questions: what one has over the other, question by question."""
    tables = []
    for index, item in enumerate(sequence(summary.get("comparisons"), "comparisons")):
        where = f"comparisons[{index}]"
        comparison = mapping(item, where)
        rows = []
        for pair in sequence(comparison.get("differences"), f"{where}.differences"):
            found = estimate(mapping(pair, where).get("difference"), f"{where}.differences")
            if found is not None:
                verdict = "cannot be told apart"
                if found.low is not None and found.high is not None and (found.low > 0 or found.high < 0):
                    verdict = f"{pair['a'] if found.mean > 0 else pair['b']} is ahead"
                rows.append((f"{pair['a']} against {pair['b']}", found.as_points(), verdict))
        if rows:
            questions = _count(finite(comparison.get("questions"), where))
            title = f"{comparison.get('task', 'the same task')}, {questions} questions"
            tables.append(Table(title, ("Models", "Difference in points (95%)", "Verdict"), tuple(rows)))
    if not tables:
        return None
    return Section(
        title="Models on the same questions",
        lede="One sample a question of each model, compared question by question, which is sharper than comparing bands.",
        blocks=tuple(tables),
        id="comparison",
    )


def _group(group: Mapping[str, Any], index: int, styles: Mapping[str, Series]) -> GroupPart:
    where, title = f"groups[{index}]", str(group.get("task") or f"group {index + 1}")
    id = f"g{index}-{_slug(title) or 'group'}"
    told = {
        "accuracy against budget": accuracy_section(group, where, id, styles),
        "accuracy by difficulty": difficulty_section(group, where, id, styles),
        "what deciding per question gains": deciding_section(group, where, id),
        "how well difficulty can be told beforehand": agreement_section(group, where, id),
        "where spending more makes it worse": falling_section(group, where, styles),
        "what the verifier is worth": verifier_section(group, where, id),
        "what revising is worth": chains_section(group, where, id) or splits_section(group, where, id),
    }
    facts = [
        (name, f"{value:,.0f}")
        for name, value in (
            ("questions", finite(group.get("questions"), where)),
            ("samples each", finite(group.get("samples"), where)),
        )
        if value is not None
    ]
    single = estimate(group.get("pass_at_1"), f"{where}.pass_at_1")
    if single is not None:
        facts.append(("one sample right", single.as_percent()))
    return GroupPart(
        id=id,
        title=title,
        model=str(group.get("model") or ""),
        facts=tuple(facts),
        headline=" ".join(texts(group.get("headline"), f"{where}.headline")),
        as_one_goes=" ".join(texts(group.get("as_one_goes"), f"{where}.as_one_goes")),
        over_greedy=" ".join(texts(group.get("over_greedy"), f"{where}.over_greedy")),
        sentences=texts(group.get("sentences"), f"{where}.sentences"),
        warnings=texts(group.get("warnings"), f"{where}.warnings"),
        sections=tuple(
            replace(section, id=f"{id}-{_slug(name)}") for name, section in told.items() if section is not None
        ),
        absent=tuple((name, NEEDS[name]) for name, section in told.items() if section is None),
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _method_keys(group: Mapping[str, Any], where: str) -> list[str]:
    keys = list(mapping(group.get("curves"), f"{where}.curves"))
    for kind, value in mapping(group.get("bins"), f"{where}.bins").items():
        keys += mapping(mapping(value, f"{where}.bins.{kind}").get("curves"), f"{where}.bins.{kind}.curves")
    return keys


def _facts(summary: Mapping[str, Any]) -> tuple[str, ...]:
    told = []
    seconds = finite(summary.get("seconds"), "seconds")
    machine = mapping(summary.get("machine"), "machine")
    on = [str(machine[key]) for key in ("cpu", "blas") if machine.get(key)]
    if seconds is not None:
        told.append(f"It took {_duration(seconds)}{f' on {listed(on)}' if on else ''}.")
    elif on:
        told.append(f"It ran on {listed(on)}.")
    known = []
    if summary.get("seed") is not None:
        known.append(f"seed {summary['seed']}")
    versions = summary.get("versions")
    if isinstance(versions, Mapping):
        known += [f"{name} {version}" for name, version in versions.items()]
    if known:
        told.append(f"To repeat it: {', '.join(known)}.")
    return tuple(told)


_LEDGER = {
    "generations": "generations",
    "calls": "calls of models and verifiers",
    "prompt_tokens": "tokens read by models",
    "cached_tokens": "of these, read before and kept",
    "generated_tokens": "tokens generated",
    "verifier_prompt_tokens": "tokens read by verifiers",
    "verifier_generated_tokens": "tokens generated by verifiers",
    "pilot": "tokens of pilots",
    "retried": "tokens that were retried",
    "cancelled": "tokens that were cancelled",
    "flops": "FLOPs",
    "seconds": "seconds",
    "usd": "US dollars",
}


def _cost_table(summary: Mapping[str, Any]) -> Table | None:
    """The ledger: a row for each kind of cost, a column for each group that tells its own."""
    places = [("all", mapping(summary.get("cost"), "cost"))]
    for index, group in enumerate(sequence(summary.get("groups"), "groups")):
        places.append(
            (str(group.get("task", f"group {index + 1}")), mapping(group.get("cost"), f"groups[{index}].cost"))
        )
    ledgers = [
        (name, {key: float(value) for key, value in cost.items() if isinstance(value, int | float) and value})
        for name, cost in places
        if cost
    ]
    kinds = list(dict.fromkeys([*_LEDGER, *(key for _, paid in ledgers for key in paid)]))
    rows = [
        (_LEDGER.get(key, key.replace("_", " ")), *(_paid(key, paid.get(key, 0.0)) for _, paid in ledgers))
        for key in kinds
        if any(key in paid for _, paid in ledgers)
    ]
    return Table("What it cost", ("", *(name for name, _ in ledgers)), tuple(rows)) if rows else None


def _paid(key: str, value: float) -> str:
    return flops(value) if key == "flops" else number(value)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
