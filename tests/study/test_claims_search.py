from dataclasses import replace

import numpy as np
import pytest
from claim_worlds import QUESTIONS, SAMPLES, evidence, of, pool, run, verdicts

from outlay.study.claims_search import searching
from outlay.study.details import Details
from outlay.study.pools import Pool
from outlay.study.rescoring import Rescored

HALF = np.arange(QUESTIONS) % 2 == 0


@pytest.mark.parametrize(
    ("beam", "ahead", "verdict"),
    [(0.9, 0.5, "holds"), (0.5, 0.9, "does not hold"), (HALF, ~HALF, "cannot be told")],
)
def test_lookahead_at_the_budget_that_both_have(beam: object, ahead: object, verdict: str) -> None:
    runs = (run("beam_search", (4, 16), {4: 0.0, 16: beam}), run("lookahead", (16,), {16: ahead}))
    (claim,) = of(searching(evidence(runs=runs)), "beam_over_lookahead")
    assert (claim.on, claim.verdict) == ("all, N = 16", verdict)


def test_lookahead_is_compared_with_beams_of_its_own_width() -> None:
    runs = (
        run("beam_search", (16,), {16: 0.9}, width=2),
        run("beam_search", (16,), {16: 0.9}),
        run("lookahead", (16,), {16: 0.5}),
    )
    assert len(of(searching(evidence(runs=runs)), "beam_over_lookahead")) == 1


def scored(found: Pool, right_on: np.ndarray) -> Pool:
    """Scores that find the right samples of these questions, and mistake wrong ones for right in the others."""
    scores = np.where(found.correct == right_on[:, None], 0.8, 0.2)
    return replace(found, scores=scores)


EVERY, NONE = np.ones(QUESTIONS, dtype=bool), np.zeros(QUESTIONS, dtype=bool)


@pytest.mark.parametrize(
    ("process", "outcome", "verdict"),
    [(EVERY, NONE, "holds"), (NONE, EVERY, "does not hold"), (HALF, ~HALF, "cannot be told")],
)
def test_a_process_verifier_against_an_outcome_verifier(process: np.ndarray, outcome: np.ndarray, verdict: str) -> None:
    drawn = pool()
    weak = Rescored("embedded:arithmetic-orm", scored(drawn, outcome))
    claims = searching(evidence(pool=scored(drawn, process), verifier="embedded:arithmetic-prm", rescored=(weak,)))
    assert verdicts(claims, "process_over_outcome") == [verdict] * 2
    assert [claim.on for claim in of(claims, "process_over_outcome")] == ["all, N = 4", f"all, N = {SAMPLES}"]
    if verdict != "cannot be told":  # the good one comes nearer to certain, the bad one to never
        assert verdicts(claims, "process_lead_grows") == [verdict]


def test_two_process_verifiers_are_no_such_pair() -> None:
    weak = Rescored("embedded:arithmetic-prm-weak", pool())
    claims = searching(evidence(verifier="embedded:arithmetic-prm", rescored=(weak,)))
    assert of(claims, "process_over_outcome") == []


@pytest.mark.parametrize(
    ("last", "mean", "verdict"),
    [(EVERY, NONE, "holds"), (NONE, EVERY, "does not hold"), (HALF, ~HALF, "cannot be told")],
)
def test_the_last_step_against_other_aggregations(last: np.ndarray, mean: np.ndarray, verdict: str) -> None:
    drawn = pool()
    every = {"last": scored(drawn, last), "min": scored(drawn, last), "prod": scored(drawn, last)}
    details = Details(3.0, {**every, "mean": scored(drawn, mean)})
    found = of(searching(evidence(details=details)), "last_step_ahead")
    assert [claim.subject.rpartition(" ")[2] for claim in found] == ["min", "prod", "mean"]
    assert [claim.verdict for claim in found] == ["cannot be told"] * 2 + [verdict]
    assert found[0].differing == 0


def test_an_outcome_verifier_has_no_steps_to_aggregate() -> None:
    details = Details(3.0, dict.fromkeys(("last", "min", "prod", "mean"), pool()))
    claims = searching(evidence(details=details, verifier="embedded:arithmetic-orm"))
    assert of(claims, "last_step_ahead") == []
