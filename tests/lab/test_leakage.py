"""No question that is measured is read in training, in whatever form; and a leak that is put there is found."""

from dataclasses import replace

import pytest

from outlay import models, tasks, verifiers
from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.lab.leakage import SAMENESS, common, first_seen, leakage, leaks, shown
from outlay.lab.recipes import (
    FAMILIES,
    POLICIES,
    RECIPES,
    PolicyRecipe,
    RevisionRecipe,
    StarRecipe,
    VerifierRecipe,
    made_by,
)
from outlay.models.embedded.backend import Card
from outlay.strategies import BestOfN
from outlay.types import Budget, Question, Score

QUICK = 3000
STAR = StarRecipe("star", "countdown", "countdown-small", "train", 500, 4, 10, 100, 1e-3)
RECALL = PolicyRecipe("recall", "knowledge", "small", 20_000, 10, 100, 1e-3)
JUDGES = [
    name for recipe in RECIPES for name in made_by(recipe) if Card.load(models.embedded_folder(name)).role != "policy"
]


def test_every_family_says_what_makes_two_questions_the_same():
    assert set(FAMILIES) <= set(SAMENESS)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_that_is_measured_is_read_in_training(family):
    found = leakage(family, most=1000 if family == "programs" else QUICK)  # its questions take longest to draw
    assert leaks({family: found}) == 0
    read = {model for reading in found["training"] for model in reading["models"]}
    assert read == {name for recipe in RECIPES if recipe.task == family for name in made_by(recipe)}


def test_training_on_test_questions_is_found():
    found = leakage("countdown", recipes=[STAR, replace(STAR, name="cheat", split="test")])
    by_model = {reading["models"][0]: reading for reading in found["training"]}
    assert by_model["star"]["in_test"] == 0
    assert by_model["cheat"]["in_test"] == 500
    assert leaks({"countdown": found}) == 500
    assert "cheat: 500 questions of test, of which 0 are in validation and 500 in test" in shown({"countdown": found})


def test_an_exchanged_operand_is_found_where_it_was_read():
    form = SAMENESS["arithmetic"].form
    measured, taught, other = (
        form(Question("q", text)) for text in ("( ( 2 + 3 ) - 4 ) |", "( ( 3 + 2 ) - 4 ) |", "( 4 - ( 2 + 3 ) ) |")
    )
    seen = first_seen([other, taught], {measured})
    assert [common([measured], seen, read) for read in (1, 2)] == [0, 1]


def test_another_order_of_numbers_is_the_same_question():
    form = SAMENESS["countdown"].form
    numbers = ([4, 7, 2], [2, 4, 7], [2, 4, 8])
    first, second, other = (form(Question("q", "", metadata={"numbers": n, "target": 13})) for n in numbers)
    assert first == second != other


def test_a_program_written_otherwise_is_the_same_question():
    programs = tasks.load("programs")
    found = {
        programs.extract(text)
        for text in (" x + y = a ; a * 2 = b", " y + x = c ; 2 * c = a", " x + x = b ; b + y = a")
    }
    assert len(found) == 2


def test_only_recall_may_be_taught_what_it_is_asked():
    found = leakage("knowledge", recipes=[RECALL])
    assert found["training"][0]["in_test"] > 200
    assert leaks({"knowledge": found}) == 0
    other = VerifierRecipe("orm", "knowledge", "recall", "self_channel", 0, 8, 0, 1000, 10, 8, 1e-3, 1e-3)
    found = leakage(
        "knowledge",
        recipes=[other, RevisionRecipe("r", "knowledge", "recall", "orm", "test", 100, 8, 1, 4, 64, 1, 1, 1e-3, 1)],
    )
    assert [reading["in_test"] for reading in found["training"]] == [0, 100]
    assert leaks({"knowledge": found}) == 100


@pytest.mark.parametrize("name", JUDGES)
def test_a_verifier_cannot_see_the_reference(name):
    """The same scores whatever the reference says, on solutions drawn from the policy."""
    family = Card.load(models.embedded_folder(name)).task
    drawn_from = next(recipe.name for recipe in POLICIES if recipe.task == family)
    task, policy = tasks.load(family), models.load(f"embedded:{drawn_from}")
    asked = task.questions("validation", 4)
    units = (Unit(question, BestOfN(), Budget(generations=4), 0) for question in asked)
    traces = {
        trace.question.id: trace for trace in BatchingDriver(task, policy, verifiers.load("random:0")).solve(units)
    }

    def scores(change):
        judge, found = verifiers.load(f"embedded:{name}"), {}
        for question in asked:
            bare = tuple(replace(solution, step_scores=()) for solution in traces[question.id].solutions)
            judge.begin(Score(change(question), bare), question.id)
        while not judge.idle:
            found |= dict(judge.advance())
        return found

    plain = scores(lambda question: question)
    assert len(plain) == 4 and any(values for values in plain.values())
    assert scores(lambda question: replace(question, reference="1", metadata={}, id="x")) == plain
