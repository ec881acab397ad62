"""Human difficulty levels ("Level 3", "2", "hard") as values, higher = easier, where they are numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from outlay.study.pools import Floats

MOST_LEVELS = 10


def level_values(levels: Sequence[str] | None) -> Floats | None:
    """Minus the number in each level; None where there are no levels, one only, too many, or some without a number.

    >>> level_values(["Level 1", "Level 3"]).tolist()
    [-1.0, -3.0]
    """
    numbers = _numbers(levels)
    if numbers is None or not 2 <= len(set(numbers)) <= MOST_LEVELS:
        return None
    return -np.array(numbers)


def level_names(levels: Sequence[str] | None) -> list[str]:
    """The levels themselves, the easiest first."""
    numbers = _numbers(levels)
    if levels is None or numbers is None:
        return []
    return [name for _, name in sorted(dict(zip(numbers, levels)).items())]


def _numbers(levels: Sequence[str] | None) -> list[float] | None:
    found = [re.search(r"\d+(?:\.\d+)?", level) for level in levels or ()]
    return None if not found or any(match is None for match in found) else [float(m.group()) for m in found if m]
