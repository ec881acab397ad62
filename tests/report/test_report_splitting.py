from typing import Any

from outlay.report.parts import Figure, Table
from outlay.report.splitting import splits_section


def part(best: int, low: int, high: int) -> dict[str, Any]:
    points = [{"mean": 0.5, "low": 0.4, "high": 0.6}, {"mean": 0.6, "low": 0.5, "high": 0.7}]
    return {
        "questions": 20,
        "accuracy": points,
        "best": {"chains": best, "low": low, "high": high, "share": [0.5, 0.5]},
    }


GROUP = {
    "splits": [
        {
            "name": "revisions",
            "n": n,
            "chains": [1, n],
            **part(1, 1, n),
            "bins": {"oracle": [part(1, 1, 1), part(n, 1, n)]},
        }
        for n in (4, 16)
    ]
}


def test_every_budget_is_a_line_and_every_bin_a_panel() -> None:
    section = splits_section(GROUP, "g", "g0")
    assert section is not None
    figure, table = section.blocks
    assert isinstance(figure, Figure) and isinstance(table, Table)
    assert [series.label for series in figure.series] == ["N = 4", "N = 16"]
    assert [panel["key"] for panel in figure.options["panels"]] == [
        "all questions",
        "bin 0 (easiest)",
        "bin 1 (hardest)",
    ]
    assert [row["x"] for row in figure.rows if row["series"] == "n16" and row["panel"] == "all questions"] == [1, 16]
    assert table.rows == (
        ("N = 4", "1 (1 to 4)", "1 (1 to 1)", "4 (1 to 4)"),
        ("N = 16", "1 (1 to 16)", "1 (1 to 1)", "16 (1 to 16)"),
    )
    assert section.findings[1] == "With N = 16 attempts 1 chain is best (1 to 16)."


def test_without_revisions_there_is_no_section() -> None:
    assert splits_section({}, "g", "g0") is None
