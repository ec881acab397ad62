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
"""What `sequential` has to beat; `cascade`, which may switch, stands against `sequential_switching`."""

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
    """A ratio with its interval; "not reached" where the policy does not reach the accuracy.

    >>> ratio_text({"value": 5.24, "low": 1.048, "high": None, "censored": True})
    'at least 5.2x (1.05 to infinity)'
    """
    if ratio is None or ratio["value"] is None:
        return "not reached"
    least = "at least " if ratio["censored"] else ""
    return f"{least}{_times(ratio['value'])}x ({_times(ratio['low'])} to {_times(ratio['high'])})"


def _times(value: float | None) -> str:
    """Two decimals below 2, where it matters on which side of 1 a ratio lies."""
    return "infinity" if value is None else f"{value:.2f}" if value < 1.995 else f"{value:.1f}"


def sentences(entry: Entry) -> list[str]:
    """What it comes to: the headline, at a budget and at an accuracy, and whether sequential beats each rule at that budget."""
    head, policies = entry["headline"], entry["policies"]
    how = "cross-fitted by question"
    if not entry["cross_fitted"]:
        fixed = "budget was chosen" if head["chosen"] else "budget was fixed"
        how = f"the {fixed}, and every policy fitted, on {entry['fitted_on']} other questions"
    right = head["accuracy"]
    told = [
        f"At a mean of {head['budget']:g} generations (really {head['cost']:.1f}) the sequential policy is right in "
        f"{100 * right['mean']:.1f}% ({100 * right['low']:.1f} to {100 * right['high']:.1f}) and needs "
        f"{ratio_text(head['to_uniform'])} less than uniform {METHODS[entry['method']]}, "
        f"{ratio_text(head['to_best_fixed'])} less than the best fixed{_in_flops(head)} ({how})."
    ]
    if "level" in head:
        told.append(_level_sentence(entry))
    error = max(policy["monte_carlo_error"] for policy in policies.values())
    told.append(
        f"Replayed over {entry['orders']} random orders of each question's samples: the Monte-Carlo error of an accuracy is at "
        f"most {100 * error:.2f} points."
    )
    verdicts: dict[str, list[str]] = {"needs less than": [], "cannot be told from": [], "needs more than": []}
    for name in RIVALS:
        if name in policies:
            verdict, text = _against(name, policies[name], head["budget"])
            verdicts[verdict].append(text)
    told += [
        f"At equal accuracy the sequential policy {verdict} {'; '.join(names)}."
        for verdict, names in verdicts.items()
        if names
    ]
    if "sequential_switching" in policies and "cascade" in policies:
        verdict, text = _against("cascade", policies["cascade"], head["budget"])
        told.append(f"With switches the sequential policy {verdict} the {text}.")
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


def _against(name: str, rival: Mapping[str, Any], budget: float) -> tuple[str, str]:
    """Whether the sequential policy needs less than a rival for its accuracy, and by how much it leads at the same mean budget."""
    place = rival["budget"].index(budget)
    ratio, lead, more = (
        rival[measure][place] for measure in ("sequential_ratio", "sequential_leads_by", "sequential_costs_more_by")
    )
    low, high = ratio["low"], ratio["high"]
    verdict = (
        "needs less than" if low > 1 else "cannot be told from" if high is None or high >= 1 else "needs more than"
    )
    return verdict, (
        f"{NAMES[name].partition(':')[0]} ({ratio_text(ratio)}; at the same mean budget {100 * lead['mean']:+z.1f} points, "
        f"{100 * lead['low']:+z.1f} to {100 * lead['high']:+z.1f}, for {more['mean']:+z.1f} generations)"
    )


def _level_sentence(entry: Entry) -> str:
    """What the accuracy costs here that the policy had reached on the questions that fitted it."""
    head, method = entry["headline"], METHODS[entry["method"]]
    at, level = head["at_level"], f"{100 * head['level']:.1f}%"
    where = f"on the {entry['fitted_on']} questions that fitted it (cross-fitted, at that budget)"
    if at["to_uniform"] is None:
        return f"{level}, what it had reached {where}, it does not reach on these questions at any budget."
    lost = max(at[f"to_{base}"]["left_out"] for base in ("uniform", "best_fixed"))
    beyond = f" (left out: up to {100 * lost:.0f}% of resamples, in which neither gets there)" if lost >= 0.005 else ""
    return (
        f"To be right in {level}, which it had reached {where}, it needs {_paid(at['cost'])} generations here, uniform {method} "
        f"{_paid(at['uniform_cost'])} and the best fixed {_paid(at['best_fixed_cost'])}: {ratio_text(at['to_uniform'])} and "
        f"{ratio_text(at['to_best_fixed'])} less{_in_flops(at)}{beyond}."
    )


def _in_flops(found: Mapping[str, Any]) -> str:
    if "to_uniform_in_flops" not in found:
        return ""
    both = " and ".join(ratio_text(found[f"to_{base}_in_flops"]) for base in ("uniform", "best_fixed"))
    return f"; in FLOPs, the verifier's reading included, {both}"


def _paid(cost: Mapping[str, Any]) -> str:
    """A cost with its interval; `over` where the accuracy is not reached at the largest.

    >>> _paid({"mean": 64.0, "low": 50.0, "high": None, "censored": True})
    'over 64.0 (50.0 to infinity)'
    """
    high = "infinity" if cost["high"] is None else f"{cost['high']:.1f}"
    return f"{'over ' if cost['censored'] else ''}{cost['mean']:.1f} ({cost['low']:.1f} to {high})"
