import pytest

from outlay.report.deciding import deciding_section, ratio_text
from outlay.report.parts import Figure, Table


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        ({"value": 3.2, "low": 2.1, "high": 4.8, "censored": False}, "3.2× (2.1 to 4.8)"),
        ({"value": 4.0, "low": 2.0, "high": float("inf"), "censored": True}, "≥ 4.0× (2.0 to ∞)"),
        ({"value": 0.85, "low": 0.7, "high": None, "censored": False}, "0.85× (0.70 to ∞)"),
        ({"value": 2.0}, "2.0×"),
        (None, "–"),
    ],
)
def test_a_ratio_in_words(ratio: dict[str, object] | None, text: str) -> None:
    assert ratio_text(ratio, "here") == text


def test_savings_say_at_how_many_budgets_the_interval_excludes_one() -> None:
    ratios = [
        {"value": 2.0, "low": 1.5, "high": 2.5},
        {"value": 1.1, "low": 0.8, "high": 1.4},
        {"value": 0.5, "low": 0.4, "high": 0.6},
    ]
    policy = {"budget": [1, 2, 4], "accuracy": [0.1, 0.2, 0.3], "compute_ratio": ratios}
    section = deciding_section({"policies": {"per_bin_oracle": policy}}, "g", "g")
    assert section is not None
    assert section.findings == (
        "All costs counted, reliably cheaper than best-of-N: per bin, true difficulty (oracle), at 1 of 3 budgets.",
        "All costs counted, reliably dearer than best-of-N: per bin, true difficulty (oracle), at 1 of 3 budgets.",
    )


def test_a_policy_that_cannot_be_told_from_the_baseline_is_said_to_be_so() -> None:
    policy = {"budget": [4], "accuracy": [0.5], "compute_ratio": [{"value": 1.2, "low": 0.9, "high": 1.5}]}
    section = deciding_section({"policies": {"per_bin_pilot": policy}}, "g", "g")
    assert section is not None
    assert section.findings == ("All costs counted, no policy is reliably cheaper or dearer than best-of-N.",)


def test_a_policy_stands_at_what_it_really_cost() -> None:
    policy = {"budget": [8], "accuracy": [{"mean": 0.5}], "cost": [5.5]}
    section = deciding_section({"policies": {"per_bin": policy}}, "g", "g")
    assert section is not None and isinstance(section.blocks[0], Figure)
    assert section.blocks[0].rows[0]["x"] == 5.5


def test_choices_have_a_column_for_each_bin() -> None:
    policy = {"budget": [4], "accuracy": [0.5], "choices": [["best_of_n@4", '{"name": "beam_search", "width": 4}']]}
    section = deciding_section({"policies": {"per_bin": policy}}, "g", "g")
    table = next(block for block in (section.blocks if section else ()) if isinstance(block, Table))
    assert table.header == ("Budget", "bin 0 (easiest)", "bin 1 (hardest)")
    assert table.rows == (("4", "best-of-N, N = 4", "beam search, M = 4"),)


def test_two_folds_that_choose_differently_are_both_shown() -> None:
    policy = {"budget": [4], "choices": [[["best_of_n", "majority"], ["best_of_n", "best_of_n"]]]}
    section = deciding_section({"policies": {"per_bin": policy}}, "g", "g")
    assert section is not None and section.blocks[0].rows == (("4", "best-of-N or majority vote", "best-of-N"),)


def test_the_baseline_is_named_and_not_compared_with_itself() -> None:
    policy = {"budget": [4], "accuracy": [0.5], "gain": [{"mean": 0.02, "low": -0.01, "high": 0.05}]}
    ratio = [{"value": 1.0, "low": 1.0, "high": 1.0}]
    group = {"policies": {"uniform_majority": policy | {"gain": None, "compute_ratio": ratio}, "per_bin_pilot": policy}}
    section = deciding_section(group, "g", "g")
    tables = [block for block in (section.blocks if section else ()) if isinstance(block, Table)]
    assert [table.title for table in tables] == ["Points gained over majority vote with the same budget"]
    assert tables[0].rows == (("4", "+2.0 (−1.0 to +5.0)"),)


def test_where_knowing_difficulty_costs_both_costs_are_drawn() -> None:
    policy = {
        "budget": [4],
        "accuracy": [0.5],
        "cost": [36.0],
        "cost_without_difficulty": [4.0],
        "difficulty_cost": 32.0,
    }
    section = deciding_section({"policies": {"per_bin_oracle": policy}}, "g", "g")
    assert section is not None and isinstance(section.blocks[0], Figure)
    assert [row["x"] for row in section.blocks[0].rows] == [4.0, 36.0]


def test_no_policies_no_section() -> None:
    assert deciding_section({}, "g", "g") is None


def test_savings_in_flops_stand_beside_those_in_generations_and_are_what_is_found() -> None:
    ratios = {"compute_ratio": [{"value": 1.0, "low": 0.9, "high": 1.1}]}
    ratios["compute_ratio_flops"] = [{"value": 2.0, "low": 1.5, "high": 2.5}]
    section = deciding_section({"policies": {"per_bin_pilot": {"budget": [4], **ratios}}}, "g", "g")
    assert section is not None
    titles = [block.title for block in section.blocks]
    assert titles == [
        f"Times less compute than best-of-N, in {unit}, at equal accuracy" for unit in ("FLOPs", "generations")
    ]
    assert [isinstance(block, Table) and block.folded for block in section.blocks] == [False, True]
    assert section.findings == (
        "All costs counted (in FLOPs), reliably cheaper than best-of-N: per bin, pilot samples, at 1 of 1 budgets.",
    )
