import numpy as np

from outlay.study.analysis import analyse
from outlay.study.pools import Chains
from outlay.study.settings import Settings

FAST = Settings(resamples=200, splits=2)


def chains_of(rows: list[str], copies: int = 30) -> Chains:
    correct = np.array([[[letter == "1" for letter in row]] for row in rows * copies])
    return Chains("t", "m", tuple(f"q{i:03}" for i in range(len(correct))), correct, np.where(correct, 0, 1))


def test_accuracy_and_transitions_are_counted_at_every_position() -> None:
    found = analyse(chains_of(["100", "011", "110", "000"], 1), settings=FAST)["chains"]
    assert [point["mean"] for point in found["accuracy"]] == [0.5, 0.5, 0.25]
    assert found["transitions"] == {"right_to_wrong": [1, 1], "wrong_to_right": [1, 0]}


def test_revision_that_hurts_is_said_to_hurt_and_not_paid_for() -> None:
    found = analyse(chains_of(["100", "100", "111", "000"]), settings=FAST)
    assert "revising does not pay" in found["sentences"][0]
    assert found["policies"]["best_fixed"]["cost"] == [1.0, 1.0, 1.0]


def test_revision_that_helps_is_said_to_pay() -> None:
    found = analyse(chains_of(["011", "001", "111", "000"]), settings=FAST)
    assert "revising pays" in found["sentences"][0]
    assert found["policies"]["best_fixed"]["accuracy"][-1]["mean"] == 0.75


def test_chains_that_differ_by_luck_alone_are_not_said_to_pay() -> None:
    """The best of nine later attempts always looks better than the first on the questions that show which it is."""
    said = 0
    for seed in range(30):
        correct = np.random.default_rng(seed).random((60, 1, 10)) < 0.5
        lucky = Chains("t", "m", tuple(f"q{i:02}" for i in range(60)), correct)
        said += "revising pays:" in analyse(lucky, settings=FAST)["sentences"][0]
    assert said <= 2


def test_a_majority_counts_only_the_attempts_so_far() -> None:
    found = analyse(chains_of(["100"], 4), settings=FAST)
    assert found["curves"]["majority_of_chain"]["mean"] == [1.0, 0.5, 0.0]


def test_levels_are_bins_for_chains() -> None:
    plain = chains_of(["10", "11"])
    levels = tuple(str(1 + i % 2) for i in range(60))
    found = analyse(Chains("t", "m", plain.questions, plain.correct, plain.answers, levels), settings=FAST)
    assert [row[-1] for row in found["bins"]["level"]["curves"]["last_attempt"]["mean"]] == [0.0, 1.0]
