"""A shipped reviser revises, run by the product's own strategy on questions that no training saw; Countdown's does not gain."""

import json
from pathlib import Path

import pytest

import outlay
from outlay import models, tasks, verifiers
from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.lab.revising import check_outcome_verifier, drafts_compared, drawn_chains
from outlay.strategies import Revisions
from outlay.types import Budget, Score

WEIGHTS = Path(outlay.__file__).parent / "lab" / "weights"
HALVING = tasks.load("halving")


@pytest.fixture(scope="module")
def chains():
    """Chains of eight attempts of the shipped reviser, and the questions."""
    questions = HALVING.questions("validation", 120, seed=1)
    return drawn_chains("halving-reviser", None, HALVING, questions, 1, 8, 0), questions


def test_each_of_the_first_two_steps_gains_and_the_end_is_far_above_the_start(chains):
    right = chains[0].correct.mean(axis=(0, 1))
    assert right[0] < right[1] < right[2]
    assert right[7] - right[0] > 0.2


def test_an_own_wrong_draft_helps_and_another_questions_does_not(chains):
    found = drafts_compared("halving-reviser", HALVING, chains[1], chains[0], 0)
    assert found["own_less_none"].low > 0
    assert found["draft_of_another_question"].mean < found["own_wrong_draft"].mean


def test_engine_reproduces_the_card_of_the_reviser(chains):
    card = json.loads((WEIGHTS / "halving-reviser" / "outlay.json").read_text(encoding="utf-8"))
    known = [figure["mean"] for figure in card["validation"]["position_accuracy"]]
    assert chains[0].correct.mean(axis=(0, 1)).tolist() == pytest.approx(known, abs=0.13)


def test_earlier_attempts_are_paid_for_as_prompt():
    question = HALVING.questions("validation", 1)[0]
    driver = BatchingDriver(HALVING, models.load("embedded:halving-reviser"))
    (trace,) = driver.solve([Unit(question, Revisions(), Budget(generations=6))])
    asked, written = 13, [solution.tokens for solution in trace.solutions]
    in_view = [sum(written[max(0, position - 4) : position]) for position in range(6)]
    assert trace.cost.prompt_tokens == sum(asked + seen for seen in in_view)
    assert trace.cost.cached_tokens == 0
    assert trace.cost.generated_tokens == sum(written)


def test_the_outcome_verifier_tells_right_attempts_from_wrong_ones_of_a_question():
    asked = HALVING.questions("validation", 100, seed=2)
    found = check_outcome_verifier("halving-orm", "halving-reviser", HALVING, asked, 0)
    assert found["auc_within_question"]["mean"] > 0.75


def test_on_countdown_later_attempts_are_right_less_often_than_the_first():
    asked = tasks.load("countdown").questions("validation", 150, seed=1)
    right = drawn_chains("countdown-reviser", None, tasks.load("countdown"), asked, 1, 5, 0).correct.mean(axis=(0, 1))
    assert right[1:].mean() < right[0]


def test_the_verifier_with_history_reads_the_attempts_before_and_the_plain_one_does_not():
    question = HALVING.questions("validation", 1, seed=3)[0]
    drawn = drawn_chains("halving-reviser", None, HALVING, [question], 1, 3, 0).attempts[0]
    scores = {}
    for name in ("halving-orm", "halving-orm-history"):
        verifier = verifiers.load(f"embedded:{name}")
        for attempts in ((), (drawn[:2],), (drawn[1:2],)):
            verifier.begin(Score(question, drawn[2:], attempts), len(attempts and attempts[0]))
        while not verifier.idle:
            for seen, found in verifier.advance():
                scores[name, seen] = found
    assert scores["halving-orm", 0] == scores["halving-orm", 1] == scores["halving-orm", 2]
    assert len({tuple(map(tuple, scores["halving-orm-history", seen])) for seen in (0, 1, 2)}) == 3


def test_what_a_verifier_reads_of_earlier_attempts_is_paid_for():
    question = HALVING.questions("validation", 1)[0]
    read = {}
    for name in ("halving-orm", "halving-orm-history"):
        driver = BatchingDriver(HALVING, models.load("embedded:halving-reviser"), verifiers.load(f"embedded:{name}"))
        (trace,) = driver.solve([Unit(question, Revisions(selection="verifier"), Budget(generations=3))])
        read[name] = trace.cost.verifier_prompt_tokens
    written = {(s.position, s.text, s.tokens) for s in trace.solutions}
    assert len(written) == 3
    assert read["halving-orm-history"] > read["halving-orm"]


def test_reading_the_attempts_before_makes_the_better_verifier():
    asked = HALVING.questions("validation", 100, seed=2)
    plain, reading = (
        check_outcome_verifier(name, "halving-reviser", HALVING, asked, 0)["auc_within_question"]["mean"]
        for name in ("halving-orm", "halving-orm-history")
    )
    assert reading > plain
