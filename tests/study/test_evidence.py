import numpy as np
import pytest
from claim_worlds import BIN, EASY, HARD, HARDEST, MIDDLE, QUESTIONS, evidence

from outlay.study.evidence import chosen_elsewhere, parts_of
from outlay.study.settings import Settings


def test_of_five_bins_two_are_easy_one_is_in_the_middle_two_are_hard() -> None:
    parts = {part.name: part for part in parts_of("oracle", BIN)}
    wanted = {"easy": EASY, "middle": MIDDLE, "hard": HARD, "hardest": HARDEST}
    assert all(np.array_equal(parts[name].inside, inside) for name, inside in wanted.items())
    assert parts["hard"].says == "hard (oracle)"


@pytest.mark.parametrize(
    ("count", "easy", "middle", "hard"), [(2, [0], [], [1]), (3, [0], [1], [2]), (4, [0], [1, 2], [3])]
)
def test_of_fewer_bins_one_is_easy_and_one_hard(
    count: int, easy: list[int], middle: list[int], hard: list[int]
) -> None:
    places = np.arange(count)
    parts = {part.name: np.flatnonzero(part.inside).tolist() for part in parts_of("oracle", places)}
    assert parts == {"easy": easy, "middle": middle, "hard": hard, "hardest": [count - 1]}
    assert parts_of("oracle", places)[0].says == f"easy (oracle, of {count} bins)"


def test_one_bin_is_neither_easy_nor_hard() -> None:
    assert parts_of("oracle", np.zeros(5, dtype=np.int64)) == []


def test_bins_come_from_the_samples_for_difficulty() -> None:
    assert {kind: bins.tolist() for kind, bins in evidence().bins.items()} == {
        "oracle": BIN.tolist(),
        "predicted": BIN.tolist(),
    }


def test_what_is_chosen_is_chosen_on_other_questions() -> None:
    """Whichever column a half prefers is the wrong one for the other half: who looked at the measured questions would win."""
    best_here = np.array([[1.0, 0.0]] * 25 + [[0.0, 1.0]] * 25)
    settings = Settings(splits=200)
    assert chosen_elsewhere(best_here, [0, 1], settings).mean() < 0.5 < best_here.mean(axis=0).max() + 1e-9


def test_only_the_allowed_columns_are_chosen() -> None:
    table = np.tile([0.9, 0.5, 0.1], (QUESTIONS, 1))
    assert chosen_elsewhere(table, [1, 2], Settings()).tolist() == pytest.approx([0.5] * QUESTIONS)
