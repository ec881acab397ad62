"""The nouns of a report: figures, tables and the sections that hold them.

They are plain values, made from a summary by the modules beside this one and turned into HTML by `page`. A figure
carries its data as rows, so that the chart, the table under it and the CSV file always show the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from outlay.study.figures import percent as percent

Format = Literal["text", "percent", "number", "count", "flops"]
Kind = Literal["curves", "confusion", "intervals", "reliability", "matched"]
Row = Mapping[str, Any]

_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a figure's data: the key in its rows, the heading, and how a person reads its values."""

    key: str
    heading: str
    format: Format = "text"

    def show(self, row: Row) -> str:
        """The value in this column as a person reads it; an absent value is a dash."""
        value = row.get(self.key)
        if value is None:
            return "–"
        if self.format == "percent":
            return percent(value)
        if self.format == "number":
            return number(value)
        if self.format == "count":
            return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
        if self.format == "flops":
            return flops(value)
        return str(value)


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart and of its legend: key in the rows, label, colour, dash and symbol.

    `color` names a colour of the page's palette (`blue`, `vermillion`, ...). A `level` series has one value and is
    drawn as a line across the whole chart.
    """

    key: str
    label: str
    color: str
    dash: str = ""
    symbol: str = "circle"
    level: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: its title, the sentence that says what it shows, and its data.

    `options` go to the drawing code as they are (axis labels, panels, a reference line).
    """

    id: str
    kind: Kind
    title: str
    finding: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    series: tuple[Series, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words and numbers already written out; the first column names the row. A folded one opens on demand."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the story: a heading, a paragraph that says how to read it, findings, and what shows them."""

    title: str
    lede: str
    blocks: tuple[Figure | Table, ...]
    findings: tuple[str, ...] = ()
    id: str = ""
    warnings: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """Sections under one heading, with one paragraph that teaches how to read them all."""

    id: str
    title: str
    lede: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class GroupPart:
    """All that is said about one group (one task with one model); `absent` says of each part that is missing what it needs."""

    id: str
    title: str
    model: str
    facts: tuple[tuple[str, str], ...]
    headline: str
    as_one_goes: str
    over_greedy: str
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    absent: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Task and model in one line."""
        return f"{self.title}, {self.model}" if self.model else self.title


def number(value: float) -> str:
    """A number with three significant digits, without a trailing zero.

    >>> number(3.1416), number(64.0), number(float("inf")), number(12345.6)
    ('3.14', '64', '∞', '12,346')
    """
    if value != value:
        return "–"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def flops(value: float) -> str:
    """Floating-point operations with two significant digits and a power of ten; small numbers as they are.

    >>> [text.replace("\u00a0", " ") for text in (flops(1.93e9), flops(9.97e9), flops(850))]
    ['1.9 × 10⁹', '1.0 × 10¹⁰', '850']
    """
    if abs(value) < 1000:
        return number(value)
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits}\u00a0×\u00a010{str(int(power)).translate(_RAISED)}"


def capital(text: str) -> str:
    """The text with a capital first letter, the rest as it is.

    >>> capital("best-of-N")
    'Best-of-N'
    """
    return text[:1].upper() + text[1:]


def listed(items: Sequence[str]) -> str:
    """Words in a row, the last joined by "and".

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
