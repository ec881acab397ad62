from copy import deepcopy
from typing import Any

import pytest
from example_exchange import RATIOS, example_exchange
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.report.exchanging import exchange_chapter, matches
from outlay.report.page import render
from outlay.report.parts import Figure, Section, Table


def section_of(entry: dict[str, Any]) -> Section:
    chapter = exchange_chapter({"exchange": [entry]})
    assert chapter is not None
    return chapter.sections[0]


def figure_of(section: Section, ending: str) -> Figure:
    return next(block for block in section.blocks if isinstance(block, Figure) and block.id.endswith(ending))


def table_of(section: Section, beginning: str) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table) and block.title.startswith(beginning))


def with_difference(low: float, mean: float, high: float) -> dict[str, Any]:
    row = {"method": "weighted", "accuracy": 0.5, "difference": {"mean": mean, "low": low, "high": high}}
    return {"ratios": [{"ratio": 22.0, "rows": [row]}]}


@pytest.fixture(scope="module")
def section() -> Section:
    return section_of(example_exchange())


def test_there_is_a_row_for_each_model_ratio_and_place(section: Section) -> None:
    figure = figure_of(section, "-matched")
    places = {(row["panel"], row["group"], row["series"]) for row in figure.rows}
    assert len(figure.rows) == len(places) == 2 * len(RATIOS) * (1 + 5)


def test_only_the_small_model_beyond_its_pool_is_drawn_open(section: Section) -> None:
    opened = {(row["group"], row["series"]) for row in figure_of(section, "-matched").rows if row["open"]}
    assert opened == {("R = 0.16", "small")}


def test_what_an_open_symbol_means_stands_in_the_legend_only_where_there_is_one() -> None:
    entry = example_exchange()
    assert any(key.get("open") for key in figure_of(section_of(entry), "-matched").options["legend"])
    for ratio in entry["ratios"]:
        for row in ratio["rows"]:
            row["beyond"] = False
    assert not any(key.get("open") for key in figure_of(section_of(entry), "-matched").options["legend"])


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        ((0.01, 0.05, 0.09), "the small model is ahead in all questions"),
        ((-0.09, -0.05, -0.01), "the large one is ahead in all questions"),
        ((-0.01, 0.04, 0.09), "they cannot be told apart in all questions"),
        ((0.0, 0.04, 0.09), "they cannot be told apart in all questions"),
    ],
)
def test_who_is_ahead_is_read_off_the_interval(interval: tuple[float, float, float], told: str) -> None:
    assert told in figure_of(section_of(with_difference(*interval)), "-differences").finding


def test_a_difference_without_an_interval_has_no_verdict() -> None:
    entry = {"ratios": [{"ratio": 1.0, "rows": [{"method": "weighted", "accuracy": 0.5, "difference": 0.2}]}]}
    assert figure_of(section_of(entry), "-differences").finding == ""


def test_the_story_is_told_by_a_method_that_is_fixed_beforehand(section: Section) -> None:
    assert "weighted best-of-N" in figure_of(section, "-matched").title


def test_the_table_says_how_much_was_bought_of_what_was_paid_for() -> None:
    entry = example_exchange()
    entry["ratios"][0]["rows"][0]["bought"] = 135
    table = table_of(section_of(entry), "What was bought")
    assert [row[2] for row in table.rows if row[1] == "weighted best-of-N"] == ["128 of 135, beyond", "33", "8"]


def test_numbers_in_the_table_are_those_of_the_summary(section: Section) -> None:
    row = example_exchange()["ratios"][2]["rows"][0]
    shown = table_of(section, "What was bought").rows[6]
    assert shown[0] == "R = 22" and f"{100 * row['accuracy']['mean']:.1f}%" in shown[4]
    assert shown[5].startswith(f"+{100 * row['difference']['mean']:.1f}") and shown[6] == f"{row['latency']:.3g}×"


def test_each_ratio_says_what_it_pays_for(section: Section) -> None:
    assert [row[:2] for row in table_of(section, "What each R").rows] == [
        ("R = 0.16", "267.1×"),
        ("R = 0.79", "65.6×"),
        ("R = 22", "16.3×"),
    ]


def test_the_joint_figure_has_a_panel_for_each_ratio_and_both_models_in_each(section: Section) -> None:
    figure = figure_of(section, "-joint")
    assert {(row["panel"], row["series"]) for row in figure.rows} == {
        (f"R = {ratio:g}", side) for ratio in RATIOS for side in ("small", "large")
    }


def test_a_point_without_a_price_is_not_drawn() -> None:
    entry = {"joint": [{"ratio": 1.0, "small": {"total": [None, 2e6], "mean": [0.1, 0.2]}}]}
    assert [row["x"] for row in figure_of(section_of(entry), "-joint").rows] == [2e6]


def test_places_have_the_names_of_the_bins_where_there_are_names() -> None:
    entry = example_exchange()
    entry["bins"]["names"] = ["level 1", "level 2", "level 3", "level 4", "level 5"]
    assert {match.place for match in matches(entry, "e")} == {"all questions", *entry["bins"]["names"]}


def test_a_bin_without_questions_is_left_out() -> None:
    entry = example_exchange()
    entry["ratios"][0]["rows"][0]["bins"][2] = {"questions": 0, "accuracy": None, "large": None, "difference": None}
    found = [m for m in matches(entry, "e") if m.method == "weighted" and m.ratio == "R = 0.16"]
    assert "bin 2" not in {m.place for m in found} and len(found) == 5


@pytest.mark.parametrize("summary", [{}, {"exchange": []}, {"exchange": [{}]}, {"exchange": [{"task": "countdown"}]}])
def test_no_exchange_no_chapter(summary: dict[str, Any]) -> None:
    assert exchange_chapter(summary) is None


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_any_part_of_an_exchange_may_be_absent_or_null(data: st.DataObject) -> None:
    entry = deepcopy(example_exchange())
    pruned(entry, data)
    for ratio in entry.get("ratios") or []:
        pruned(ratio, data)
        for row in ratio.get("rows") or []:
            pruned(row, data)
    for part in ("curves", "joint", "parameters", "bins"):
        for inner in [entry.get(part)] if isinstance(entry.get(part), dict) else entry.get(part) or []:
            pruned(inner, data)
    assert "</html>" in render({"exchange": [entry]})


def pruned(part: dict[str, Any], data: st.DataObject) -> None:
    """Take some keys out of a part, and set some others to null."""
    keys = sorted(part)
    for key in data.draw(st.sets(st.sampled_from(keys), max_size=3)):
        del part[key]
    for key in data.draw(st.sets(st.sampled_from(keys), max_size=3)):
        if key in part:
            part[key] = None
