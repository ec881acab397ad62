from dataclasses import replace

import numpy as np
import pytest
from claim_worlds import EASY, FAST, HARD, HARDEST, MIDDLE, QUESTIONS, SAMPLES, names, of, pool, run, verdicts
from size_worlds import COUNT, HALF, LARGE, SMALL, TOKENS, larger, world

from outlay.exchange import Pair
from outlay.study.claim import Claim
from outlay.study.claims_exchange import exchanging, over_tasks, tuning_of
from outlay.study.deciding import Realised
from outlay.study.details import Details
from outlay.study.exchanging import RATIOS
from outlay.study.pools import Pool
from outlay.study.training import training_of
from outlay.verifiers import load

EVERY, NONE = np.ones(QUESTIONS, dtype=bool), np.zeros(QUESTIONS, dtype=bool)
SCALE = COUNT[LARGE] / COUNT[SMALL]


def beam(accuracy: object, n: int = 8) -> Realised:
    """A beam search that costs as much as n samples."""
    found = run("beam_search", (n,), {n: accuracy})
    return replace(found, flops=np.full((QUESTIONS, 1), 2 * COUNT[SMALL] * TOKENS * n))


@pytest.mark.parametrize(
    ("right", "small", "verdict"),
    [(~EASY, 4, "holds"), (EASY, 0, "does not hold"), (EASY, SAMPLES, "cannot be told")],
)
def test_the_small_model_on_easy_questions(right: np.ndarray, small: int, verdict: str) -> None:
    drawn = pool(small)
    drawn.correct[HARD] = True  # an accuracy of 0 or 1 throughout has nothing to tell apart
    assert set(verdicts(exchanging(world(right, drawn)), "small_ahead_on_easy")) == {verdict}


@pytest.mark.parametrize(
    ("accuracy", "middle", "hardest"),
    [(EVERY, "holds", "does not hold"), (NONE, "does not hold", "holds"), (HALF, "cannot be told", "cannot be told")],
)
def test_searches_are_asked_too(accuracy: np.ndarray, middle: str, hardest: str) -> None:
    against = ~accuracy if accuracy is not HALF else np.roll(HALF, 1)
    claims = exchanging(world(against, runs=(beam(accuracy),)))
    on_middle = of(claims, "small_ahead_on_middle")
    assert {claim.verdict for claim in on_middle} == {middle}
    assert {claim.ahead for claim in on_middle} == {"beam search M=4, N = 8"}  # the pool's own is claim 6
    assert set(verdicts(claims, "large_ahead_on_hardest")) == {hardest}


@pytest.mark.parametrize(("misled", "verdict"), [(None, "holds"), (EVERY, "does not hold"), (HALF, "cannot be told")])
def test_the_more_use_the_fewer_samples(misled: object, verdict: str) -> None:
    """R = 0.16 pays for the whole pool, R = 22 for fewer; where scores mislead more samples are worse."""
    found = exchanging(world(MIDDLE, pool(8 if misled is not None else 1, misled), tokens=TOKENS / 8))  # type: ignore[arg-type]
    (claim,) = of(found, "worth_falls_with_use")
    assert claim.ahead.endswith(f"at R = 0.16 (N = {SAMPLES})")
    if verdict == "cannot be told":
        assert claim.low < 0 < claim.high
    assert claim.verdict == verdict


def test_what_training_the_verifier_cost_is_read_from_its_record() -> None:
    found = world(MIDDLE, verifier="embedded:countdown-prm", details=Details(3.0))
    record, small = training_of("embedded:countdown-prm", 0.0, 3.0), training_of(SMALL)
    assert record is not None and small is not None
    tuning = tuning_of(found, "embedded:countdown-prm")
    assert tuning == pytest.approx(record.flops / (6 * record.parameters * small.tokens))
    assert tuning is not None and tuning > 0
    assert tuning_of(found, "random:0") is None


def test_a_reviser_pays_for_its_fine_tuning_on_top_of_its_bases_pretraining() -> None:
    reviser = "embedded:countdown-reviser"
    found = world(MIDDLE, replace(pool(), tokens=np.full((QUESTIONS, SAMPLES), 12)), details=Details(3.0))
    revising = replace(found, found=replace(found.found, pool=replace(found.found.pool, model=reviser)))
    judge, tuned = (training_of(one, 12.0, 3.0) for one in ("embedded:countdown-prm", reviser))
    base = training_of(SMALL)
    assert judge is not None and tuned is not None and base is not None
    both = (judge.flops + tuned.flops) / (6 * judge.parameters * base.tokens)
    assert tuning_of(revising, "embedded:countdown-prm") == pytest.approx(both)


@pytest.mark.parametrize(
    ("right", "small", "verdict"),
    [(NONE, 4, "holds"), (EVERY, 1, "does not hold"), (~HALF, 4, "cannot be told")],
)
def test_with_the_verifiers_training_paid(right: np.ndarray, small: int, verdict: str) -> None:
    misled = EVERY if verdict == "does not hold" else HALF if verdict == "cannot be told" else None
    found = world(right, pool(small, misled), verifier="embedded:countdown-prm", details=Details(3.0))
    claims = of(exchanging(found), "small_ahead_verifier_training_paid", "all")
    assert claims
    if verdict == "cannot be told":
        assert any(claim.verdict == verdict for claim in claims)
    else:
        assert {claim.verdict for claim in claims} == {verdict}
    assert claims[0].note.startswith("fine-tuning and the verifier's training cost ")


def theirs(share: np.ndarray) -> Pool:
    """Four samples of the larger model, all right on these questions."""
    right = np.repeat(share[:, None], 4, axis=1)
    return Pool("toy", LARGE, names(), right, scores=np.where(right, 0.8, 0.2))


@pytest.mark.parametrize(
    ("share", "misled", "verdict"),
    [(NONE, None, "holds"), (EVERY, EVERY, "does not hold"), (HALF, HALF, "cannot be told")],
)
def test_the_larger_model_may_draw_samples_too(share: np.ndarray, misled: object, verdict: str) -> None:
    found = world(MIDDLE, pool(4, misled), larger=(larger(MIDDLE, own=theirs(share)),))  # type: ignore[arg-type]
    claims = of(exchanging(found), "small_ahead_of_larger_with_samples")
    assert {claim.subject for claim in claims} == {"against countdown-large with N = 4"}
    assert {claim.verdict for claim in claims} == {verdict}


def bought(claims: list[Claim], on: str) -> int:
    """N of the small model in the claim on this."""
    (told,) = {claim.ahead for claim in claims if claim.on == on}
    return int(told.rpartition(" ")[2])


def test_the_larger_models_own_samples_are_paid_for() -> None:
    """Its four samples cost four answers, and the small model gets what that comes to."""
    tokens = TOKENS / 8
    found = world(MIDDLE, larger=(larger(MIDDLE, tokens, theirs(HALF)),))
    pair = Pair(COUNT[SMALL], COUNT[LARGE], 0.0, 2 * COUNT[LARGE] * tokens)
    budget = pair.budget(22) + 3 * pair.answer_flops
    claims = of(exchanging(found), "small_ahead_of_larger_with_samples")
    assert bought(claims, "all, R = 22") == int(budget / (2 * COUNT[SMALL] * TOKENS)) == 7


def test_the_verifiers_training_is_paid_for() -> None:
    judge = "embedded:countdown-prm"
    found = world(MIDDLE, tokens=TOKENS / 7.8, verifier=judge, details=Details(3.0))
    tuning = tuning_of(found, judge)
    assert tuning is not None
    plain = Pair(COUNT[SMALL], COUNT[LARGE], float(load(judge).parameters), 2 * COUNT[LARGE] * TOKENS / 7.8)
    paid = replace(plain, verifier_tuning=tuning)
    n = [int(pair.budget(0.79) / (2 * COUNT[SMALL] * TOKENS)) for pair in (paid, plain)]
    assert n[0] < n[1] < SAMPLES
    assert bought(of(exchanging(found), "small_ahead_verifier_training_paid", "all"), "all, R = 0.79") == n[0]


def test_without_a_larger_model_nothing_is_exchanged() -> None:
    assert exchanging(world(MIDDLE, larger=())) == []


def two_tasks(first: Pool, second: Pool, right: np.ndarray) -> list:
    one = world(right, replace(first, task="sums"))
    return [one, world(right, replace(second, task="words"))]


def test_a_shared_budget_goes_where_it_gives_most() -> None:
    """On one task every sample is right, on the other one in sixteen: all that can be moved is moved there."""
    sure = Pool(
        "toy", SMALL, names(), np.ones((QUESTIONS, SAMPLES), dtype=bool), scores=np.full((QUESTIONS, SAMPLES), 0.5)
    )
    seldom = pool(1)
    tokens = TOKENS / 40  # so little that equal budgets do not buy the whole pool
    tasks = [world(HARDEST, replace(found, task=name), tokens) for name, found in (("sums", sure), ("words", seldom))]
    claims = over_tasks(tasks)
    shared = of(claims, "shared_budget_ahead")
    assert [claim.on for claim in shared] == [f"all, R = {ratio:g} for each" for ratio in RATIOS]
    assert "holds" in {claim.verdict for claim in shared}
    assert "does not hold" not in {claim.verdict for claim in shared}


@pytest.mark.parametrize(
    ("right", "small", "verdict"),
    [(NONE, EVERY, "holds"), (EVERY, HALF, "does not hold"), (HALF, ~HALF, "cannot be told")],
)
def test_both_tasks_against_the_larger_models(right: np.ndarray, small: np.ndarray, verdict: str) -> None:
    drawn = pool(0)
    drawn.correct[small] = True
    claims = of(over_tasks(two_tasks(drawn, drawn, right)), "small_ahead_over_tasks")
    assert [claim.verdict for claim in claims] == [verdict] * len(RATIOS)
    assert claims[0].questions == 2 * QUESTIONS


def test_pretraining_is_paid_once_for_both_tasks() -> None:
    tasks = [world(HARDEST, replace(pool(1), task=name), TOKENS / 6) for name in ("sums", "words")]
    pair = Pair(COUNT[SMALL], COUNT[LARGE], 0.0, 2 * COUNT[LARGE] * TOKENS / 6)
    half = pair.answer_flops + (pair.budget(0.79) - pair.answer_flops) / 2
    n = half / (2 * COUNT[SMALL] * TOKENS)
    assert 4 <= n < 8 <= pair.budget(0.79) / (2 * COUNT[SMALL] * TOKENS)
    (claim,) = of(over_tasks(tasks), "shared_budget_ahead", "all, R = 0.79")
    assert claim.behind == "an equal one for each (N = 4 and 4)"


def test_where_the_budget_goes_is_chosen_on_other_questions() -> None:
    """Sixteen samples of chance: choosing on the questions that are measured would seem to gain ten points and more."""
    generator = np.random.default_rng(3)
    gains = []
    for number in range(6):
        tasks = []
        for name in ("sums", "words"):
            right = generator.random((QUESTIONS, SAMPLES)) < 0.5
            drawn = Pool("toy", SMALL, names(), right, scores=generator.random(right.shape))
            tasks.append(world(HARDEST, replace(drawn, task=name), settings=replace(FAST, seed=number)))
        gains += [claim.mean for claim in of(over_tasks(tasks), "shared_budget_ahead", "all, R = 22")]
    assert np.mean(gains) < 0.02


def test_two_models_on_one_task_share_nothing() -> None:
    assert over_tasks([world(MIDDLE), world(MIDDLE)]) == []
