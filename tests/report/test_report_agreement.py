from outlay.report.agreement import agreement_section
from outlay.report.parts import Figure, Table


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


def test_pilots_and_numbers_of_bins_are_tables_of_a_row_each() -> None:
    point = {"mean": 0.5, "low": 0.4, "high": 0.6}
    pilot = {"m": [1, 4], "budget": 16, "agreement": [0.3, 0.4], "chance": [0.2, 0.2]}
    pilot |= {name: [point, point] for name in ("accuracy", "shuffled", "gain_over_shuffled")}
    bins = {"count": [1, 5], "budget": 16, "accuracy": [point, point], "shuffled": [point, point]}
    section = agreement_section({"difficulty": {"pilot": pilot, "bins": bins}}, "g", "g")
    assert section is not None
    sizes, counts = (block for block in section.blocks if isinstance(block, Table))
    gain = "+50.0 (+40.0 to +60.0)"
    assert sizes.rows[1] == ("4", "50.0% (40.0 to 60.0)", "50.0% (40.0 to 60.0)", gain, "40.0%", "20.0%")
    assert counts.header == ("Bins", "True bins (95%)", "Shuffled bins (95%)")
    assert [row[0] for row in counts.rows] == ["1", "5"]


def test_the_bins_of_the_pilot_are_compared_with_true_bins() -> None:
    bins = {"m": 4, "confusion": [[7.5, 2.5], [2.5, 7.5]], "accuracy": 0.75, "precision": [0.75, 0.75], "chance": 0.5}
    section = agreement_section({"difficulty": {"pilot": {"bins": bins}}}, "g", "g")
    assert section is not None and isinstance(section.blocks[0], Figure)
    assert "Pilot difficulty puts 75.0% of questions in their true bin" in section.blocks[0].finding
