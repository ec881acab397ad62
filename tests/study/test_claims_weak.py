from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from claim_worlds import EASY, FAST, QUESTIONS, SAMPLES, evidence, names, of, pool, run
from size_worlds import COUNT, HALF, LARGE, SMALL, TOKENS, price, world

from outlay.study.claims_weak import between_strengths, by_verifier, trained, training_part, weakly, without
from outlay.study.details import Details
from outlay.study.evidence import Evidence
from outlay.study.pools import Bools, Pool
from outlay.study.rescoring import Rescored
from outlay.study.training import training_of
from outlay.verifiers import load

EVERY, NONE = np.ones(QUESTIONS, dtype=bool), np.zeros(QUESTIONS, dtype=bool)
THREE = [(EVERY, NONE, "holds"), (NONE, EVERY, "does not hold"), (HALF, ~HALF, "cannot be told")]


def scored(finds: Bools, model: str = "small") -> Pool:
    """Four of sixteen samples are right; the scores find them on these questions, and are misled on the others."""
    drawn = pool()
    return replace(drawn, model=model, scores=np.where(drawn.correct == finds[:, None], 0.8, 0.2))


def voting(finds: Bools, votes: Bools, model: str = "small") -> Pool:
    """Answers can vote: on the questions of `votes` the right one has a majority, but it takes a verifier on the others."""
    right = np.arange(SAMPLES)[None, :] < np.where(votes, 10, 6)[:, None]
    scores = np.where(right == finds[:, None], 0.9, 0.1)
    return Pool("toy", model, names(), right, np.where(right, 0, 1), scores, can_vote=True)


def test_without_a_verifier_there_is_majority_or_one_sample() -> None:
    name, table = without(evidence(pool=scored(EVERY)))
    assert name == "one sample"
    assert np.allclose(table, 4 / 16)
    name, table = without(evidence(pool=voting(EVERY, HALF)))
    assert name == "majority"
    assert table[HALF, -1].tolist() == [1.0] * 25 and table[~HALF, -1].tolist() == [0.0] * 25


@pytest.mark.parametrize(
    ("finds", "votes", "verdict"),
    [(EVERY, NONE, "holds"), (NONE, EVERY, "does not hold"), (HALF, ~HALF, "cannot be told")],
)
def test_a_verifier_against_the_majority(finds: Bools, votes: Bools, verdict: str) -> None:
    claims = of(weakly(evidence(pool=voting(finds, votes))), "verifier_over_majority")
    assert [claim.on for claim in claims] == [f"{where}, N = 16" for where in ("all", "easy (oracle)", "hard (oracle)")]
    assert [claim.verdict for claim in claims] == [verdict] * 3


def test_a_constant_verifiers_weighted_vote_is_the_majority_exactly() -> None:
    drawn = voting(EVERY, HALF)
    constant = replace(drawn, scores=np.full(drawn.correct.shape, 1.0))
    found = evidence(pool=drawn, rescored=(Rescored("constant", constant),))
    (_, _, _), (name, table, _) = by_verifier(found)
    assert name == "constant"
    majority = without(found)[1]
    assert np.array_equal(table[:, -1], majority[:, -1])  # of the whole pool there is one order of votes
    assert np.abs(table.mean(axis=0) - majority.mean(axis=0)).max() < 0.02  # smaller N are simulated
    claims = [claim for claim in of(weakly(found), "verifier_over_majority") if claim.subject == "constant"]
    assert [(claim.mean, claim.differing, claim.verdict) for claim in claims] == [(0.0, 0, "cannot be told")] * 3


@pytest.mark.parametrize(("good", "weak", "verdict"), THREE)
def test_the_good_verifier_against_a_weak_one(good: Bools, weak: Bools, verdict: str) -> None:
    found = evidence(pool=scored(good), rescored=(Rescored("embedded:weak", scored(weak)),))
    claims = of(weakly(found), "good_verifier_over_weak")
    assert [(claim.ahead, claim.behind, claim.verdict) for claim in claims] == [("judge", "weak", verdict)]


@pytest.mark.parametrize(
    ("finds", "right", "verdict"),
    [(EVERY, NONE, "holds"), (NONE, EVERY, "does not hold"), (HALF, HALF, "cannot be told")],
)
def test_the_exchange_by_a_weak_verifier(finds: Bools, right: Bools, verdict: str) -> None:
    weak = Rescored("random:1", scored(finds, SMALL), price(SMALL))
    claims = of(weakly(world(right, scored(EVERY), rescored=(weak,))), "small_ahead_with_any_verifier")
    assert claims
    assert {claim.verdict for claim in claims} == {verdict}
    assert {claim.subject for claim in claims} == {"random:1 against countdown-large"}


def test_the_exchange_without_a_verifier_is_by_majority() -> None:
    weak = Rescored("random:1", voting(EVERY, EVERY, SMALL), price(SMALL))
    found = world(HALF, voting(EVERY, EVERY), rescored=(weak,))
    subjects = {claim.subject for claim in of(weakly(found), "small_ahead_with_any_verifier")}
    assert subjects == {"random:1 against countdown-large", "majority, no verifier against countdown-large"}
    assert load("random:1").parameters == 0 and COUNT[SMALL] > 0


def ladder(small: Bools, large: Bools) -> list[Evidence]:
    def one(model: str, finds: Bools) -> Evidence:
        return evidence(pool=scored(finds, model), flops=price(model, TOKENS), verifier="random:0")

    return [one(LARGE, large), one(SMALL, small)]


@pytest.mark.parametrize(("small", "large", "verdict"), THREE)
def test_whose_gain_it_is(small: Bools, large: Bools, verdict: str) -> None:
    claims = between_strengths(ladder(small, large))
    gain = of(claims, "gain_is_the_weak_models")
    assert [claim.on.partition(" ")[0].rstrip(",") for claim in gain] == ["all", "easy", "middle", "hard"]
    assert gain[0].verdict == verdict
    assert gain[0].ahead == "gain of countdown-small"


@pytest.mark.parametrize(
    ("large", "verdict"), [(EVERY, "holds"), (NONE, "does not hold"), (np.arange(QUESTIONS) % 4 == 0, "cannot be told")]
)
def test_whether_the_largest_gains(large: Bools, verdict: str) -> None:
    """One sample in four is right; on a quarter of the questions the verifier is right, on the others wrong."""
    claims = of(between_strengths(ladder(EVERY, large)), "large_model_gains_too")
    assert claims[0].verdict == verdict
    assert claims[0].behind == "one sample"


WEAK, MIDDLING, FULL = (f"embedded:arithmetic-prm{name}" for name in ("-weak", "-middling", ""))


@pytest.mark.parametrize(("more", "less", "verdict"), THREE)
def test_more_training_of_a_verifier(more: Bools, less: Bools, verdict: str) -> None:
    rescored = (
        Rescored(MIDDLING, scored(less)),
        Rescored("random:0", scored(NONE)),
        Rescored("embedded:arithmetic-orm", scored(NONE)),
    )
    found = evidence(pool=tokened(scored(more)), verifier=FULL, rescored=rescored)
    (claim,) = of(trained([found]), "more_training_chooses_better")
    assert (claim.ahead, claim.behind, claim.verdict) == ("arithmetic-prm", "arithmetic-prm-middling", verdict)


def test_a_verifier_of_another_kind_does_not_stand_between_two_of_one() -> None:
    """By its FLOPs the outcome verifier lies between the process verifiers, which are compared with each other all the same."""
    rescored = (Rescored(WEAK, scored(NONE)), Rescored("embedded:arithmetic-orm", scored(NONE)))
    found = evidence(pool=tokened(scored(EVERY)), verifier=FULL, rescored=rescored, details=Details(4.0))
    (told,) = training_part([found])
    assert [point["name"] for point in told["points"]] == ["arithmetic-prm-weak", "arithmetic-orm", "arithmetic-prm"]
    (claim,) = of(trained([found]), "more_training_chooses_better")
    assert (claim.ahead, claim.behind) == ("arithmetic-prm", "arithmetic-prm-weak")


def tokened(found: Pool) -> Pool:
    return replace(found, tokens=np.full(found.correct.shape, 20))


@pytest.mark.parametrize(("more", "less", "verdict"), THREE)
def test_more_training_of_a_reviser(more: Bools, less: Bools, verdict: str) -> None:
    def reviser(model: str, accuracy: Bools) -> Evidence:
        revisions = run("revisions", (4,), {4: accuracy}, selection="majority")
        return Evidence(replace(evidence(runs=(revisions,)).found, pool=replace(pool(), model=model)), FAST)

    both = [reviser("embedded:halving-reviser", more), reviser("embedded:halving-reviser-early", less)]
    (claim,) = of(trained(both), "more_training_chooses_better")
    assert (claim.ahead, claim.behind, claim.verdict) == ("halving-reviser", "halving-reviser-early", verdict)


def test_accuracy_stands_against_the_flops_of_training() -> None:
    rescored = (Rescored("random:0", scored(NONE)), Rescored(WEAK, scored(EASY)), Rescored(MIDDLING, scored(EVERY)))
    (told,) = training_part([evidence(pool=tokened(scored(EVERY)), verifier=FULL, rescored=rescored)])
    assert [point["name"] for point in told["points"]] == [
        "arithmetic-prm-weak",
        "arithmetic-prm-middling",
        "arithmetic-prm",
        "random:0",
    ]
    record = training_of(WEAK, 20.0)
    assert record is not None
    assert told["points"][0]["flops"] == record.flops
    assert told["points"][0]["accuracy"]["mean"] == pytest.approx(0.4)
    assert told["points"][-1]["flops"] is None
    assert (told["without"]["name"], told["without"]["mean"]) == ("one sample", 0.25)


def test_one_verifier_alone_is_no_curve() -> None:
    assert training_part([evidence()]) == []
    nothing: Any = evidence(pool=replace(pool(), scores=None))
    assert weakly(nothing) == []
