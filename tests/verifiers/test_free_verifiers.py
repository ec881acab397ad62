"""Verifiers that read nothing: agreement, the proposer's log-probability, a constant."""

import asyncio
import math

import numpy as np
import pytest

from outlay import verifiers
from outlay.curves import majority_at_k
from outlay.curves.weighted import weighted_with_error
from outlay.errors import UserError
from outlay.selection import majority, weighted
from outlay.strategies import BestOfN, MajorityVote, WeightedBestOfN
from outlay.types import Question, Score, Solution, Step
from toy import solve

QUESTION = Question("q", "q")


def scores(address, *solutions):
    return asyncio.run(verifiers.load(address).score(QUESTION, list(solutions)))


@pytest.mark.parametrize("address", ["constant", "constant:0.5", "constant:0.3"])
def test_a_weighted_vote_by_a_constant_is_majority_exactly(address):
    for seed in range(20):
        plain = solve(MajorityVote(), n=9, questions=4, seed=seed)
        voted = solve(WeightedBestOfN(), n=9, questions=4, seed=seed, verifier=verifiers.load(address))
        for one, other in zip(plain, voted, strict=True):
            answers = [solution.answer for solution in one.solutions]
            assert [solution.answer for solution in other.solutions] == answers
            for tie in (0.0, 0.3, 0.6, 0.9):
                assert weighted(other.solutions, tie).answer == majority(one.solutions, tie).answer
            most = max(map(answers.count, answers))
            assert answers.count(one.answer) == answers.count(other.answer) == most


def test_so_are_their_curves():
    rng = np.random.default_rng(0)
    answers, correct = rng.integers(-1, 4, (30, 12)), rng.random((30, 12)) < 0.4
    ks = [1, 2, 3, 7, 12]
    for value in (0.2, 1.0):
        voted = weighted_with_error(correct, answers, np.full(answers.shape, value), ks)
        assert np.array_equal(voted.values, majority_at_k(correct, answers, ks))
        assert not voted.mean_error.any()
    uneven = np.where(rng.random(answers.shape) < 0.5, 0.2, 0.9)
    assert weighted_with_error(correct, answers, uneven, ks).mean_error.any()


def test_so_it_is_with_every_tie():
    answers = ["a", "b", "b", "c", "a", None]
    solutions = [Solution(answer=answer, step_scores=(0.3,), score=0.3) for answer in answers]
    for tie in (0.0, 0.49, 0.5, 0.99):
        assert weighted(solutions, tie).answer == majority(solutions, tie).answer


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "nan", "much"])
def test_a_constant_is_a_score_that_counts(value):
    with pytest.raises(UserError, match="constant"):
        verifiers.load(f"constant:{value}")


def test_agreement_is_the_share_of_the_candidates():
    given = [Solution(answer=answer) for answer in ("4", "5", "4", None)]
    assert scores("agreement", *given) == [(0.5,), (0.25,), (0.5,), ()]


def test_best_of_n_by_agreement_takes_a_most_frequent_answer():
    for trace in solve(BestOfN(), n=8, questions=6, verifier=verifiers.load("agreement")):
        counts = [sum(s.answer == other.answer for s in trace.solutions) for other in trace.solutions]
        assert counts[trace.chosen] == max(counts)


def test_logprob_is_the_mean_probability_of_a_token():
    short, long = (
        Solution((Step("a", 1, math.log(0.5)),)),
        Solution((Step("a", 2, 2 * math.log(0.5)), Step("b", 2, 0.0))),
    )
    assert scores("logprob", short, long) == [(pytest.approx(0.5),), (pytest.approx(0.5), pytest.approx(0.5**0.5))]


def test_without_log_probabilities_there_is_no_confidence():
    assert scores("logprob", Solution((Step("a", 1, None),)), Solution()) == [(), ()]


def test_what_is_free_is_charged_nothing():
    for address in ("agreement", "logprob", "constant"):
        (trace,) = solve(BestOfN(), n=4, verifier=verifiers.load(address))
        assert trace.cost.verifier_prompt_tokens == 0
        assert trace.cost.calls == 2


def test_they_serve_the_engine_driver_as_the_awaited_one():
    solutions = (Solution(answer="1", finished=True), Solution(answer="2", finished=True))
    for address in ("agreement", "constant:0.5", "random:3"):
        verifier = verifiers.load(address)
        verifier.begin(Score(QUESTION, solutions), "tag")
        assert verifier.advance() == [("tag", scores(address, *solutions))]
