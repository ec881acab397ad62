from dataclasses import replace

import numpy as np
import pytest
from claim_worlds import BIN, HARDEST, QUESTIONS, SAMPLES, evidence, judging, names, of, pool, verdicts

from outlay.study.claims_difficulty import telling_difficulty
from outlay.study.pools import Pool

HALF = np.arange(QUESTIONS) % 2 == 0


@pytest.mark.parametrize(
    ("right", "misled", "verdict"),
    [
        (SAMPLES, None, "cannot be told"),  # all right with one sample too: no question differs
        (4, None, "does not hold"),  # one in four becomes certain
        (4, HARDEST, "does not hold"),  # and falls, where the scores mislead: that is not nearly the same either
    ],
)
def test_what_samples_give_on_the_hardest_questions(right: int, misled: object, verdict: str) -> None:
    found = of(telling_difficulty(evidence(pool=pool(right, misled))), "hardest_gain_little")  # type: ignore[arg-type]
    assert [claim.verdict for claim in found] == [verdict] * 2  # oracle and predicted bins
    assert {claim.questions for claim in found} == {10}


def test_a_gain_of_a_point_is_nearly_nothing() -> None:
    """One of 64 samples is right, and scores are equal: best-of-N is a sample drawn at random, but for what ties cost."""
    right = np.zeros((QUESTIONS, 64), dtype=bool)
    right[:, 0] = True
    scores = np.where(np.arange(64) < 32, 0.6, 0.5) + np.zeros((QUESTIONS, 1))
    little = Pool("toy", "small", names(), right, scores=scores)  # 1 in 64 with one sample, 1 in 32 with all
    assert verdicts(telling_difficulty(evidence(pool=little)), "hardest_gain_little") == ["holds"] * 2


def believed(wrong_on: np.ndarray) -> Pool:
    """The verifier is right about every sample but those of these questions."""
    drawn = pool()
    return replace(drawn, scores=np.where(drawn.correct != wrong_on[:, None], 0.9, 0.1))


@pytest.mark.parametrize(
    ("wrong_on", "verdict"),
    [(BIN == 4, "holds"), (BIN == 0, "does not hold"), (HALF, "cannot be told")],
)
def test_the_verifier_on_the_easiest_and_the_hardest(wrong_on: np.ndarray, verdict: str) -> None:
    (claim,) = of(telling_difficulty(evidence(pool=believed(wrong_on))), "verifier_worse_on_hard")
    assert claim.verdict == verdict
    if verdict == "holds":
        assert claim.mean == pytest.approx(1.0)
        assert claim.note == "from the easiest to the hardest 100.0, 100.0, 100.0, 100.0, 0.0%, 80.0% of all"


def told_as(bins: np.ndarray) -> Pool:
    """Samples for difficulty whose true bin is `BIN` and whose scores say `bins`."""
    return replace(judging(), scores=np.repeat(0.9 - 0.2 * bins[:, None], 10, axis=1))


@pytest.mark.parametrize(
    ("predicted", "verdict"),
    [
        (BIN, "holds"),
        ((BIN + 1) % 5, "does not hold"),
        (np.where(np.arange(QUESTIONS) % 5 == 0, BIN, (BIN + np.arange(QUESTIONS) % 5) % 5), "cannot be told"),
    ],
)
def test_predicted_bins_against_chance(predicted: np.ndarray, verdict: str) -> None:
    (claim,) = of(telling_difficulty(evidence(difficulty_pool=told_as(predicted))), "predicted_bins_agree")
    assert claim.verdict == verdict
    share = 100 * float((predicted == BIN).mean())
    assert claim.note == f"{share:.1f}% against 20.0% by chance"


@pytest.mark.parametrize(
    ("predicted", "verdict"),
    [
        (np.array([0, 2, 3, 1, 4])[BIN], "holds"),  # the ends are right, what lies between is not
        (np.array([4, 1, 2, 3, 0])[BIN], "does not hold"),
        (np.where(HALF, BIN, np.roll(BIN, 10)), "cannot be told"),
    ],
)
def test_the_ends_against_the_middle(predicted: np.ndarray, verdict: str) -> None:
    (claim,) = of(telling_difficulty(evidence(difficulty_pool=told_as(predicted))), "extremes_told_best")
    assert claim.verdict == verdict
    assert abs(claim.mean) == pytest.approx(0.0 if verdict == "cannot be told" else 1.0)


@pytest.mark.parametrize(
    ("level", "orders", "agrees"),
    [
        (BIN, "holds", "holds"),
        (4 - BIN, "does not hold", "cannot be told"),
        (BIN * 0 + HALF, "cannot be told", "cannot be told"),
    ],
)
def test_peoples_levels(level: np.ndarray, orders: str, agrees: str) -> None:
    """The pool is right less often in every bin than in the one before; people say so, say the contrary, or know nothing."""
    right = np.arange(SAMPLES)[None, :] < (14 - 3 * BIN)[:, None]
    drawn = Pool(
        "toy", "small", names(), right, scores=np.where(right, 0.9, 0.1), levels=tuple(f"Level {n}" for n in level)
    )
    claims = telling_difficulty(evidence(pool=drawn))
    assert verdicts(claims, "human_levels_order") == [orders]
    assert verdicts(claims, "human_levels_agree") == [agrees]


def test_without_levels_nothing_is_said_of_people() -> None:
    assert of(telling_difficulty(evidence()), "human_levels_order") == []
