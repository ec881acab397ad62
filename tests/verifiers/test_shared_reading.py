"""The engine of a verifier reads just what the ledger charges, whatever the strategy."""

import pytest

from outlay import models, tasks, verifiers
from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.strategies import DVTS, BeamSearch, BestOfN, Lookahead, ParticleFilter, Rebase, TreeSearch
from outlay.types import Budget, Score, Solution

SEARCHES = [
    BestOfN(),
    BeamSearch(),
    BeamSearch(width=1),
    Lookahead(width=2),
    DVTS(),
    Rebase(),
    ParticleFilter(),
    TreeSearch(),
]


@pytest.mark.parametrize("family", ["countdown", "arithmetic"])
@pytest.mark.parametrize("strategy", SEARCHES, ids=repr)
def test_only_new_steps_are_read(family, strategy):
    task = tasks.load(family)
    model, verifier = models.load(f"embedded:{family}-small"), verifiers.load(f"embedded:{family}-prm")
    units = [Unit(question, strategy, Budget(generations=8)) for question in task.questions("validation", 5)]
    traces = list(BatchingDriver(task, model, verifier).solve(units))
    charged = sum(trace.cost.verifier_prompt_tokens for trace in traces)
    assert verifier._engine.counters.tokens_read == charged > 0


@pytest.mark.parametrize("strategy", SEARCHES, ids=repr)
def test_the_model_reads_a_question_once_and_of_a_prefix_its_last_token(strategy):
    task, model = tasks.load("countdown"), models.load("embedded:countdown-small")
    questions = task.questions("validation", 5)
    continued = set()
    begin = model.begin

    def watch(request, keys, tag):
        if request.prefix is not None:
            continued.add((request.question.id, request.prefix.state))
        begin(request, keys, tag)

    model.begin = watch
    driver = BatchingDriver(task, model, verifiers.load("embedded:countdown-prm"))
    list(driver.solve([Unit(question, strategy, Budget(generations=8)) for question in questions]))
    read = sum(model.question_tokens(question) for question in questions) + len(continued)
    assert model._engine.counters.tokens_read == read


def drained(verifier):
    found = {}
    while not verifier.idle:
        found |= dict(verifier.advance())
    return found


def test_requests_that_come_together_share_their_reading():
    task, model = tasks.load("countdown"), models.load("embedded:countdown-small")
    (question,) = task.questions("validation", 1)
    driver = BatchingDriver(task, model, verifiers.load("embedded:countdown-prm"))
    (trace,) = driver.solve([Unit(question, BestOfN(), Budget(generations=12))])
    drawn = [Solution(s.steps, s.finished) for s in trace.solutions]
    together, alone = verifiers.load("embedded:countdown-prm"), verifiers.load("embedded:countdown-prm")
    for tag in range(3):
        together.begin(Score(question, tuple(drawn)), tag)
    found = drained(together)
    assert together._engine.counters.tokens_read == trace.cost.verifier_prompt_tokens
    expected = []
    for solution in drawn:
        alone.begin(Score(question, (solution,)), "one")
        expected += drained(alone)["one"]
    assert found == dict.fromkeys(range(3), expected)


def test_values_that_are_known_are_not_asked_for_again():
    task = tasks.load("countdown")
    (question,) = task.questions("validation", 1)
    model, verifier = models.load("embedded:countdown-small"), verifiers.load("embedded:countdown-prm")
    driver = BatchingDriver(task, model, verifier)
    (trace,) = driver.solve([Unit(question, BestOfN(), Budget(generations=3))])
    known = [s.scored((0.123, *s.step_scores[1:-1]), None) for s in trace.solutions if len(s.steps) > 1]
    assert known
    fresh = verifiers.load("embedded:countdown-prm")
    fresh.begin(Score(question, (*known, *trace.solutions)), "tag")
    scores = drained(fresh)["tag"]
    expected = {s.text: s.step_scores for s in trace.solutions}
    assert scores[: len(known)] == [(0.123, *expected[s.text][1:]) for s in known]
    assert scores[len(known) :] == [s.step_scores for s in trace.solutions]
