"""What `outlay.study.saving` found, in words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from outlay.strategies.names import METHODS

NAMES = {
    "sequential": "sequential: stop or go on",
    "sequential_switching": "sequential: stop, go on or switch",
    "threshold": "best tuned threshold rule",
    "cascade": "cascade: threshold, else switch",
    "adaptive_consistency": "adaptive consistency",
    "window": "window early stopping",
    "score_threshold": "stop at a score",
    "agreement_threshold": "stop at an agreement",
    "fixed": "N chosen for the mean",
}
"""Policies in the order of their rows."""

RIVALS = ("threshold", "adaptive_consistency", "window", "score_threshold", "agreement_threshold")
"""What `sequential` has to beat; `cascade` may switch, and stands against `sequential_switching`."""

Entry = Mapping[str, Any]


def rows_of(entry: Entry) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row's label and its figures: the baselines, then the policies."""
    yield f"uniform {METHODS[entry['method']]}", entry["uniform"]
    yield "best fixed", entry["best_fixed"]
    policies = entry["policies"]
    for name in NAMES:
        if name in policies:
            yield NAMES[name], policies[name]
    for name, policy in policies.items():
        if name not in NAMES:
            base, _, way = name.rpartition("_")
            yield f"{NAMES.get(base, base)}, by {METHODS.get(way, way)}", policy


def columns_of(entry: Entry, most: int) -> list[float]:
    """The mean budgets that are shown: the headline's, and powers of two about it."""
    every = entry["policies"]["sequential"]["budget"]
    head = entry["headline"]["budget"]
    wanted = sorted({budget for budget in every if budget in (2, 4, 8, 16, 32)} | {head})
    while len(wanted) > most:
        wanted.remove(max((b for b in wanted if b != head), key=lambda b: abs(b - head)))
    return [float(budget) for budget in wanted]


def cells_of(row: Mapping[str, Any], budgets: Sequence[float]) -> list[str]:
    """Accuracy with its interval, and the real mean cost."""
    cells = []
    for budget in budgets:
        if budget not in row["budget"]:
            cells.append("")
            continue
        place = row["budget"].index(budget)
        right, cost = row["accuracy"][place], row["cost"][place]
        paid = "" if abs(cost - budget) < 0.05 else f" @ {cost:.1f}"
        cells.append(f"{100 * right['mean']:.1f} ({100 * right['low']:.0f}-{100 * right['high']:.0f}){paid}")
    return cells


def ratio_of(row: Mapping[str, Any], measure: str, budget: float) -> str:
    """A ratio with its interval; nothing where there is none."""
    if measure not in row or budget not in row["budget"]:
        return ""
    return ratio_text(row[measure][row["budget"].index(budget)])


def ratio_text(ratio: Mapping[str, Any] | None) -> str:
    """A ratio as `3.9x (3.3 to 4.6)`; "at least" where the baseline never gets there.

    >>> ratio_text({"value": 3.91, "low": 3.3, "high": None, "censored": True})
    'at least 3.9x (3.3 to infinity)'
    """
    if ratio is None or ratio["value"] is None:
        return "not reached"
    high = "infinity" if ratio["high"] is None else f"{ratio['high']:.1f}"
    least = "at least " if ratio["censored"] else ""
    return f"{least}{ratio['value']:.1f}x ({ratio['low']:.1f} to {high})"


def sentences(entry: Entry) -> list[str]:
    """What it comes to: the headline, and whether sequential beats each rule at the headline's budget."""
    head, policies = entry["headline"], entry["policies"]
    how = (
        f"the budget was fixed, and every policy fitted, on {entry['fitted_on']} other questions"
        if not entry["cross_fitted"]
        else "cross-fitted by question"
    )
    flops = (
        f"; in FLOPs, the verifier's reading included, {ratio_text(head['to_uniform_in_flops'])} and "
        f"{ratio_text(head['to_best_fixed_in_flops'])}"
        if "to_uniform_in_flops" in head
        else ""
    )
    told = [
        f"At a mean of {head['budget']:g} generations (really {head['cost']:.1f}) the sequential policy is right in "
        f"{100 * head['accuracy']['mean']:.1f}% and needs {ratio_text(head['to_uniform'])} less than uniform "
        f"{METHODS[entry['method']]}, {ratio_text(head['to_best_fixed'])} less than the best fixed{flops} ({how})."
    ]
    if "at_level" in head:
        uniform, fixed = (ratio_text(head["at_level"][base]) for base in ("to_uniform", "to_best_fixed"))
        told.append(
            f"To the accuracy of {100 * head['level']:.1f}% that the others fixed: {uniform} less than uniform, {fixed} less "
            "than the best fixed."
        )
    beaten: list[str] = []
    even: list[str] = []
    lost: list[str] = []
    for name in RIVALS:
        if name in policies:
            lead = policies[name]["sequential_leads_by"][policies[name]["budget"].index(head["budget"])]
            text = f"{NAMES[name]} by {100 * lead['mean']:+.1f} points ({100 * lead['low']:+.1f} to {100 * lead['high']:+.1f})"
            (beaten if lead["low"] > 0 else lost if lead["high"] < 0 else even).append(text)
    if beaten:
        told.append(f"There it is ahead of {'; '.join(beaten)}.")
    if even:
        told.append(f"It cannot be told from {'; '.join(even)}.")
    if lost:
        told.append(f"It is behind {'; '.join(lost)}.")
    better = [one for one in entry["temperatures"] if one["difference"]["low"] > 0]
    if better:
        told.append(
            "At another temperature the same for all is reliably better where it was tried: "
            + "; ".join(
                f"T = {one['temperature']:g}, N = {one['n']}, {100 * one['difference']['mean']:+.1f} points"
                for one in better
            )
            + "."
        )
    return told


def markdown(found: Sequence[Entry]) -> str:
    """Tables and sentences of every entry, as a page has them."""
    parts = []
    for entry in found:
        budgets, head = columns_of(entry, 5), entry["headline"]["budget"]
        flops = "to_uniform_in_flops" in entry["headline"]
        parts.append(f"### {entry['task']}, {entry['model'].removeprefix('embedded:')}\n")
        heads = ["right, % (95%) @ generations", *(f"{b:g}" for b in budgets), f"less than uniform, at {head:g}"]
        heads += ["less than best fixed", *(["the same in FLOPs"] if flops else [])]
        parts.append("| " + " | ".join(heads) + " |")
        parts.append("|---|" + "---:|" * (len(heads) - 1))
        for label, row in rows_of(entry):
            cells = [label, *cells_of(row, budgets)]
            cells += [ratio_of(row, m, head) for m in ("compute_ratio", "compute_ratio_to_best_fixed")]
            if flops:
                both = [ratio_of(row, m, head) for m in ("compute_ratio_flops", "compute_ratio_flops_to_best_fixed")]
                cells.append("; ".join(cell for cell in both if cell))
            parts.append("| " + " | ".join(cells) + " |")
        parts.append("")
        parts += [f"- {sentence}" for sentence in sentences(entry)]
        parts.append("")
    return "\n".join(parts)
