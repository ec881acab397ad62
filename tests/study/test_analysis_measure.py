from itertools import permutations

import numpy as np
import pytest

from outlay.study.measure import budgets_up_to, expected, in_order, replayed, with_probabilities
from outlay.study.pools import Pool


def pool_of(seed: int, questions: int = 3, n: int = 4, **fields: object) -> Pool:
    generator = np.random.default_rng(seed)
    answers = generator.integers(-1, 3, size=(questions, n))
    scores = generator.integers(1, 4, size=(questions, n)) / 4
    return Pool(
        task="t",
        model="m",
        questions=tuple(f"q{i}" for i in range(questions)),
        correct=generator.random((questions, n)) < 0.5,
        answers=answers,
        scores=np.where(answers < 0, -np.inf, scores),
        can_vote=True,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_of_all_orders_is_the_expectation_over_subsets(seed: int) -> None:
    pool = with_probabilities(pool_of(seed))
    ks = [1, 2, 3, 4]
    exact, _ = expected(pool, ks)
    orders = [np.tile(order, (3, 1)) for order in permutations(range(4))]
    every = [replayed(in_order(pool, order), ks) for order in orders]
    for method in ("majority", "best_of_n"):
        assert np.allclose(np.mean([one[method] for one in every], axis=0), exact[method], atol=1e-9)


def test_a_replay_of_the_whole_pool_is_the_whole_pools_value() -> None:
    pool = with_probabilities(pool_of(7, questions=20, n=8))
    exact, _ = expected(pool, [8])
    for method, values in replayed(pool, [8]).items():
        assert np.allclose(values, exact[method], atol=1e-9), method


def test_scores_in_the_unit_interval_are_kept() -> None:
    pool = pool_of(0)
    assert with_probabilities(pool).warnings == ()


def test_other_scores_are_mapped_by_other_questions_and_said_so() -> None:
    pool = pool_of(0, questions=40)
    assert pool.scores is not None
    raw = Pool("t", "m", pool.questions, pool.correct, pool.answers, pool.scores * 10 - 5, can_vote=True)
    mapped = with_probabilities(raw)
    assert mapped.probabilities is not None
    assert mapped.probabilities.min() >= 0
    assert mapped.probabilities.max() <= 1
    assert "isotonic" in mapped.warnings[-1]


def test_without_votes_and_scores_only_coverage_is_left() -> None:
    pool = Pool("t", "m", ("q",), np.array([[True, False]]))
    assert list(expected(pool, [1, 2])[0]) == ["pass"]


def test_numbers_of_tests_passed_give_a_consensus_curve() -> None:
    pool = pool_of(0, questions=30)
    counted = Pool(
        "t", "m", pool.questions, pool.correct, pool.answers, np.rint(np.abs(pool.answers)) + 2.0, can_vote=True
    )
    assert "consensus" in expected(with_probabilities(counted), [1, 4])[0]


def test_budgets_are_powers_of_two_and_the_pool() -> None:
    assert budgets_up_to(100) == (1, 2, 4, 8, 16, 32, 64, 100)
    assert budgets_up_to(1) == (1,)
    assert budgets_up_to(8) == (1, 2, 4, 8)
