from typing import Any

import pytest

from outlay.report.falling import falling_section
from outlay.report.names import styled
from outlay.report.parts import Table

STYLES = styled(["pass", "best_of_n", "greedy", "majority"])


def peak(low: float, n: int = 4) -> dict[str, Any]:
    fall = {"mean": 0.08, "low": low, "high": 0.13}
    return {
        "n": n,
        "n_low": 2,
        "n_high": 8,
        "mean": 0.303,
        "last_n": 100,
        "last": 0.218,
        "fall": fall,
        "surely": low > 0,
    }


def group(found: dict[str, Any] | None, key: str = "best_of_n") -> dict[str, Any]:
    curve: dict[str, Any] = {"n": [1, 4, 100], "mean": [0.2, 0.303, 0.218]}
    return {"curves": {key: curve | ({} if found is None else {"peak": found})}}


def test_a_sure_fall_is_named_with_its_peak_and_its_interval() -> None:
    section = falling_section(group(peak(0.035)), "g", STYLES)
    assert section is not None and isinstance(section.blocks[0], Table)
    assert section.blocks[0].rows[0][1:] == (
        *("all questions", "4 (2 to 8)", "30.3%", "100", "21.8%", "8.0 (3.5 to 13.0)", "yes"),
    )
    assert (
        "Best-of-N, over all questions, peaks at N = 4 with 30.3% and falls to 21.8% at N = 100: by 8.0 points (3.5 to 13.0)"
        in section.findings[0]
    )
    assert section.findings[1] == "1 curve ends a point or more below their best budget; of 1 is the fall sure."


def test_a_fall_that_chance_explains_is_not_called_a_peak() -> None:
    section = falling_section(group(peak(-0.01)), "g", STYLES)
    assert section is not None and section.blocks[0].rows[0][-1] == "chance could explain it"  # type: ignore[union-attr]
    assert section.findings[0].startswith("No fall is sure")


def test_what_is_sure_comes_first_and_bins_are_looked_at_too() -> None:
    both = group(peak(-0.01))
    both["bins"] = {"oracle": {"curves": {"best_of_n": {"n": [1, 4, 100], "peak": [peak(0.01, 8), None]}}}}
    section = falling_section(both, "g", STYLES)
    assert section is not None
    assert [row[1] for row in section.blocks[0].rows] == ["bin 0 (easiest)", "all questions"]  # type: ignore[union-attr]


def test_a_curve_that_only_rises_does_not_fall() -> None:
    section = falling_section(group(None), "g", STYLES)
    assert section is not None and section.blocks == ()


@pytest.mark.parametrize("key", ["pass", "greedy"])
def test_coverage_and_levels_are_not_looked_at_for_falls(key: str) -> None:
    assert falling_section(group(peak(0.035), key), "g", STYLES) is None
