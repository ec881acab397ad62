"""The tables of docs/explanation/smollm2.md from the summaries of its studies.

    python docs/smollm2.py runs/smollm2-capitals/summary.json runs/smollm2-steps/summary.json

A row a way of choosing, or a policy; a column a budget in generations (the mean over questions, for policies that look before they
decide). Right in %, with 95% intervals over questions; last what it is above the one greedy answer, at 16 generations (or the
largest budget).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from outlay.strategies.names import METHODS, short_names

POLICIES = {
    "best_fixed": "best fixed way, chosen on other questions",
    "per_bin_pilot": "per bin, from a pilot",
    "across_pilot": "across questions, from a pilot",
    "sequential": "sequential: stop or go on",
    "threshold": "best tuned threshold rule",
    "adaptive_consistency": "adaptive consistency",
    "window": "window early stopping",
}
BUDGETS = (1, 2, 4, 8, 16, 32)
HEADLINE = 16
"""The studies' headline budget, or the largest that a way was tried at."""


def table(summary: Mapping[str, Any]) -> Iterator[str]:
    """The lines of one study's table."""
    (group,) = summary["groups"]
    budgets = [n for n in BUDGETS if n <= group["samples"]]
    yield f"{group['questions']} questions, {group['samples']} samples of each"
    yield ""
    yield f"| right, % | {' | '.join(f'N = {n}' if n == 1 else str(n) for n in budgets)} | above greedy |"
    yield "|---|" + "---|" * (len(budgets) + 1)
    names = short_names(list(group["curves"]))
    for key, curve in group["curves"].items():
        points = dict(zip(curve["n"], zip(curve["mean"], curve["low"], curve["high"], strict=True), strict=True))
        costs = dict(zip(curve["n"], curve["cost"], strict=True))
        gains = dict(zip(curve["n"], curve.get("gain_over_greedy", ()), strict=False))
        cells = [cell(points.get(n), costs.get(n, n), n) for n in budgets]
        yield row(METHODS.get(key, names[key]), cells, gains, min(HEADLINE, curve["n"][-1]))
    for name, label in POLICIES.items():
        policy = group["policies"].get(name)
        if policy is not None:
            figures = [(one["mean"], one["low"], one["high"]) for one in policy["accuracy"]]
            points, costs, gains = (
                dict(zip(policy["budget"], values, strict=True))
                for values in (figures, policy["cost"], policy["gain_over_greedy"])
            )
            cells = [cell(points.get(n), costs.get(n, n), n) for n in budgets]
            yield row(label, cells, gains, min(HEADLINE, policy["budget"][-1]))


def row(label: str, cells: Sequence[str], gains: Mapping[float, Mapping[str, float]], at: float) -> str:
    """A line, its last cell the gain over greedy."""
    gain = gains.get(at)
    told = "" if gain is None else f"{100 * gain['mean']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
    return f"| {label} | {' | '.join(cells)} | {told} |"


def cell(point: Sequence[float] | None, cost: float, budget: float) -> str:
    """Mean and interval, and what was really spent where that is another number."""
    if point is None:
        return ""
    mean, low, high = (100 * value for value in point)
    paid = "" if abs(cost - budget) < 0.05 else f" @ {cost:.1f}"
    return f"{mean:.1f} ({low:.0f} to {high:.0f}){paid}"


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        summary = json.loads(path.read_text(encoding="utf-8"))
        print("\n".join([f"## {path.parent.name}: {summary['groups'][0]['task']}", *table(summary), ""]))
        (group,) = summary["groups"]
        for sentence in (*group["sentences"], group.get("over_greedy", "")):
            print(f"- {sentence}")
        print()
