"""What deciding per question gains: policies against fixed methods, what they choose, and how well difficulty is told.

The chart is figure 4 of Snell et al. (arXiv 2408.03314). "x times less compute" is read at equal accuracy, and comes
with its interval from the summary; where the baseline never reaches the accuracy it is a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay.report.names import bin_name, method_name, policy_name, styled
from outlay.report.parts import Column, Figure, Row, Section, Table, listed, number, percent
from outlay.report.reading import estimates, finite, mapping, numbers, sequence

COST = "Cost per question, in generations"

_COLUMNS = (
    Column("label", "Policy"),
    Column("budget", "Budget (generations)", "number"),
    Column("x", "Cost (generations)", "number"),
    Column("y", "Accuracy", "percent"),
    Column("low", "95% low", "percent"),
    Column("high", "95% high", "percent"),
)


def deciding_section(group: Mapping[str, Any], where: str, id: str) -> Section | None:
    """Policies against the same method for every question: the chart, the savings and the choices."""
    policies = mapping(group.get("policies"), f"{where}.policies")
    styles = styled(policies, policy_name)
    rows: list[Row] = []
    for key, policy in policies.items():
        rows += _policy_rows(key, mapping(policy, f"{where}.policies.{key}"), f"{where}.policies.{key}")
    savings = _savings(policies, where)
    choices = _choices(policies, where)
    blocks: list[Figure | Table] = []
    if rows:
        keys = dict.fromkeys(row["series"] for row in rows)
        blocks.append(
            Figure(
                id=f"{id}-policies",
                kind="curves",
                title="Deciding per question against one method for all",
                finding=_policy_finding(rows),
                columns=_COLUMNS,
                rows=tuple(rows),
                series=tuple(styles[key] for key in keys),
                options={"x": COST, "y": "Questions answered correctly", "log": True},
            )
        )
    blocks += [table for table in (savings, *choices) if table is not None]
    if not blocks:
        return None
    return Section(
        title="What deciding per question gains",
        lede=(
            "A policy looks at how hard a question seems and then chooses the method and how much of the budget to "
            "use. Choices are made on one half of the questions and measured on the other, and finding out how hard "
            "a question is counts in the cost. All policies are measured on the same questions, so their bands overlap "
            "even where one is reliably better: the savings below are compared in pairs."
        ),
        blocks=tuple(blocks),
        findings=_savings_findings(policies, where),
    )


def agreement_section(group: Mapping[str, Any], where: str, id: str) -> Section | None:
    """How often a difficulty that can be known beforehand agrees with the true one, bin by bin."""
    bins = mapping(group.get("bins"), f"{where}.bins")
    figures = []
    for kind, value in bins.items():
        agreement = mapping(mapping(value, f"{where}.bins.{kind}").get("agreement"), f"{where}.bins.{kind}.agreement")
        figure = _confusion(kind, agreement, f"{where}.bins.{kind}.agreement", id)
        if figure is not None:
            figures.append(figure)
    if not figures:
        return None
    return Section(
        title="How well difficulty can be told beforehand",
        lede=(
            "True difficulty needs right answers and many samples, which nobody has for a new question. A policy that "
            "is to be used must predict it. The diagonal holds the questions placed in their true bin."
        ),
        blocks=tuple(figures),
    )


def _policy_rows(key: str, policy: Mapping[str, Any], where: str) -> list[Row]:
    budgets = numbers(policy.get("budget"), f"{where}.budget")
    accuracy = estimates(policy.get("accuracy"), f"{where}.accuracy")
    costs = numbers(policy.get("cost"), f"{where}.cost", len(budgets))
    rows: list[Row] = []
    for budget, value, cost in zip(budgets, accuracy, costs):
        x = cost if cost else budget
        if value is None or not x:
            continue
        rows.append(
            {
                "series": key,
                "label": policy_name(key),
                "budget": budget,
                "x": x,
                "y": value.mean,
                "low": value.low,
                "high": value.high,
            }
        )
    return rows


def _policy_finding(rows: Sequence[Row]) -> str:
    budgets = sorted({row["budget"] for row in rows if row["budget"] is not None})
    shared = [b for b in budgets if len({r["series"] for r in rows if r["budget"] == b}) > 1]
    if not shared:
        return ""
    budget = shared[(len(shared) - 1) // 2]
    there = sorted((r for r in rows if r["budget"] == budget), key=lambda r: -r["y"])
    told = "; ".join(f"{r['label']} {percent(r['y'])}" for r in there)
    halves = [(r["high"] - r["low"]) / 2 for r in there if r["low"] is not None and r["high"] is not None]
    give = f" (each give or take {100 * max(halves):.0f} points)" if halves else ""
    return f"With a budget of {number(budget)} generations: {told}{give}."


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
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _savings(policies: Mapping[str, Any], where: str) -> Table | None:
    columns = {key: _ratios(policy, f"{where}.policies.{key}") for key, policy in policies.items()}
    columns = {key: ratios for key, ratios in columns.items() if ratios}
    budgets = sorted({budget for ratios in columns.values() for budget in ratios})
    if not budgets:
        return None
    return Table(
        title="Times less compute than best-of-N, at equal accuracy",
        header=("Budget", *(policy_name(key) for key in columns)),
        rows=tuple(
            (number(budget), *(ratio_text(ratios.get(budget), where) for ratios in columns.values()))
            for budget in budgets
        ),
        note=(
            "Above 1 the policy is cheaper, below 1 dearer. In brackets the 95% interval. ≥ marks a lower bound: the "
            "baseline does not reach the policy's accuracy at any budget measured."
        ),
    )


def _ratios(policy: Any, where: str) -> dict[float, Any]:
    ratios = sequence(mapping(policy, where).get("compute_ratio"), f"{where}.compute_ratio")
    budgets = numbers(mapping(policy, where).get("budget"), f"{where}.budget")
    known = {b: r for b, r in zip(budgets, ratios) if b is not None and r and r.get("value") is not None}
    return known


def _savings_findings(policies: Mapping[str, Any], where: str) -> tuple[str, ...]:
    told = []
    for key, policy in policies.items():
        ratios = list(_ratios(policy, f"{where}.policies.{key}").values())
        if not ratios:
            continue
        lows = [finite(r.get("low"), where) for r in ratios]
        highs = [finite(r.get("high"), where) for r in ratios]
        cheaper = sum(low is not None and low > 1 for low in lows)
        dearer = sum(high is not None and high < 1 for high in highs)
        counts = (
            (cheaper, "cheaper than best-of-N"),
            (dearer, "dearer than best-of-N"),
            (len(ratios) - cheaper - dearer, "not to be told from it"),
        )
        said = listed([f"{word} at {count}" for count, word in counts if count])
        told.append(f"{_capital(policy_name(key))}: of {len(ratios)} budgets, {said}.")
    return tuple(told)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _choices(policies: Mapping[str, Any], where: str) -> list[Table]:
    tables = []
    for key, policy in policies.items():
        at = f"{where}.policies.{key}"
        per_budget = sequence(mapping(policy, at).get("choices"), f"{at}.choices")
        budgets = numbers(mapping(policy, at).get("budget"), f"{at}.budget")
        lines = [
            (number(budget), *(_choice(choice) for choice in sequence(per_bin, f"{at}.choices")))
            for budget, per_bin in zip(budgets, per_budget)
            if budget is not None and per_bin
        ]
        width = max((len(line) for line in lines), default=0)
        if width < 2:
            continue
        tables.append(
            Table(
                title=f"What it chooses: {policy_name(key)}",
                header=("Budget", *(bin_name(i, width - 1) for i in range(width - 1))),
                rows=tuple(line + ("–",) * (width - len(line)) for line in lines),
            )
        )
    return tables


def _choice(choice: Any) -> str:
    if choice is None:
        return "–"
    if isinstance(choice, Mapping):
        return listed([_choice(str(name)) for name in choice])
    if isinstance(choice, Sequence) and not isinstance(choice, str):
        return " or ".join(dict.fromkeys(_choice(item) for item in choice))
    return method_name(str(choice))


def _confusion(kind: str, agreement: Mapping[str, Any], where: str, id: str) -> Figure | None:
    """The counts `confusion[true][placed]`, drawn with a row for each bin in which questions were placed."""
    counts = [numbers(row, f"{where}.confusion") for row in sequence(agreement.get("confusion"), f"{where}.confusion")]
    size = max((len(row) for row in counts), default=0)
    if not size:
        return None
    placed = [[(row[column] if column < len(row) else None) or 0 for row in counts] for column in range(size)]
    everything = sum(map(sum, placed))
    right = sum(row[i] for i, row in enumerate(placed) if i < len(row))
    accuracy = finite(agreement.get("accuracy"), f"{where}.accuracy")
    if accuracy is None and everything:
        accuracy = right / everything
    chance = finite(agreement.get("chance"), f"{where}.chance")
    name = _capital(kind.replace("_", " "))
    finding = ""
    if accuracy is not None:
        finding = (
            f"{name} difficulty puts {percent(accuracy)} of questions in their true bin; chance would put "
            f"{percent(1 / size if chance is None else chance)}."
        )
    precision = [p for p in numbers(agreement.get("precision"), f"{where}.precision") if p is not None]
    if precision:
        shares = listed([percent(p) for p in precision])
        finding += f" Of the questions placed in each bin, from easiest to hardest, {shares} belong there."
    rows = tuple(
        {
            "predicted": bin_name(index, size),
            "oracle": bin_name(true, len(counts)),
            "count": count,
            "share": count / sum(row) if sum(row) else None,
        }
        for index, row in enumerate(placed)
        for true, count in enumerate(row)
    )
    return Figure(
        id=f"{id}-confusion-{kind}",
        kind="confusion",
        title=f"{name} bins against true bins",
        finding=finding,
        columns=(
            Column("predicted", f"{name} bin"),
            Column("oracle", "True bin"),
            Column("count", "Questions", "count"),
            Column("share", "Share of the row", "percent"),
        ),
        rows=rows,
        options={"x": "True (oracle) bin", "y": f"{name} bin"},
    )
