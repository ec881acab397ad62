import pytest

from outlay.report.deciding import agreement_section, deciding_section, ratio_text
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
        "Per bin, true difficulty (oracle): of 3 budgets, cheaper than best-of-N at 1, dearer than best-of-N at 1 and "
        "not to be told from it at 1.",
    )


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


def test_a_confusion_is_read_with_true_bins_as_its_rows() -> None:
    agreement = {"confusion": [[8, 2], [0, 10]], "accuracy": 0.9}
    section = agreement_section({"bins": {"predicted": {"agreement": agreement}}}, "g", "g")
    assert section is not None and isinstance(section.blocks[0], Figure)
    cells = {(row["predicted"], row["oracle"]): row["count"] for row in section.blocks[0].rows}
    assert cells[("bin 1 (hardest)", "bin 0 (easiest)")] == 2
    assert "90.0% of questions in their true bin; chance would put 50.0%" in section.blocks[0].finding


def test_no_policies_no_section() -> None:
    assert deciding_section({}, "g", "g") is None
