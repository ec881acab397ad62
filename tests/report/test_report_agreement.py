from outlay.report.agreement import agreement_section
from outlay.report.parts import Figure


def test_a_confusion_is_read_with_predicted_bins_as_its_rows() -> None:
    agreement = {"confusion": [[8, 2], [0, 10]], "accuracy": 0.9}
    section = agreement_section({"bins": {"predicted": {"agreement": agreement}}}, "g", "g")
    assert section is not None and isinstance(section.blocks[0], Figure)
    cells = {(row["predicted"], row["oracle"]): row["count"] for row in section.blocks[0].rows}
    assert cells[("bin 0 (easiest)", "bin 1 (hardest)")] == 2
    assert "90.0% of questions in their true bin; chance would put 50.0%" in section.blocks[0].finding


def test_chance_is_what_the_summary_says_it_is() -> None:
    agreement = {"confusion": [[18, 0], [1, 1]], "chance": 0.86}
    section = agreement_section({"bins": {"predicted": {"agreement": agreement}}}, "g", "g")
    assert (
        section is not None
        and "95.0% of questions in their true bin; chance would put 86.0%" in section.blocks[0].finding
    )  # type: ignore[union-attr]


def test_no_agreement_no_section() -> None:
    assert agreement_section({"bins": {"oracle": {}}}, "g", "g") is None
