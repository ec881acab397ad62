"""Reading a summary: numbers with their intervals and curves, out of JSON that may lack any part.

What is absent is None or empty. What is present but cannot be drawn (lists of different lengths, words where numbers
belong) is a mistake in the file, and is reported with the place where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlay.errors import UserError
from outlay.report.parts import percent


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95% interval, where one is known."""

    mean: float
    low: float | None = None
    high: float | None = None

    def as_percent(self) -> str:
        """`64.1% (61.0 to 67.0)`, or the value alone where no interval is known."""
        if self.low is None or self.high is None:
            return percent(self.mean)
        return f"{percent(self.mean)} ({100 * self.low:.1f} to {100 * self.high:.1f})"

    def as_share(self) -> str:
        """`0.91 (0.89 to 0.93)`, or the value alone where no interval is known."""
        if self.low is None or self.high is None:
            return f"{self.mean:.2f}"
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f})"

    def as_points(self) -> str:
        """A difference in percentage points: `+2.0 (+0.3 to +3.5)`, or the value alone where no interval is known."""
        if self.low is None or self.high is None:
            return _signed(self.mean)
        return f"{_signed(self.mean)} ({_signed(self.low)} to {_signed(self.high)})"


@dataclass(frozen=True, slots=True)
class Curve:
    """Accuracy of one method at each budget `n`, in generations a question; `cost` is what was really spent."""

    key: str
    n: tuple[float, ...]
    values: tuple[Estimate, ...]
    cost: tuple[float | None, ...] = ()

    @property
    def last(self) -> Estimate:
        """The value at the largest budget."""
        return self.values[-1]


def estimate(value: Any, where: str) -> Estimate | None:
    """A value with its interval, from a number or from `{"mean", "low", "high"}`; None where there is none."""
    if isinstance(value, Mapping):
        mean = finite(value.get("mean", value.get("value")), where)
        if mean is None:
            return None
        return Estimate(mean, finite(value.get("low"), where), finite(value.get("high"), where))
    mean = finite(value, where)
    return None if mean is None else Estimate(mean)


def estimates(value: Any, where: str) -> tuple[Estimate | None, ...]:
    """Several of them, from a list, or from `{"mean": [...], "low": [...], "high": [...]}`."""
    if isinstance(value, Mapping):
        mean, low, high = (value.get(part) for part in ("mean", "low", "high"))
        means = numbers(mean, f"{where}.mean")
        lows = numbers(low, f"{where}.low", len(means))
        highs = numbers(high, f"{where}.high", len(means))
        return tuple(None if m is None else Estimate(m, lo, hi) for m, lo, hi in zip(means, lows, highs))
    return tuple(estimate(item, f"{where}[{i}]") for i, item in enumerate(sequence(value, where)))


def curve(key: str, value: Any, where: str) -> Curve | None:
    """A curve, from `{"n", "mean", "low", "high", "cost"}`; points without a value are left out."""
    if not isinstance(value, Mapping) or not value.get("mean"):
        return None
    budgets = numbers(value.get("n", [1]), f"{where}.n")
    means = numbers(value["mean"], f"{where}.mean", len(budgets))
    lows = numbers(value.get("low"), f"{where}.low", len(budgets))
    highs = numbers(value.get("high"), f"{where}.high", len(budgets))
    costs = numbers(value.get("cost"), f"{where}.cost", len(budgets))
    points = [
        (n, Estimate(mean, low, high), cost)
        for n, mean, low, high, cost in zip(budgets, means, lows, highs, costs)
        if n is not None and n > 0 and mean is not None
    ]
    if not points:
        return None
    points.sort(key=lambda point: point[0])
    return Curve(key, tuple(p[0] for p in points), tuple(p[1] for p in points), tuple(p[2] for p in points))


def curves(value: Any, where: str) -> dict[str, Curve]:
    """All curves of a group or of a bin, in the order of the file."""
    found = {key: curve(key, item, f"{where}.{key}") for key, item in mapping(value, where).items()}
    return {key: item for key, item in found.items() if item is not None}


def bin_curves(value: Any, where: str) -> list[dict[str, Curve]]:
    """The curves of each bin, from `{name: {"n": [...], "mean": [[per n] per bin], "low", "high"}}`."""
    per_bin: list[dict[str, Curve]] = []
    for key, item in mapping(value, where).items():
        rows = sequence(mapping(item, f"{where}.{key}").get("mean"), f"{where}.{key}.mean")
        for index, row in enumerate(rows):
            single = {"n": item.get("n", [1]), "mean": row}
            for part in ("low", "high", "cost"):
                parts = item.get(part)
                if isinstance(parts, Sequence) and len(parts) == len(rows) and isinstance(parts[index], Sequence):
                    single[part] = parts[index]
            read = curve(key, single, f"{where}.{key}[bin {index}]")
            while len(per_bin) <= index:
                per_bin.append({})
            if read is not None:
                per_bin[index][key] = read
    return per_bin


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """An object of the file, empty where absent."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UserError(f"{where} in the summary should be an object but is {_kind(value)}; run the analysis again.")
    return value


def sequence(value: Any, where: str) -> Sequence[Any]:
    """A list of the file, empty where absent."""
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise UserError(f"{where} in the summary should be a list but is {_kind(value)}; run the analysis again.")
    return value


def texts(value: Any, where: str) -> tuple[str, ...]:
    """Sentences of the file; a single one may stand without its list."""
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in sequence(value, where))


def numbers(value: Any, where: str, length: int | None = None) -> tuple[float | None, ...]:
    """A list of numbers; where `length` is given an absent list is that many Nones and any other length an error."""
    if value is None and length is not None:
        return (None,) * length
    found = tuple(finite(item, where) for item in sequence(value, where))
    if length is not None and len(found) != length:
        raise UserError(
            f"{where} in the summary has {len(found)} values where {length} were expected; run the analysis again."
        )
    return found


def finite(value: Any, where: str) -> float | None:
    """A finite number, or None where it is absent or not finite."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{where} in the summary should be a number but is {_kind(value)}; run the analysis again.")
    return float(value) if math.isfinite(value) else None


def _signed(share: float) -> str:
    points = round(100 * share, 1)
    return f"{points:+.1f}".replace("-", "−") if points else "0.0"


def _kind(value: Any) -> str:
    return {str: "text", bool: "true or false", dict: "an object", list: "a list"}.get(type(value), "something else")
