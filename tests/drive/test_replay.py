import pytest

from outlay.drive.replay import replay
from outlay.errors import Unsupported
from outlay.strategies import BeamSearch, BestOfN, MajorityVote, Revisions, WeightedBestOfN
from outlay.types import Budget, Question, Solution, Step

QUESTION = Question("q", "q")


def recorded(*pairs, chains=False):
    return [
        Solution(
            (Step(answer or "", 10),),
            finished=True,
            answer=answer,
            score=score,
            sample=i,
            chain=7 if chains else 0,
            position=i if chains else 0,
        )
        for i, (answer, score) in enumerate(pairs)
    ]


POOL = recorded(("a", 0.2), ("b", 0.9), ("a", 0.3), ("a", 0.1), (None, 0.99))


def test_samples_are_taken_in_the_given_order_without_replacement():
    found = replay(MajorityVote(), QUESTION, POOL, Budget(generations=3), order=[4, 1, 0, 2, 3])
    assert [s.answer for s in found.choice.candidates] == [None, "b", "a"]


def test_recorded_scores_are_the_verifiers():
    assert replay(BestOfN(), QUESTION, POOL, Budget(generations=5)).choice.answer == "b"
    assert replay(WeightedBestOfN(), QUESTION, POOL, Budget(generations=4)).choice.answer == "b"
    assert replay(MajorityVote(), QUESTION, POOL, Budget(generations=4)).choice.answer == "a"


def test_the_cost_is_what_it_would_have_been():
    cost = replay(BestOfN(), QUESTION, POOL, Budget(generations=3), question_tokens=6).cost
    assert (cost.generations, cost.generated_tokens, cost.prompt_tokens - cost.cached_tokens) == (3, 30, 6)


def test_a_pool_that_is_too_small_is_named():
    with pytest.raises(Unsupported, match="only 5 samples left and 8 are asked for"):
        replay(BestOfN(), QUESTION, POOL, Budget(generations=8))


def test_a_pool_of_whole_solutions_cannot_be_searched():
    with pytest.raises(Unsupported, match="step by step"):
        replay(BeamSearch(), QUESTION, POOL, Budget(generations=4))


def test_a_sample_without_a_score_is_not_given_one():
    with pytest.raises(Unsupported, match="without a verifier's score"):
        replay(BestOfN(), QUESTION, recorded(("a", None)), Budget(generations=1))


def test_a_score_that_the_verifier_did_not_give_is_missing_among_those_it_gave():
    pool = recorded(("a", None), ("b", 0.1), ("a", None))
    found = replay(BestOfN(), QUESTION, pool, Budget(generations=3))
    assert found.choice.answer == "b"
    assert [s.score for s in found.choice.candidates] == [None, 0.1, None]


def test_revisions_follow_their_recorded_chain():
    chain = recorded(("a", None), ("b", None), ("b", None), chains=True)
    found = replay(Revisions(), QUESTION, chain, Budget(generations=3))
    assert [s.answer for s in found.choice.candidates] == ["a", "b", "b"]
    assert found.choice.answer == "b"


def test_a_chain_that_ends_early_is_named():
    with pytest.raises(Unsupported, match="no attempt after position 1 of chain 7"):
        replay(Revisions(), QUESTION, recorded(("a", None), ("b", None), chains=True), Budget(generations=3))


def test_a_token_cap_trims_the_replay():
    found = replay(MajorityVote(), QUESTION, POOL, Budget(generations=5, tokens=25))
    assert found.cost.generated_tokens == 20
