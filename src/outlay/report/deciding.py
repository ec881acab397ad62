"""What deciding per question gains: policies against the same method for all, and what the policies choose.

The chart is figure 4 of Snell et al. (arXiv 2408.03314). "x times less compute" is read at equal accuracy, and comes
with its interval from the summary; where the baseline never reaches the accuracy it is a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from outlay.report.names import UNIFORM, bin_name, method_name, policy_name, styled
from outlay.report.parts import Column, Figure, Row, Section, Table, listed, number, percent
from outlay.report.reading import estimates, finite, mapping, numbers, sequence

COUNTED = "cost of knowing difficulty counted"
FREE = "difficulty known for free (as Snell et al. count)"

_COLUMNS = (
    Column("label", "Policy"),
    Column("budget", "Budget (generations)", "number"),
    Column("x", "Cost (generations)", "number"),
    Column("y", "Accuracy", "percent"),
    Column("low", "95% low", "percent"),
    Column("high", "95% high", "percent"),
)


def deciding_section(group: Mapping[str, Any], where: str, id: str) -> Section | None:
    """Policies against the same method for every question: the chart, gains, savings and choices."""
    where = f"{where}.policies"
    policies = {key: mapping(policy, f"{where}.{key}") for key, policy in mapping(group.get("policies"), where).items()}
    found = (
        _chart(policies, where, id),
        _gains(policies, where),
        *_all_savings(policies, where),
        *_choices(policies, where),
    )
    blocks = tuple(block for block in found if block is not None)
    if not blocks:
        return None
    going = (
        " Sequential policies and thresholds look at the samples so far and stop or draw on; others' questions fitted them, five "
        "folds in turn, and their budgets are means."
        if "sequential" in policies
        else ""
    )
    return Section(
        title="What deciding per question gains",
        lede=(
            "A policy looks at how hard a question seems and then chooses the method and how much of the budget to "
            "use. Choices are made on one half of the questions and measured on the other. All policies are measured "
            "on the same questions, so their bands overlap even where one is reliably better: gains and savings are "
            f"compared in pairs.{going}"
        ),
        blocks=blocks,
        findings=_savings_findings(policies, where),
    )


def _chart(policies: Mapping[str, Mapping[str, Any]], where: str, id: str) -> Figure | None:
    counted, free = [], []
    for key, policy in policies.items():
        counted += _policy_rows(key, policy, policy.get("cost"), f"{where}.{key}")
        free += _policy_rows(key, policy, policy.get("cost_without_difficulty", policy.get("cost")), f"{where}.{key}")
    if not counted:
        return None
    styles = styled(policies, policy_name)
    keys = dict.fromkeys(row["series"] for row in counted)
    options: dict[str, Any] = {"x": "Cost per question, in generations", "y": "Questions right", "log": True}
    columns: tuple[Column, ...] = _COLUMNS
    rows = counted
    if any("cost_without_difficulty" in policy for policy in policies.values()):
        options |= {"large": True, "panels": [{"key": FREE}, {"key": COUNTED}]}
        rows = [{**row, "panel": panel} for panel, part in ((FREE, free), (COUNTED, counted)) for row in part]
        columns = (Column("panel", "Cost"), *_COLUMNS)
    return Figure(
        id=f"{id}-policies",
        kind="curves",
        title="Deciding per question against one method for all",
        finding=_policy_finding(free, "panels" in options),
        columns=columns,
        rows=tuple(rows),
        series=tuple(styles[key] for key in keys),
        options=options,
    )


def _policy_rows(key: str, policy: Mapping[str, Any], costs: Any, where: str) -> list[Row]:
    budgets = numbers(policy.get("budget"), f"{where}.budget")
    accuracy = estimates(policy.get("accuracy"), f"{where}.accuracy")
    rows: list[Row] = []
    for budget, value, cost in zip(budgets, accuracy, numbers(costs, f"{where}.cost", len(budgets))):
        x = cost or budget
        if value is not None and x:
            point = {"x": x, "y": value.mean, "low": value.low, "high": value.high}
            rows.append({"series": key, "label": policy_name(key), "budget": budget, **point})
    return rows


def _policy_finding(rows: Sequence[Row], free: bool) -> str:
    budgets = sorted({row["budget"] for row in rows if row["budget"] is not None})
    counts = {b: len({r["series"] for r in rows if r["budget"] == b}) for b in budgets}
    shared = [b for b in budgets if counts[b] == max(counts.values()) and counts[b] > 1]
    if not shared:
        return ""
    budget = shared[(len(shared) - 1) // 2]
    there = sorted((r for r in rows if r["budget"] == budget), key=lambda r: -r["y"])
    told = "; ".join(f"{r['label']} {percent(r['y'])}" for r in there)
    halves = [(r["high"] - r["low"]) / 2 for r in there if r["low"] is not None and r["high"] is not None]
    give = f" (each give or take {100 * max(halves):.0f} points)" if halves else ""
    known = ", difficulty known for free" if free else ""
    return f"With a budget of {number(budget)} generations{known}: {told}{give}."


def ratio_text(value: Any, where: str) -> str:
    """A compute ratio in words: `3.2× (2.1 to 4.8)`, `≥ 4×` where the baseline never gets there, a dash if absent."""
    ratio = mapping(value, where)
    best = finite(ratio.get("value"), where)
    if best is None:
        return "–"
    text = f"{'≥ ' if ratio.get('censored') else ''}{_times(best)}×"
    low, high = finite(ratio.get("low"), where), finite(ratio.get("high"), where)
    if low is not None:
        text += f" ({_times(low)} to {_times(high) if high is not None else '∞'})"
    return text


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 1.995 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _baseline(policies: Mapping[str, Any]) -> str:
    """The name of the method that the policies are compared with."""
    return next((method_name(key.removeprefix(UNIFORM)) for key in policies if key.startswith(UNIFORM)), "best-of-N")


def _gains(policies: Mapping[str, Mapping[str, Any]], where: str) -> Table | None:
    columns = {}
    for key, policy in policies.items():
        budgets = numbers(policy.get("budget"), f"{where}.{key}.budget")
        gains = estimates(policy.get("gain"), f"{where}.{key}.gain")
        if any(gains) and not key.startswith(UNIFORM):
            columns[key] = {budget: gain.as_points() for budget, gain in zip(budgets, gains) if gain}
    return _by_budget(
        f"Points gained over {_baseline(policies)} with the same budget",
        columns,
        "In percentage points, compared in pairs, with 95% intervals: a gain is real where its interval lies above "
        "zero. Only a pilot's cost is counted within these budgets. Shuffled bins know nothing about a question: what "
        "they gain, no knowledge of difficulty gave.",
    )


def _all_savings(policies: Mapping[str, Mapping[str, Any]], where: str) -> list[Table | None]:
    """Savings with all that was computed counted stand open, in FLOPs where known; other ways of counting are folded."""
    counted = ("compute_ratio_flops", "compute_ratio")
    measures = (*counted, *(f"{measure}_without_difficulty" for measure in counted))
    tables = [table for measure in measures if (table := _savings(policies, measure, where)) is not None]
    return [replace(table, folded=index > 0) for index, table in enumerate(tables)]


def _savings(policies: Mapping[str, Mapping[str, Any]], measure: str, where: str) -> Table | None:
    columns = {
        key: {budget: ratio_text(ratio, where) for budget, ratio in _ratios(policy, measure, f"{where}.{key}").items()}
        for key, policy in policies.items()
        if not key.startswith(UNIFORM)
    }
    cost = FREE if measure.endswith("difficulty") else COUNTED
    counts = measure.endswith("difficulty") or any("difficulty_cost" in policy for policy in policies.values())
    unit = "in FLOPs" if "flops" in measure else "in generations"
    charged = (
        "All that was computed counts: a question is read once, a verifier is charged for what it reads."
        if "flops" in measure
        else "Only what is drawn counts, not what a verifier reads."
    )
    return _by_budget(
        f"Times less compute than {_baseline(policies)}, {unit}, at equal accuracy{f': {cost}' if counts else ''}",
        columns,
        f"{charged} Above 1 the policy is cheaper, below 1 dearer; 95% intervals in brackets. ≥: the baseline does not reach "
        "the policy's accuracy at any budget measured, so the value is read at its largest; what holds at 95% is the "
        "interval's lower end.",
    )


def _by_budget(title: str, columns: Mapping[str, Mapping[float | None, str]], note: str) -> Table | None:
    columns = {key: cells for key, cells in columns.items() if cells}
    budgets = sorted({budget for cells in columns.values() for budget in cells if budget is not None})
    if not budgets:
        return None
    return Table(
        title=title,
        header=("Budget", *(policy_name(key) for key in columns)),
        rows=tuple((number(b), *(cells.get(b, "–") for cells in columns.values())) for b in budgets),
        note=note,
    )


def _ratios(policy: Mapping[str, Any], measure: str, where: str) -> dict[float | None, Mapping[str, Any]]:
    ratios = sequence(policy.get(measure), f"{where}.{measure}")
    budgets = numbers(policy.get("budget"), f"{where}.budget")
    read = [(budget, mapping(ratio, f"{where}.{measure}")) for budget, ratio in zip(budgets, ratios)]
    return {budget: ratio for budget, ratio in read if budget is not None and ratio.get("value") is not None}


def _savings_findings(policies: Mapping[str, Mapping[str, Any]], where: str) -> tuple[str, ...]:
    """At how many of its budgets each policy's interval lies above 1, and at how many below it; in FLOPs if known."""
    flops = any("compute_ratio_flops" in policy for policy in policies.values())
    measure = "compute_ratio_flops" if flops else "compute_ratio"
    unit = " (in FLOPs)" if flops else ""
    said: dict[str, list[str]] = {"cheaper": [], "dearer": []}
    for key, policy in policies.items():
        ratios = list(_ratios(policy, measure, f"{where}.{key}").values())
        if not ratios or key.startswith(UNIFORM):
            continue
        lows = [finite(r.get("low"), where) for r in ratios]
        highs = [finite(r.get("high"), where) for r in ratios]
        counts = {
            "cheaper": sum(low is not None and low > 1 for low in lows),
            "dearer": sum(high is not None and high < 1 for high in highs),
        }
        for word, count in counts.items():
            said[word] += [f"{policy_name(key)}, at {count} of {len(ratios)} budgets"] if count else []
    baseline = _baseline(policies)
    told = [
        f"All costs counted{unit}, reliably {w} than {baseline}: {'; '.join(names)}."
        for w, names in said.items()
        if names
    ]
    if not told and any("compute_ratio" in policy for key, policy in policies.items() if not key.startswith(UNIFORM)):
        told = [f"All costs counted{unit}, no policy is reliably cheaper or dearer than {baseline}."]
    return tuple(told)


def _choices(policies: Mapping[str, Mapping[str, Any]], where: str) -> list[Table]:
    tables: list[Table] = []
    for key, policy in policies.items():
        if key.startswith(UNIFORM) or key.endswith("shuffled"):
            continue
        at = f"{where}.{key}"
        budgets = numbers(policy.get("budget"), f"{at}.budget")
        lines = [
            (number(budget), *(_choice(choice) for choice in sequence(per_bin, f"{at}.choices")))
            for budget, per_bin in zip(budgets, sequence(policy.get("choices"), f"{at}.choices"))
            if budget is not None and per_bin
        ]
        bins = max((len(line) for line in lines), default=1) - 1
        if not bins:
            continue
        names = (bin_name(i, bins) for i in range(bins)) if bins > 1 else ("all questions",)
        tables.append(
            Table(
                title=f"What it chooses: {policy_name(key)}",
                header=("Budget", *names),
                rows=tuple(line + ("–",) * (bins + 1 - len(line)) for line in lines),
                folded=True,
            )
        )
    return tables


def _choice(choice: Any) -> str:
    if not choice:
        return "–"
    if isinstance(choice, Mapping):
        return listed([_choice(str(name)) for name in choice])
    if isinstance(choice, Sequence) and not isinstance(choice, str):
        return " or ".join(dict.fromkeys(_choice(item) for item in choice))
    return method_name(str(choice))
