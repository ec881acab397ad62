"""A world in which every figure of the exchange can be worked out by hand.

The small model has 1e6 parameters and draws 10 tokens a sample; the large one has 8e6, and its greedy answer has 10 tokens too.
There are no prompts. Even questions are easy: every sample of the small model is right. Odd ones are hard: one in four is
right, and the score finds it.
"""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.study.deciding import Realised
from outlay.study.drawn import Drawn, expected_longest
from outlay.study.exchanging import Sizes, exchange_of
from outlay.study.flops import PoolFlops
from outlay.study.pairs import exchanges
from outlay.study.pools import Pool
from outlay.study.runs import Deeper, Larger, Recorded
from outlay.study.settings import Settings

Q, N, SMALL, LARGE, TOKENS = 40, 8, 1e6, 8e6, 10
SAMPLE = 2 * SMALL * TOKENS
FAST = Settings(resamples=200, splits=2, bins=2, shrinkage=0.0)
SIZES = Sizes(SMALL, LARGE, SMALL)


def pool(n: int = N, questions: int = Q) -> Pool:
    right = np.ones((questions, n), dtype=bool)
    right[1::2] = np.arange(n) % 4 == 0
    return Pool(
        task="toy",
        model="small",
        questions=tuple(f"q{i:02}" for i in range(questions)),
        correct=right,
        scores=np.where(right, 0.9, 0.1),
        tokens=np.full(right.shape, TOKENS),
    )


def price(n: int = N, questions: int = Q) -> PoolFlops:
    """Drawing costs 2e7 a sample, and a verifier of the same size reads what was drawn."""
    ks = np.arange(1, n + 1)
    return PoolFlops(np.zeros(questions), np.full(questions, SAMPLE), np.tile(SAMPLE * ks, (questions, 1)))


def larger(**changes: Any) -> Larger:
    """Right on the first half of the questions."""
    right = (np.arange(Q) < Q // 2).astype(float)[:, None]
    greedy = Realised({"name": "greedy"}, (1,), right, np.ones((Q, 1)), np.full((Q, 1), 2 * LARGE * TOKENS), False)
    return replace(Larger("large", greedy, float(TOKENS)), **changes)


def recorded(**changes: Any) -> Recorded:
    found = Recorded(
        pool=pool(),
        difficulty_pool=pool(),
        runs=(),
        verifier="judge",
        sampling={},
        flops=price(),
        cost={},
        larger=(larger(),),
    )
    return replace(found, **changes)


def entry(ratios: tuple[float, ...] = (22.0,), found: Recorded | None = None, **options: Any) -> dict[str, Any]:
    found = found or recorded()
    told = exchange_of(found, found.larger[0], SIZES, FAST, ratios, **options)
    assert told is not None
    return told


def row(told: dict[str, Any], method: str = "best_of_n", place: int = 0) -> dict[str, Any]:
    return next(row for row in told["ratios"][place]["rows"] if row["method"] == method)


def test_a_verifier_of_the_same_size_halves_the_samples_that_the_budget_buys() -> None:
    """m = 8, R = 22: a factor of 8.95, so 8 samples that nobody reads or 4 that are read."""
    told = entry()
    assert told["scale"] == 8 and round(told["ratios"][0]["factor"], 2) == 8.95
    assert told["ratios"][0]["budget"] == pytest.approx(told["ratios"][0]["factor"] * SAMPLE)
    assert (row(told)["bought"], row(told)["n"], row(told)["beyond"]) == (4, 4, False)
    assert row(told)["flops"] == pytest.approx(4 * 2 * SAMPLE)


def test_accuracy_is_read_at_exactly_that_many_samples() -> None:
    """Of 8 samples of a hard question 2 are right: a subset of 4 misses both with C(6, 4) / C(8, 4) = 3 / 14."""
    assert row(entry())["accuracy"]["mean"] == pytest.approx((1 + 11 / 14) / 2, abs=1e-6)


def test_the_difference_is_paired_with_the_large_models_greedy_answer() -> None:
    told = row(entry())
    assert told["large"]["mean"] == 0.5
    assert told["difference"]["mean"] == pytest.approx((1 + 11 / 14) / 2 - 0.5, abs=1e-6)
    assert told["difference"]["low"] > 0


def test_bins_are_of_the_small_models_difficulty_the_easiest_first() -> None:
    told = entry()
    assert told["bins"]["count"] == [20, 20]
    easy, hard = row(told)["bins"]
    assert (easy["questions"], easy["accuracy"]["mean"], hard["accuracy"]["mean"]) == (
        20,
        1.0,
        pytest.approx(11 / 14, abs=1e-6),
    )
    assert (easy["large"]["mean"], hard["large"]["mean"]) == (0.5, 0.5)


def test_beyond_the_pool_the_largest_there_is_stands_and_is_marked() -> None:
    """R = 0.79: a factor of 34.6, 17 samples that are read; the pool has 8."""
    told = entry((0.79,))
    assert (row(told)["bought"], row(told)["n"], row(told)["beyond"]) == (17, 8, True)
    assert any("beyond the pool at R = 0.79 (17 samples)" in warning for warning in told["warnings"])


def test_a_deeper_pool_on_some_questions_reaches_further() -> None:
    deep = Deeper(np.arange(10), pool(32, 10), price(32, 10))
    told = row(entry((0.79,), recorded(deeper=deep)))
    assert (told["bought"], told["n"], told["beyond"], told["questions"], told["pool"]) == (17, 17, False, 10, 32)
    assert told["large"]["mean"] == 1.0, "the first ten questions are those that the large model gets right"


def test_training_the_verifier_is_paid_for_where_it_is_asked() -> None:
    free, paid = entry((0.79,)), entry((0.79,), verifier_tuning=1.0)
    assert free["ratios"][0]["budget"] - paid["ratios"][0]["budget"] == pytest.approx(6 * SMALL * TOKENS / 0.79)


def test_searches_are_read_at_the_largest_budget_that_was_run_and_fits() -> None:
    right = np.tile([[0.0, 1.0, 1.0]], (Q, 1))
    spent = np.tile([[4 * SAMPLE, 8 * SAMPLE, 32 * SAMPLE]], (Q, 1))
    beam = Realised({"name": "beam_search"}, (2, 4, 16), right, np.tile([[2.0, 4.0, 16.0]], (Q, 1)), spent)
    told = row(entry(found=recorded(runs=(beam,))), "beam_search")
    assert (told["n"], told["beyond"], told["accuracy"]["mean"], told["latency"]) == (4, False, 1.0, None)


def test_policies_are_chosen_on_other_questions_within_the_budget() -> None:
    told = entry((22.0,))
    for name in ("best_fixed", "per_bin_oracle"):
        assert row(told, name)["flops"] <= told["ratios"][0]["budget"]
    assert row(told, "best_fixed")["choices"] == ["best_of_n@4"]
    assert row(told, "per_bin_oracle")["choices"] == ["best_of_n@1", "best_of_n@4"], "an easy question needs one sample"


def test_predicted_difficulty_is_paid_for_out_of_the_budget() -> None:
    """At R = 0.16 the budget is 139 samples' worth; the 8 samples that tell difficulty are drawn and read: 16."""
    told = row(entry((0.16,)), "per_bin_predicted")
    assert told["difficulty_flops"] == pytest.approx(16 * SAMPLE)
    assert told["flops"] > told["difficulty_flops"]


def test_the_large_model_with_samples_of_its_own_is_compared_at_the_same_cost_in_all() -> None:
    own = replace(pool(2), model="large")
    big = larger(
        pool=own, flops=PoolFlops(np.zeros(Q), np.full(Q, 8 * SAMPLE), np.tile(SAMPLE * np.arange(1, 3), (Q, 1)))
    )
    told = entry((22.0,), recorded(larger=(big,)))
    joint = told["joint"][0]
    pretraining = 6 * LARGE * TOKENS / 22
    assert joint["large"]["total"] == pytest.approx([9 * SAMPLE + pretraining, 18 * SAMPLE + pretraining])
    saved = 6 * (LARGE - SMALL) * TOKENS / 22
    bought = int((18 * SAMPLE + saved) / (2 * SAMPLE))
    assert (joint["best"][1]["large_n"], joint["best"][1]["small_n"]) == (2, min(bought, N))
    assert joint["best"][1]["beyond"] == (bought > N)


def test_serial_compute_is_that_of_the_longest_sample() -> None:
    assert row(entry())["latency"] == pytest.approx(1 / 8)
    tokens = np.array([[3, 9, 4, 4], [1, 2, 7, 5]])
    by_hand = np.mean([[max(some) for some in combinations(row, 2)] for row in tokens])
    assert expected_longest(tokens, 2) == pytest.approx(by_hand)


def test_money_buys_by_the_price_of_a_token_and_leaves_pretraining_out() -> None:
    """The large model's ten tokens cost 8 dollars a million, the small one's 1 and the verifier's 1: four samples, read."""
    told = entry(prices=Sizes(1.0, 8.0, 1.0))["money"]
    best = next(row for row in told["rows"] if row["method"] == "best_of_n")
    assert told["budget"] == pytest.approx(8e-5)
    assert (best["n"], best["usd"]) == (4, pytest.approx(8e-5))


def test_more_samples_than_a_pool_are_told_in_proportion() -> None:
    drawn = Drawn(pool(), price(), np.arange(Q))
    assert [drawn.affordable("best_of_n", k * 2 * SAMPLE) for k in (0.5, 1, 7.5, 8, 20)] == [0, 1, 7, 8, 20]


def test_pairs_that_cannot_be_compared_are_named_with_the_reason() -> None:
    unknown = recorded()
    assert exchanges([unknown], FAST)[1] == [
        "toy: small against large at equal compute is absent: the parameters of these models are not known."
    ]
    swapped = exchanges([unknown], FAST, parameters={"small": 2.0, "large": 1.0, "judge": 0.0})
    assert swapped[0] == [] and "fewer parameters (1 against 2)" in swapped[1][0]
    silent = recorded(flops=None)
    assert "do not tell FLOPs" in exchanges([silent], FAST, parameters={"small": 1.0, "large": 2.0, "judge": 0.0})[1][0]


def test_a_ratio_that_is_not_above_zero_is_refused() -> None:
    with pytest.raises(UserError, match="above 0"):
        entry((0.0,))
