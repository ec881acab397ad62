"""What the benchmarks show: tables and targets, as plain data that can be kept, printed and put on a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first column stands left, the others right. `note` is said below."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        """The table as Markdown, without its title.

        >>> print(Table("", ("what", "x"), (("a", "1"),)).markdown())
        | what | x |
        |---|---:|
        | a | 1 |
        """
        rule = "|---|" + "---:|" * (len(self.headings) - 1)
        lines = [_line(self.headings), rule, *map(_line, self.rows)]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])

    def show(self) -> None:
        """Print it."""
        from rich.console import Console
        from rich.table import Table as Drawn

        drawn = Drawn(title=self.title, caption=self.note or None)
        for number, heading in enumerate(self.headings):
            drawn.add_column(heading, justify="right" if number else "left")
        for row in self.rows:
            drawn.add_row(*row)
        Console(width=140).print(drawn)


@dataclass(frozen=True)
class Target:
    """What is aimed at, what was found, and whether that is enough (None: not measured)."""

    what: str
    wanted: str
    found: str
    met: bool | None

    @property
    def row(self) -> tuple[str, ...]:
        """Its line in the table of targets."""
        return self.what, self.wanted, self.found, {True: "met", False: "**not met**", None: "not measured"}[self.met]


@dataclass
class Results:
    """Everything of one run: `about` is the machine, versions and date."""

    about: dict[str, str]
    tables: dict[str, Table] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)

    def add(self, name: str, table: Table, *targets: Target) -> None:
        """Keep and print a table."""
        self.tables[name] = table
        self.targets += targets
        table.show()

    @property
    def summary(self) -> Table:
        """The table of targets."""
        return Table("Targets", ("what", "target", "found", ""), tuple(target.row for target in self.targets))

    def plain(self) -> dict[str, Any]:
        """Data for JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, content: dict[str, Any]) -> Results:
        """The inverse of `plain`."""
        tables = {
            name: Table(t["title"], tuple(t["headings"]), tuple(map(tuple, t["rows"])), t["note"])
            for name, t in content["tables"].items()
        }
        return cls(content["about"], tables, [Target(**target) for target in content["targets"]])


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
