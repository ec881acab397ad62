"""Models of 0.16 and 1.26 million parameters, whose addresses tell that; what their runs cost and gave is made up."""

from dataclasses import replace

import numpy as np
import pytest
from claim_worlds import EASY, FAST, HARDEST, MIDDLE, QUESTIONS, evidence, judging, of, pool, verdicts
from size_worlds import COUNT, HALF, LARGE, SMALL, larger, world

from outlay.study.claims_between import between_sizes, recall_gains_least
from outlay.study.evidence import Evidence
from outlay.study.exchanging import RATIOS


@pytest.mark.parametrize(("right", "verdict"), [(~MIDDLE, "holds"), (MIDDLE, "cannot be told")])
def test_the_small_model_on_middle_questions(right: np.ndarray, verdict: str) -> None:
    claims = of(between_sizes(world(right)), "small_ahead_on_middle")
    assert [claim.verdict for claim in claims][:1] == [verdict]
    assert {claim.questions for claim in claims} == {10}
    assert all(claim.on.startswith("middle (oracle), R = ") for claim in claims)


def test_the_small_model_loses_where_it_finds_nothing() -> None:
    nothing = pool(0)
    nothing.correct[EASY] = True
    assert set(verdicts(between_sizes(world(MIDDLE, nothing)), "small_ahead_on_middle")) == {"does not hold"}


@pytest.mark.parametrize(
    ("right", "first_right", "verdict"),
    [(HARDEST, 0, "holds"), (~HARDEST, 4, "does not hold"), (HARDEST & HALF, 0, "cannot be told")],
)
def test_the_larger_model_on_the_hardest_questions(right: np.ndarray, first_right: int, verdict: str) -> None:
    drawn = pool(first_right)
    drawn.correct[EASY] = True
    claims = of(between_sizes(world(right, drawn)), "large_ahead_on_hardest")
    assert {claim.verdict for claim in claims} == {verdict}
    assert claims[0].ahead == "countdown-large, greedy"


def test_ratios_that_buy_the_whole_pool_are_one_comparison() -> None:
    claims = of(between_sizes(world(MIDDLE)), "small_ahead_on_middle")
    told = " and ".join(f"{ratio:g}" for ratio in RATIOS[:2])
    assert [claim.on for claim in claims] == [f"middle (oracle), R = {told}", f"middle (oracle), R = {RATIOS[2]:g}"]
    assert claims[0].note == "the FLOPs would buy more samples than were drawn"
    scale = COUNT[LARGE] / COUNT[SMALL]
    bought = int(scale * (scale + 3 * (scale - 1) / RATIOS[2]) / scale)
    assert claims[1].subject == f"N = {bought} against countdown-large"


def test_a_larger_model_of_unknown_size_is_not_compared() -> None:
    unknown = replace(larger(MIDDLE), model="somebody's")
    assert between_sizes(Evidence(replace(world(MIDDLE).found, larger=(unknown,)), FAST)) == []


def family(name: str, misled: np.ndarray | None = None, recall: bool = False, right: int = 4) -> Evidence:
    return evidence(pool=replace(pool(right, misled), task=name), difficulty_pool=judging(), recall=recall)


def test_a_family_of_knowledge_is_compared_with_every_other() -> None:
    """Four of sixteen right, and found: 25% becomes 100%. Where all questions are misled it falls to none."""
    everywhere = np.ones(QUESTIONS, dtype=bool)
    facts = family("facts", everywhere, recall=True)
    gaining, losing = family("sums"), family("puzzles", everywhere, right=8)
    claims = recall_gains_least([gaining, facts, losing])
    assert [(claim.task, claim.subject, claim.verdict) for claim in claims] == [
        ("facts", "less than sums (small)", "holds"),
        ("facts", "less than puzzles (small)", "does not hold"),
    ]
    assert claims[0].mean == pytest.approx(0.75 + 0.25)
    assert claims[1].mean == pytest.approx(-0.5 + 0.25)


def test_families_that_gain_alike_are_not_told_apart() -> None:
    some = HALF
    (claim,) = recall_gains_least([family("facts", some, recall=True), family("sums", some)])
    assert claim.verdict == "cannot be told"


def test_without_a_family_of_knowledge_nothing_is_asked() -> None:
    assert recall_gains_least([family("sums"), family("puzzles")]) == []
