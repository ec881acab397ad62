from itertools import combinations
from typing import Any

import numpy as np
import pytest

from outlay.study.analysis import analyse
from outlay.study.deciding import Realised
from outlay.study.flops import PoolFlops, pool_flops
from outlay.study.pools import Pool
from outlay.study.settings import Settings

FAST = Settings(resamples=200, splits=2)
PROMPT, MODEL, VERIFIER = 7, 10.0, 4.0
STEPS = [["a", "b"], ["a", "c"], ["a", "b"], ["d"]]


def read(subset: tuple[int, ...]) -> int:
    """Tokens of the distinct beginnings, three a step, and the prompt."""
    return PROMPT + 3 * len({tuple(STEPS[i][:depth]) for i in subset for depth in range(1, len(STEPS[i]) + 1)})


def run(n: int, generated: int, verified: int, question: str = "q") -> dict[str, Any]:
    return {
        "question_id": question,
        "solutions": n,
        "cost_prompt_tokens": n * PROMPT,
        "cost_cached_tokens": (n - 1) * PROMPT,
        "cost_generated_tokens": generated,
        "cost_verifier_prompt_tokens": verified,
        "cost_verifier_generated_tokens": 0,
        "cost_verifier_cached_tokens": 0,
        "cost_flops": MODEL * (PROMPT + generated) + VERIFIER * verified,
    }


def found(verified: int) -> PoolFlops:
    pool = run(4, 21, verified)
    solutions = [{"question_id": "q", "steps": steps, "step_tokens": [3] * len(steps)} for steps in STEPS]
    known = pool_flops([pool], solutions, [pool, run(1, 5, 0)], ["q"])
    assert known is not None
    return known


def test_a_question_is_prefilled_once_however_many_samples_are_drawn() -> None:
    drawing = found(read((0, 1, 2, 3))).drawing([1, 2, 4])[0]
    assert drawing.tolist() == pytest.approx([MODEL * (PROMPT + k * 21 / 4) for k in (1, 2, 4)])


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_scoring_k_samples_is_the_mean_over_all_subsets_of_what_is_read(k: int) -> None:
    expected = np.mean([VERIFIER * read(subset) for subset in combinations(range(4), k)])
    assert found(read((0, 1, 2, 3))).scoring([k])[0, 0] == pytest.approx(expected)


def test_a_verifier_that_shares_nothing_reads_every_sample_alike() -> None:
    assert found(100).scoring([1, 2, 4])[0] == pytest.approx([100.0, 200.0, 400.0])


def test_majority_is_not_charged_for_the_verifier() -> None:
    flops = found(100)
    assert np.array_equal(flops.of("majority", [4]), flops.drawing([4]))
    assert flops.of("weighted", [4])[0, 0] == pytest.approx(flops.drawing([4])[0, 0] + 400.0)


def test_runs_without_flops_tell_nothing() -> None:
    silent = run(4, 21, 10) | {"cost_flops": 0.0}
    assert pool_flops([silent], [], [silent], ["q"]) is None


def world(questions: int = 60, n: int = 16) -> tuple[Pool, PoolFlops]:
    """A weak score, and a verifier that costs as much as the model."""
    generator = np.random.default_rng(0)
    correct = generator.random((questions, n)) < generator.random((questions, 1))
    answers = np.where(correct, 0, generator.integers(1, 4, size=correct.shape))
    pool = Pool(
        "t", "m", tuple(f"q{i:02}" for i in range(questions)), correct, answers, generator.random(correct.shape),
        can_vote=True,
    )  # fmt: skip
    reading = np.tile(10.0 * np.arange(1, n + 1), (questions, 1))
    return pool, PoolFlops(np.full(questions, 2.0), np.full(questions, 10.0), reading)


def test_what_needs_no_verifier_is_cheaper_in_flops_than_in_generations() -> None:
    """Greedy ties with a scored sample in generations and costs half of it in FLOPs."""
    pool, flops = world()
    shape = (len(pool.questions), 1)
    right = np.ones(shape)
    greedy = Realised({"name": "greedy"}, (1,), right, np.ones(shape), np.full(shape, 12.0))
    entry = analyse(pool, runs=[greedy], flops=flops, settings=FAST)["policies"]["best_fixed"]
    assert entry["compute_ratio"][0]["value"] == 16.0
    assert entry["compute_ratio_flops"][0]["value"] == pytest.approx((2 + 16 * 20) / 12, rel=1e-5)


def test_a_pilots_scores_are_charged_in_flops_whatever_follows() -> None:
    pool, flops = world()
    entry = analyse(pool, flops=flops, settings=FAST)["policies"]["per_bin_pilot"]
    least = 2 + FAST.pilot * 20
    assert min(entry["flops"]) >= least
    assert entry["flops"][0] == pytest.approx(least)


def test_difficulty_is_charged_in_flops_too() -> None:
    pool, flops = world()
    found = analyse(pool, flops=flops, settings=FAST)["policies"]
    for kind, per_sample in (("oracle", 10), ("predicted", 20)):
        entry = found[f"per_bin_{kind}"]
        with_it, without = (entry[f"compute_ratio_flops{part}"][0]["value"] for part in ("", "_without_difficulty"))
        spent = entry["flops"][0]
        assert with_it * spent == pytest.approx(without * (spent - 2 - 8 * per_sample), rel=1e-4)


def test_without_the_flops_of_every_run_no_policy_has_any() -> None:
    pool, flops = world()
    shape = (len(pool.questions), 1)
    unknown = Realised({"name": "greedy"}, (1,), np.ones(shape), np.ones(shape))
    found = analyse(pool, runs=[unknown], flops=flops, settings=FAST)["policies"]
    assert not any("compute_ratio_flops" in entry for entry in found.values())
