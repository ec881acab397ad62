"""What things are called in a report, and how each method is drawn.

A method has one name, one colour, one dash and one symbol in every figure of a report. Colours are those of Okabe and
Ito's palette, which people with any common colour blindness can tell apart; dash and symbol repeat the difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from outlay.report.parts import Series
from outlay.strategies.names import method_name as method_name

POLICIES = {
    "uniform": "same for all: best-of-N",
    "best_fixed": "same for all: best fixed method",
    "per_bin": "decided per difficulty bin",
    "per_bin_oracle": "per bin, true difficulty (oracle)",
    "per_bin_predicted": "per bin, predicted difficulty",
    "per_bin_probe": "per bin, a probe of the question",
    "per_bin_pilot": "per bin, pilot samples",
    "per_bin_level": "per bin, human difficulty level",
    "per_bin_shuffled": "per bin, shuffled bins (control)",
    "across_oracle": "across questions, true difficulty (oracle)",
    "across_predicted": "across questions, predicted difficulty",
    "across_probe": "across questions, a probe of the question",
    "across_pilot": "across questions, pilot samples",
    "sequential": "sequential: stop or go on",
    "sequential_switching": "sequential: stop, go on or switch",
    "adaptive_consistency": "adaptive consistency (Beta posterior)",
    "window": "window early stopping",
    "score_threshold": "stop at a score",
    "agreement_threshold": "stop at an agreement",
    "threshold": "best tuned threshold",
    "cascade": "cascade: threshold, else switch",
    "fixed": "same for all: N chosen for the mean",
}

UNIFORM = "uniform_"
"""How the name of a policy begins that uses one method for every question: the baseline of the others."""

LEVELS = frozenset({"greedy", "large_greedy"})
"""Methods with one value, whatever the budget: drawn as a line across the chart."""

_FIXED = {
    "pass": ("muted", "2 3", "circle"),
    "greedy": ("ink", "1 4", "circle"),
    "large_greedy": ("ink", "8 4", "circle"),
    "best_of_n": ("blue", "", "circle"),
    "majority": ("orange", "6 3", "square"),
    "weighted": ("sky", "10 3", "diamond"),
    "best_fixed": ("orange", "6 3", "square"),
    "per_bin_oracle": ("vermillion", "", "triangle"),
    "per_bin_predicted": ("green", "7 3", "square"),
    "per_bin_pilot": ("purple", "3 2", "diamond"),
    "per_bin_level": ("sky", "6 3", "wye"),
    "per_bin_shuffled": ("muted", "2 3", "circle"),
}
_CYCLE = (
    ("vermillion", "", "triangle"),
    ("green", "7 3", "square"),
    ("purple", "3 2", "diamond"),
    ("orange", "", "star"),
    ("vermillion", "10 3", "square"),
    ("green", "2 3", "triangle"),
    ("purple", "", "wye"),
    ("sky", "6 3", "wye"),
    ("blue", "2 3", "cross"),
)


def policy_name(key: str) -> str:
    """The name of a policy.

    >>> policy_name("per_bin_predicted")
    'per bin, predicted difficulty'
    """
    if key in POLICIES:
        return POLICIES[key]
    if key.startswith(UNIFORM):
        return f"same for all: {method_name(key.removeprefix(UNIFORM))}"
    return method_name(key)


def bin_name(index: int, count: int) -> str:
    """The name of a difficulty bin; bin 0 holds the easiest questions.

    >>> bin_name(0, 5), bin_name(2, 5), bin_name(4, 5)
    ('bin 0 (easiest)', 'bin 2', 'bin 4 (hardest)')
    """
    if count > 1 and index == 0:
        return "bin 0 (easiest)"
    if count > 1 and index == count - 1:
        return f"bin {index} (hardest)"
    return f"bin {index}"


def styled(keys: Iterable[str], name: Any = method_name) -> dict[str, Series]:
    """A style for every key, the same whatever figure it appears in; well-known methods always look alike."""
    styles: dict[str, Series] = {}
    free = 0
    for key in dict.fromkeys(keys):
        if key in _FIXED:
            color, dash, symbol = _FIXED[key]
        elif key == "uniform" or key.startswith(UNIFORM):
            color, dash, symbol = "blue", "", "circle"
        else:
            color, dash, symbol = _CYCLE[free % len(_CYCLE)]
            free += 1
        styles[key] = Series(key, name(key), color, dash, symbol, level=key in LEVELS)
    return styles
