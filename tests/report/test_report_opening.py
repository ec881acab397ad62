from typing import Any

from example_summary import example_summary

from outlay.report import render
from outlay.report.exchanging import exchange_chapter
from outlay.report.opening import asked, at_a_glance, exchange_at_a_glance, findings, going_at_a_glance
from outlay.report.story import groups_of


def one_budget(name: str, budget: float, mean: float, **more: Any) -> dict[str, Any]:
    point = {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}
    return {name: {"budget": [budget], "accuracy": [point], **more}}


def test_policies_are_read_at_the_headlines_budget() -> None:
    summary = example_summary()
    summary["groups"][0]["difficulty"] = {"pilot": {"budget": 16}}
    table = at_a_glance(summary, groups_of(summary))
    assert table is not None and table.title.endswith("with N = 16 generations")
    at = summary["groups"][0]["policies"]["per_bin_pilot"]["budget"].index(16)
    mean = summary["groups"][0]["policies"]["per_bin_pilot"]["accuracy"][at]["mean"]
    assert table.rows[0][3].startswith(f"{100 * mean:.1f}%")


def test_parts_with_different_budgets_each_say_their_own() -> None:
    groups = [
        {"task": "a", "policies": one_budget("best_fixed", 4.0, 0.5)},
        {"task": "b", "policies": one_budget("best_fixed", 16.0, 0.5)},
    ]
    table = at_a_glance({"groups": groups}, groups_of({"groups": groups}))
    assert table is not None and [row[0] for row in table.rows] == ["a, N = 4", "b, N = 16"]


def test_a_policy_that_is_absent_is_a_dash() -> None:
    groups = [{"task": "a", "policies": one_budget("best_fixed", 4.0, 0.5)}]
    table = at_a_glance({"groups": groups}, groups_of({"groups": groups}))
    assert table is not None and table.rows[0] == ("a", "–", "50.0% (40.0 to 60.0)", "–", "–", "–")


def test_groups_without_policies_make_no_table() -> None:
    assert at_a_glance({"groups": [{"task": "a"}]}, groups_of({"groups": [{"task": "a"}]})) is None


def test_what_was_found_is_in_the_summarys_words() -> None:
    groups = groups_of({"groups": [{"task": "a", "headline": "It pays.", "sentences": ["Much."]}, {"task": "b"}]})
    assert [(finding.name, finding.text) for finding in findings(groups, None)] == [("a", "It pays.")]


def test_a_difference_beyond_the_pool_is_marked_at_a_glance() -> None:
    table = exchange_at_a_glance(example_summary())
    assert table is not None and table.header == ("Part", "R = 0.16", "R = 0.79", "R = 22")
    assert [cell.endswith(" *") for cell in table.rows[0][1:]] == [True, False, False] and "* The same" in table.note


def test_the_question_mentions_a_larger_model_only_where_there_is_one() -> None:
    summary = example_summary()
    groups = groups_of(summary)
    assert "a larger one" in asked(summary, groups, exchange_chapter(summary))
    assert "a larger one" not in asked(summary, groups, None)


def going() -> dict[str, Any]:
    less = [{"value": 3.4, "low": 2.8, "high": None, "censored": False}]
    gain = [{"mean": 0.127, "low": 0.1, "high": 0.15}]
    more = {"cost": [3.9], "read_at": 4.0, "gain": gain, "compute_ratio": less, "mean_budget": True}
    return {
        **one_budget("uniform_weighted", 4.0, 0.67),
        **one_budget("threshold", 4.0, 0.7),
        **one_budget("sequential", 4.0, 0.8, **more),
    }


def test_deciding_as_one_goes_stands_in_the_opening_at_the_budget_that_the_summary_reads() -> None:
    groups = [{"task": "a", "policies": going()}, {"task": "b", "policies": one_budget("best_fixed", 4.0, 0.5)}]
    table = going_at_a_glance({"groups": groups}, groups_of({"groups": groups}))
    assert table is not None and len(table.rows) == 1
    assert table.rows[0] == (
        "a, N = 4", "67.0% (57.0 to 77.0)", "80.0% (70.0 to 90.0) @ 3.9", "+12.7 (+10.0 to +15.0)",
        "3.4× (2.8 to ∞) in generations", "–", "70.0% (60.0 to 80.0)",
    )  # fmt: skip
    assert table.header[2].startswith("Sequential") and len(table.header) == len(table.rows[0])


def test_what_is_said_of_deciding_as_one_goes_follows_the_headline() -> None:
    groups = groups_of({"groups": [{"task": "a", "headline": "It pays.", "as_one_goes": "Looking pays more."}]})
    assert [finding.text for finding in findings(groups, None)] == ["It pays. Looking pays more."]


def test_without_a_sequential_policy_nothing_is_said_of_going() -> None:
    groups = [{"task": "a", "policies": one_budget("best_fixed", 4.0, 0.5)}]
    assert going_at_a_glance({"groups": groups}, groups_of({"groups": groups})) is None


def said(parts: int) -> str:
    groups = [
        {"task": f"task{i}", "headline": f"It pays {i}.", "policies": one_budget("best_fixed", 4.0, 0.5)}
        for i in range(parts)
    ]
    page = render({"groups": groups, "sentences": ["First of all."]})
    return page[page.index('id="opening"') : page.index("</section>")]


def test_where_several_parts_have_a_table_their_sentences_fold_away() -> None:
    opening = said(3)
    shown, folded = opening.split('<details class="findings">')
    assert all(f"It pays {i}." in folded for i in range(3)) and "It pays" not in shown
    assert "First of all." in shown


def test_the_sentences_of_a_few_parts_stand_open() -> None:
    opening = said(2)
    assert '<details class="findings">' not in opening and "It pays 1." in opening
