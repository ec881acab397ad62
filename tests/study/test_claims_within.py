from dataclasses import replace

import numpy as np
import pytest
from claim_worlds import EASY, HARD, QUESTIONS, SAMPLES, evidence, of, pool, run, verdicts

from outlay.study.claims_within import within
from outlay.study.rescoring import Rescored

BEST_OF_4 = 1 - 495 / 1820  # 4 of 16 right, and the score finds them: 1 - C(12, 4) / C(16, 4)
HALF = np.arange(QUESTIONS) % 2 == 0


@pytest.mark.parametrize(
    ("beam", "verdict"),
    [(1.0, "holds"), (0.2, "does not hold"), (np.where(HALF, 1.0, 2 * BEST_OF_4 - 1), "cannot be told")],
)
def test_beam_search_at_the_smallest_budget_that_both_have(beam: object, verdict: str) -> None:
    runs = (run("beam_search", (3, 4, 16), {3: 0.0, 4: beam, 16: 0.5}),)
    (claim,) = of(within(evidence(runs=runs)), "beam_ahead_at_small_n")
    assert claim.on == "all, N = 4"  # the pool is not read at 3
    assert claim.verdict == verdict


@pytest.mark.parametrize(
    ("beam", "misled", "verdict"),
    [(0.5, None, "holds"), (1.0, HALF, "does not hold"), (~HALF, HALF, "cannot be told")],
)
def test_best_of_n_at_the_largest_budget_that_both_have(beam: object, misled: object, verdict: str) -> None:
    runs = (run("beam_search", (4, 16, 64), {4: 1.0, 16: beam, 64: 0.0}),)
    (claim,) = of(within(evidence(pool=pool(misled=misled), runs=runs)), "best_of_n_ahead_at_large_n")  # type: ignore[arg-type]
    assert claim.on == "all, N = 16"
    assert claim.verdict == verdict


@pytest.mark.parametrize(
    ("small", "large", "verdict"),
    [
        (1.0, 0.5, "holds"),
        (0.1, 1.0, "does not hold"),
        (np.where(HALF, 1.0, 2 * BEST_OF_4 - 1), 1.0, "cannot be told"),
    ],
)
def test_a_lead_that_shrinks(small: object, large: object, verdict: str) -> None:
    runs = (run("beam_search", (4, 16), {4: small, 16: large}),)
    assert verdicts(within(evidence(runs=runs)), "beam_lead_shrinks") == [verdict]


def test_with_one_budget_there_is_no_large_n() -> None:
    claims = within(evidence(runs=(run("beam_search", (4,), {4: 0.9}),)))
    assert len(of(claims, "beam_ahead_at_small_n")) == 1
    assert of(claims, "best_of_n_ahead_at_large_n") == of(claims, "beam_lead_shrinks") == []
    assert [claim.on for claim in of(claims, "beam_ahead_on_hard")] == [
        "hard (oracle), N = 4",
        "hard (predicted), N = 4",
    ]


@pytest.mark.parametrize(
    ("beam", "verdict"),
    [
        (np.where(HARD, 1.0, 0.0), "holds"),
        (np.where(HARD, 0.0, 1.0), "does not hold"),
        (np.where(HALF, 1.0, 2 * BEST_OF_4 - 1), "cannot be told"),
    ],
)
def test_beam_search_on_the_two_hardest_bins(beam: object, verdict: str) -> None:
    claims = of(within(evidence(runs=(run("beam_search", (4,), {4: beam}),))), "beam_ahead_on_hard")
    assert [claim.bins for claim in claims] == ["oracle", "predicted"]
    assert [claim.questions for claim in claims] == [20, 20]
    assert [claim.verdict for claim in claims] == [verdict] * 2


def test_every_beam_search_is_asked_and_nothing_else() -> None:
    runs = (
        run("beam_search", (4,), {4: 0.9}),
        run("beam_search", (4,), {4: 0.1}, width=2),
        run("lookahead", (4,), {4: 0.9}),
    )
    claims = of(within(evidence(runs=runs)), "beam_ahead_at_small_n")
    assert sorted(claim.subject for claim in claims) == ["beam search M=2", "beam search M=4"]


@pytest.mark.parametrize(
    ("misled", "verdict"),
    [(EASY, "holds"), (~EASY, "does not hold"), (np.arange(QUESTIONS) < 2, "cannot be told")],
)
def test_over_optimisation_is_a_fall_on_easy_questions(misled: np.ndarray, verdict: str) -> None:
    """In the last world two of twenty easy questions fall from 8 to 16 samples by a half, the others gain a little."""
    claims = of(within(evidence(pool=pool(misled=misled))), "over_optimised_on_easy")
    assert [(claim.subject, claim.on) for claim in claims] == [
        ("best-of-N by judge", "easy (oracle)"),
        ("best-of-N by judge", "easy (predicted)"),
    ]
    assert [claim.verdict for claim in claims] == [verdict] * 2


def test_a_search_may_over_optimise_too() -> None:
    falls = run("beam_search", (4, 16), {4: 1.0, 16: np.where(EASY, 0.0, 1.0)})
    claims = of(within(evidence(runs=(falls,))), "over_optimised_on_easy", "easy (oracle)")
    assert [(claim.subject, claim.verdict) for claim in claims] == [
        ("best-of-N by judge", "does not hold"),
        ("beam search M=4 by judge", "holds"),
    ]


def test_every_weak_verifier_is_asked_with_the_searches_that_it_led() -> None:
    led = run("beam_search", (4, 16), {4: 1.0, 16: np.where(EASY, 0.0, 1.0)})
    weak = Rescored("embedded:weak", pool(misled=EASY), None, (led,))
    claims = of(within(evidence(rescored=(weak,))), "over_optimised_on_easy", "easy (predicted)")
    assert [(claim.subject, claim.verdict) for claim in claims] == [
        ("best-of-N by judge", "does not hold"),
        ("best-of-N by weak", "holds"),
        ("beam search M=4 by weak", "holds"),
    ]


def test_bins_that_agree_are_as_good_as_each_other() -> None:
    """Predicted difficulty is exact here, so both policies are the same: no question differs, and nothing is told."""
    (claim,) = of(within(evidence()), "predicted_bins_nearly_as_good")
    assert (claim.differing, claim.margin, claim.verdict) == (0, 0.02, "cannot be told")
    assert claim.on == f"all, N = {SAMPLES}"


def test_bins_that_know_nothing_are_worse_than_oracle_bins() -> None:
    """Two searches, one right on easy questions only, one on the others only: whoever knows the bin is always right."""
    runs = (
        run("beam_search", (1,), {1: EASY}, width=2),
        run("beam_search", (1,), {1: ~EASY}, width=4),
    )
    known = evidence(pool=pool(1), runs=runs)
    blind = known.found.difficulty_pool
    assert blind is not None and blind.scores is not None
    shuffled = np.random.default_rng(0).permutation(blind.scores)
    lost = evidence(pool=pool(1), runs=runs, difficulty_pool=replace(blind, scores=shuffled))
    low_budget = replace(lost.settings, headline_budget=1)
    (claim,) = of(within(replace(lost, settings=low_budget)), "predicted_bins_nearly_as_good")
    assert claim.mean < -0.1
    assert claim.verdict == "does not hold"


def test_without_samples_for_difficulty_nothing_is_said_about_bins() -> None:
    claims = within(evidence(difficulty_pool=None, runs=(run("beam_search", (4,), {4: 0.9}),)))
    assert {claim.bins for claim in claims} == {None}
    assert verdicts(claims, "predicted_bins_nearly_as_good") == []
