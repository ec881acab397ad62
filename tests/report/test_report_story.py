from outlay.report.parts import Table
from outlay.report.story import comparison_section, exchange_section, groups_of, run_section


def compared(low: float, mean: float, high: float) -> tuple[str, ...]:
    difference = {"a": "6B", "b": "175B", "difference": {"mean": mean, "low": low, "high": high}}
    section = comparison_section({"comparisons": [{"task": "gsm8k", "questions": 1319, "differences": [difference]}]})
    assert section is not None and isinstance(section.blocks[0], Table)
    return section.blocks[0].rows[0]


def test_the_model_whose_interval_excludes_zero_is_ahead() -> None:
    assert compared(-0.16, -0.13, -0.10) == ("6B against 175B", "−13.0 (−16.0 to −10.0)", "175B is ahead")


def test_an_interval_that_holds_zero_has_no_winner() -> None:
    assert compared(-0.01, 0.02, 0.05)[-1] == "cannot be told apart"


def test_generations_in_all_are_questions_times_samples() -> None:
    section = run_section({"groups": [{"task": "t", "model": "m", "questions": 500, "samples": 64}]})
    assert section is not None and isinstance(section.blocks[0], Table)
    assert section.blocks[0].rows[0][:5] == ("t", "m", "500", "64", "32,000")


def test_the_run_says_how_long_it_took_and_where() -> None:
    section = run_section({"seconds": 214.0, "machine": {"cpu": "a processor", "blas": "a BLAS"}, "seed": 3})
    assert section is not None
    assert section.findings == ("It took 4 minutes on a processor and a BLAS.", "To repeat it: seed 3.")


def test_an_exchange_is_told_in_the_columns_it_has() -> None:
    section = exchange_section(
        {"exchange": [{"ratio": 0.16, "small_accuracy": {"mean": 0.5, "low": 0.4, "high": 0.6}}]}
    )
    assert section is not None and isinstance(section.blocks[0], Table)
    assert (section.blocks[0].header, section.blocks[0].rows[0]) == (
        ("Ratio", "Small accuracy"),
        ("0.16", "50.0% (40.0 to 60.0)"),
    )


def test_groups_of_the_same_task_have_different_anchors() -> None:
    first, second = groups_of({"groups": [{"task": "gsm8k", "model": "6B"}, {"task": "gsm8k", "model": "175B"}]})
    assert first.id != second.id
