from typing import Any

import numpy as np
import pytest
from claim_worlds import FAST, QUESTIONS, evidence, names, of, pool, run, verdicts

from outlay.study.claim import Asked
from outlay.study.claims_chains import chaining, changes, real_chains
from outlay.study.details import Attempts, Details
from outlay.study.pools import Chains

HALF = np.arange(QUESTIONS) % 2 == 0
EVEN = np.where(HALF, 0.9, 0.1)
EVERY, NONE = np.ones(QUESTIONS, dtype=bool), np.zeros(QUESTIONS, dtype=bool)
BEST_OF_8 = 1 - 495 / 12870  # 4 of 16 right, and the score finds them: 1 - C(12, 8) / C(16, 8)
VERIFIER = '{"name":"revisions","selection":"verifier"}'


def chain(*attempts: np.ndarray) -> np.ndarray:
    """One chain a question, whose attempts are right on the questions of these masks."""
    return np.stack(attempts, axis=1)[:, None, :]


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [(NONE, EVERY, "holds"), (EVERY, NONE, "does not hold"), (HALF, ~HALF, "cannot be told")],
)
def test_a_later_attempt_against_the_first(first: np.ndarray, last: np.ndarray, verdict: str) -> None:
    chains = Chains("toy", "somebody", names(), chain(first, first, last))
    claims = real_chains(chains, Asked("toy", "somebody", FAST))
    assert verdicts(claims, "later_attempts_better") == [verdict]
    steps = of(claims, "each_step_gains")
    assert [claim.verdict for claim in steps] == ["cannot be told", verdict]
    assert [(claim.ahead, claim.behind) for claim in steps] == [("attempt 2", "attempt 1"), ("attempt 3", "attempt 2")]


def test_only_the_first_four_revisions_are_asked_one_by_one() -> None:
    chains = Chains("toy", "somebody", names(), chain(*[HALF] * 8))
    assert len(of(real_chains(chains, Asked("toy", "somebody", FAST)), "each_step_gains")) == 4


def test_a_single_attempt_says_nothing() -> None:
    assert real_chains(Chains("toy", "somebody", names(), chain(HALF)), Asked("toy", "somebody", FAST)) == []


def test_what_revising_turns_is_counted() -> None:
    """Right, wrong, wrong on the even questions; wrong, wrong, right on the others."""
    found = changes(chain(HALF, NONE, ~HALF))
    assert (found.right_to_wrong, found.wrong_to_right) == (1.0, 25 / 75)
    assert str(found) == "100% of right ones made wrong, 33% of wrong ones right"


def attempted(correct: np.ndarray, chosen: np.ndarray, strategy: str = VERIFIER) -> Details:
    n = int(correct[0].size)
    return Details(1.0, {}, (Attempts(strategy, "embedded:judge", n, correct, chosen),))


@pytest.mark.parametrize(
    ("chosen", "last", "verdict"),
    [(EVERY, NONE, "holds"), (NONE, EVERY, "does not hold"), (HALF, ~HALF, "cannot be told")],
)
def test_choosing_within_a_chain(chosen: np.ndarray, last: np.ndarray, verdict: str) -> None:
    (claim,) = of(chaining(evidence(details=attempted(chain(chosen, last), chosen))), "choosing_over_last_attempt")
    assert (claim.verdict, claim.ahead) == (verdict, "chosen by judge")


def test_the_longest_chains_are_read() -> None:
    short = attempted(chain(EVERY, NONE), EVERY).attempts[0]
    long = attempted(chain(NONE, NONE, EVERY), EVERY).attempts[0]
    claims = chaining(evidence(details=Details(1.0, {}, (short, long))))
    assert verdicts(claims, "later_attempts_better") == ["holds"]
    assert len(of(claims, "choosing_over_last_attempt")) == 1


def split(chains: int, accuracy: object, selection: str = "verifier", n: int = 8) -> Any:
    options = {} if chains == 1 else {"chains": chains}
    return run("revisions", (n,), {n: accuracy}, **options, selection=selection)


@pytest.mark.parametrize(
    ("one", "parallel", "verdict"),
    [(0.9, 0.5, "holds"), (0.5, 0.9, "does not hold"), (EVEN, EVEN[::-1], "cannot be told")],
)
def test_one_chain_against_parallel_samples(one: object, parallel: object, verdict: str) -> None:
    claims = of(chaining(evidence(runs=(split(1, one), split(8, parallel)))), "sequential_over_parallel")
    assert [(claim.on, claim.verdict) for claim in claims] == [("all, N = 8", verdict)]


def test_a_mixture_is_not_parallel() -> None:
    assert of(chaining(evidence(runs=(split(1, 0.9), split(4, 0.5)))), "sequential_over_parallel") == []


@pytest.mark.parametrize(
    ("verifier", "majority", "verdict"),
    [(0.9, 0.5, "holds"), (0.5, 0.9, "does not hold"), (EVEN, EVEN[::-1], "cannot be told")],
)
def test_a_verifier_against_the_majority_of_the_same_attempts(verifier: object, majority: object, verdict: str) -> None:
    runs = (split(2, verifier), split(2, majority, "majority"), split(4, 0.0, "majority"))
    claims = of(chaining(evidence(runs=runs)), "verifier_adds_to_revising")
    assert [(claim.subject, claim.verdict) for claim in claims] == [("2 chains", verdict)]


@pytest.mark.parametrize(
    ("votes", "verdict"),
    [(1.0, "holds"), (0.1, "does not hold"), (np.where(HALF, 1.0, 2 * BEST_OF_8 - 1), "cannot be told")],
)
def test_the_majority_of_revisions_against_a_verifier_among_samples(votes: object, verdict: str) -> None:
    claims = chaining(evidence(runs=(split(1, votes, "majority"),)))
    (claim,) = of(claims, "majority_of_revisions_over_samples")
    assert claim.verdict == verdict


def test_parallel_samples_are_no_revisions() -> None:
    claims = chaining(evidence(runs=(split(8, 1.0, "majority"),)))
    assert of(claims, "majority_of_revisions_over_samples") == []


@pytest.mark.parametrize(
    ("reading", "alone", "verdict"),
    [(0.9, 0.5, "holds"), (0.5, 0.9, "does not hold"), (EVEN, EVEN[::-1], "cannot be told")],
)
def test_a_verifier_that_reads_earlier_attempts(reading: object, alone: object, verdict: str) -> None:
    from outlay.study.rescoring import Rescored

    other = Rescored("embedded:halving-orm", pool(), None, (split(1, alone),))
    found = evidence(verifier="embedded:halving-orm-history", runs=(split(1, reading),), rescored=(other,))
    claims = of(chaining(found), "reading_earlier_attempts_helps")
    assert [(claim.subject, claim.verdict) for claim in claims] == [("1 chain", verdict)]
    swapped = evidence(verifier="embedded:halving-orm", runs=(split(1, reading),), rescored=(other,))
    assert of(chaining(swapped), "reading_earlier_attempts_helps") == []
