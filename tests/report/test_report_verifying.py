from outlay.report.parts import Figure
from outlay.report.verifying import verifier_section


def test_the_part_that_difficulty_alone_gives_is_named() -> None:
    section = verifier_section({"verifier": {"auc": 0.95, "auc_within_question": 0.56}}, "g", "g")
    assert section is not None and "what it knows about questions rather than about solutions" in section.findings[1]


def test_a_bin_whose_interval_holds_one_half_is_said_to_be_a_coin() -> None:
    per_bin = {"auc_within_question": {"mean": [0.9, 0.6], "low": [0.8, 0.4], "high": [1.0, 0.8]}}
    section = verifier_section({"verifier": {"per_bin": per_bin}}, "g", "g")
    assert section is not None and isinstance(section.blocks[0], Figure)
    assert section.blocks[0].finding.endswith("In bin 1 (hardest) it cannot be told from a coin.")


def test_the_calibration_error_weighs_by_count() -> None:
    reliability = {"predicted": [0.2, 0.9], "observed": [0.1, 0.9], "count": [30, 10]}
    section = verifier_section({"verifier": {"reliability": reliability}}, "g", "g")
    assert section is not None and isinstance(section.blocks[0], Figure)
    assert "differ by 7.5 points on average" in section.blocks[0].finding
    assert "too sure by 7.5 points" in section.blocks[0].finding


def test_no_verifier_no_section() -> None:
    assert verifier_section({"verifier": {}}, "g", "g") is None
