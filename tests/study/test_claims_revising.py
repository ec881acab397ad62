import numpy as np
import pytest
from claim_worlds import EASY, HARD, QUESTIONS, evidence, of, run, verdicts

from outlay.study.claims_revising import optimum, revising, splits_of, splits_part
from outlay.study.deciding import Realised
from outlay.study.settings import Settings

HALF = np.arange(QUESTIONS) % 2 == 0
EVEN = np.where(HALF, 0.9, 0.1)


def split(chains: int, accuracy: object, budgets: tuple[int, ...] = (8,)) -> Realised:
    options = {} if chains == 1 else {"chains": chains}  # one chain is the default, which specs leave out
    return run("revisions", budgets, dict.fromkeys(budgets, accuracy), **options, selection="verifier")


def world(one: object, mixture: object, parallel: object) -> tuple[Realised, ...]:
    return split(1, one), split(2, mixture), split(8, parallel)


def test_splits_of_one_budget_stand_together_the_fewest_chains_first() -> None:
    runs = [split(4, 0.4, (4, 8)), split(1, 0.1, (4, 8)), split(8, 0.8, (4, 8)), run("beam_search", (8,), {8: 1.0})]
    four, eight = splits_of(runs)
    assert (four.n, four.chains) == (4, (1, 4))  # eight chains of four attempts there are not
    assert (eight.n, eight.chains) == (8, (1, 4, 8))
    assert eight.correct[0].tolist() == [0.1, 0.4, 0.8]
    assert eight.name == "revisions, chosen by verifier"


@pytest.mark.parametrize(
    ("one", "others", "verdict"),
    [(0.9, 0.5, "holds"), (0.5, 0.9, "does not hold"), (EVEN, EVEN[::-1], "cannot be told")],
)
def test_easy_questions_want_one_chain(one: object, others: object, verdict: str) -> None:
    claims = revising(evidence(runs=world(one, others, 0.1)))
    assert verdicts(claims, "easy_wants_pure_revision") == [verdict] * 2
    assert {claim.on for claim in of(claims, "easy_wants_pure_revision")} == {
        "easy (oracle), N = 8",
        "easy (predicted), N = 8",
    }


@pytest.mark.parametrize(
    ("mixture", "over_chain", "over_parallel"),
    [
        (0.9, "holds", "holds"),
        (0.1, "does not hold", "does not hold"),
        (0.5, "does not hold", "holds"),
        (np.where(HALF, 1.0, 0.4), "cannot be told", "holds"),
    ],
)
def test_hard_questions_want_a_mixture(mixture: object, over_chain: str, over_parallel: str) -> None:
    claims = revising(evidence(runs=world(0.7, mixture, 0.3)))
    assert verdicts(claims, "hard_mixture_over_revision") == [over_chain] * 2
    assert verdicts(claims, "hard_mixture_over_parallel") == [over_parallel] * 2


def test_easy_and_hard_questions_are_told_apart() -> None:
    claims = revising(evidence(runs=world(np.where(EASY, 0.9, 0.1), np.where(HARD, 0.9, 0.1), 0.3)))
    assert set(verdicts(claims, "easy_wants_pure_revision") + verdicts(claims, "hard_mixture_over_revision")) == {
        "holds"
    }


def test_the_smallest_and_the_largest_complete_budget_are_asked() -> None:
    runs = (split(1, 0.9, (2, 4, 8, 16)), split(2, 0.5, (2, 4, 8)), split(4, 0.5, (4, 8)), split(8, 0.5, (8,)))
    claims = of(revising(evidence(runs=runs)), "easy_wants_pure_revision", "easy (oracle)")
    assert [claim.on for claim in claims] == ["easy (oracle), N = 4", "easy (oracle), N = 8"]


def test_without_a_mixture_nothing_is_asked() -> None:
    assert revising(evidence(runs=(split(1, 0.9), split(8, 0.5)))) == []


def test_the_best_split_of_each_bin_has_its_range() -> None:
    (told,) = splits_part(evidence(runs=world(np.where(EASY, 0.9, 0.1), np.where(HARD, 0.9, 0.1), 0.3)))
    best = [part["best"]["chains"] for part in told["bins"]["oracle"]]
    assert best == [1, 1, 8, 2, 2]
    assert told["bins"]["oracle"][0]["best"] == {"chains": 1, "low": 1, "high": 1, "share": [1.0, 0.0, 0.0]}
    assert [point["mean"] for point in told["accuracy"]] == pytest.approx([0.42, 0.42, 0.3])


def test_an_optimum_that_is_not_sure_has_a_wide_range() -> None:
    generator = np.random.default_rng(0)
    noisy = (generator.random((40, 3)) < 0.5).astype(float)
    found = optimum(noisy, (1, 2, 4), Settings(resamples=400))
    assert found["low"] < found["high"]
    assert sum(found["share"]) == pytest.approx(1.0, abs=1e-5)
