from outlay.report.parts import Table
from outlay.report.revising import chains_section


def test_transitions_are_netted() -> None:
    chains = {"accuracy": [0.42, 0.38], "transitions": {"right_to_wrong": [46], "wrong_to_right": [27]}}
    section = chains_section({"chains": chains}, "g", "g")
    assert section is not None and isinstance(section.blocks[1], Table)
    assert section.blocks[1].rows == (("0 to 1", "46", "27", "−19"),)


def test_the_best_position_is_named_where_it_is_neither_first_nor_last() -> None:
    section = chains_section({"chains": {"accuracy": [0.4, 0.6, 0.5]}}, "g", "g")
    assert section is not None and section.blocks[0].finding.endswith("The best position is 1, with 60.0%.")  # type: ignore[union-attr]


def test_one_attempt_is_no_chain() -> None:
    assert chains_section({"chains": {"accuracy": [0.4]}}, "g", "g") is None
