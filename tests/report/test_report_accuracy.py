from typing import Any

from example_summary import BEAM, example_summary

from outlay.report.accuracy import accuracy_section, difficulty_section
from outlay.report.names import styled
from outlay.report.parts import Figure

STYLES = styled(["pass", "best_of_n", "greedy", "majority", BEAM])


def falling(means: list[float], half: float, key: str = "best_of_n") -> dict[str, Any]:
    low, high = [m - half for m in means], [m + half for m in means]
    return {"curves": {key: {"n": [2**i for i in range(len(means))], "mean": means, "low": low, "high": high}}}


def test_the_finding_names_the_highest_method_and_its_interval() -> None:
    section = accuracy_section(falling([0.2, 0.4], 0.05), "g", "g", STYLES)
    assert section is not None and isinstance(section.blocks[0], Figure)
    assert (
        section.blocks[0].finding
        == "At 2 generations a question, best-of-N: 40.0% (35.0 to 45.0); a single sample has 20.0%."
    )


def test_coverage_is_never_the_highest_method() -> None:
    group = {"curves": {"pass": {"n": [1, 2], "mean": [0.2, 0.9]}, "best_of_n": {"n": [1, 2], "mean": [0.2, 0.3]}}}
    section = accuracy_section(group, "g", "g", STYLES)
    assert section is not None and "best-of-N: 30.0%" in section.blocks[0].finding  # type: ignore[union-attr]


def test_one_budget_alone_is_drawn_as_intervals_not_as_curves() -> None:
    group = {"curves": {key: {"n": [1], "mean": [0.3]} for key in ("greedy", "best_of_n")}}
    section = accuracy_section(group, "g", "g", STYLES)
    assert section is not None and section.blocks[0].kind == "intervals"  # type: ignore[union-attr]


def test_a_single_number_makes_no_figure() -> None:
    assert accuracy_section({"curves": {"pass": {"n": [1], "mean": [0.3]}}}, "g", "g", STYLES) is None


def test_human_levels_have_panels_of_their_own_under_their_own_names() -> None:
    curves = {"pass": {"n": [1, 2], "mean": [[0.9, 1.0], [0.1, 0.2]]}}
    bins = {"oracle": {"curves": curves}, "level": {"names": ["Level 1", "Level 2"], "curves": curves}}
    section = difficulty_section({"bins": bins}, "g", "g", STYLES)
    assert section is not None and len(section.blocks) == 2 and isinstance(section.blocks[1], Figure)
    assert [panel["key"] for panel in section.blocks[1].options["panels"]] == ["Level 1", "Level 2"]


def test_no_curves_no_section() -> None:
    assert accuracy_section({"curves": {}}, "g", "g", STYLES) is None


def test_every_bin_has_a_panel_and_says_how_many_questions_it_holds() -> None:
    group = example_summary()["groups"][0]
    section = difficulty_section(group, "g", "g", styled([*group["curves"]]))
    assert section is not None and isinstance(section.blocks[0], Figure)
    panels = section.blocks[0].options["panels"]
    assert [p["key"] for p in panels] == ["bin 0 (easiest)", "bin 1", "bin 2", "bin 3", "bin 4 (hardest)"]
    assert panels[0]["note"] == "100 questions, 78% right"


def test_a_tie_names_all_that_tie() -> None:
    curves = {key: {"n": [1, 2], "mean": [[0.1, 0.5]]} for key in ("best_of_n", "majority")}
    section = difficulty_section({"bins": {"oracle": {"curves": curves}}}, "g", "g", STYLES)
    assert section is not None
    assert "Highest mean at N = 2: best-of-N and majority vote, in bin 0." in section.blocks[0].finding  # type: ignore[union-attr]
