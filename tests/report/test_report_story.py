from example_summary import example_summary

from outlay.report.parts import Table
from outlay.report.story import comparison_section, groups_of, run_section


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


def test_the_ledger_has_a_row_for_each_kind_of_cost_and_a_column_for_each_group() -> None:
    costs = [{"generations": 11298.0, "flops": 1.06e11}, {"generations": 7700.0, "retried": 0}]
    section = run_section({"groups": [{"task": f"t{i}", "cost": cost} for i, cost in enumerate(costs)]})
    assert section is not None
    table = section.blocks[1]
    assert isinstance(table, Table)
    assert (table.header, table.rows) == (
        ("", "t0", "t1"),
        (("generations", "11,298", "7,700"), ("FLOPs", "1.1\u00a0×\u00a010¹¹", "0")),
    )


def test_every_section_of_a_group_has_an_anchor_of_its_own() -> None:
    ids = [section.id for group in groups_of(example_summary()) for section in group.sections]
    assert all(ids) and len(set(ids)) == len(ids)


def test_groups_of_the_same_task_have_different_anchors() -> None:
    first, second = groups_of({"groups": [{"task": "gsm8k", "model": "6B"}, {"task": "gsm8k", "model": "175B"}]})
    assert first.id != second.id
