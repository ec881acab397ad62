import pytest

from outlay import models, tasks, verifiers
from outlay.types import Question, Sample, Score, Solution, Step


def all_scores(verifier, question, solutions):
    verifier.begin(Score(question, tuple(solutions)), "tag")
    found = []
    while not verifier.idle:
        found += verifier.advance()
    ((tag, scores),) = found
    assert tag == "tag"
    return scores


@pytest.fixture(scope="module")
def solved():
    task = tasks.load("countdown")
    (question,) = task.questions("validation", 1)
    model = models.load("embedded:countdown-small")
    model.begin(Sample(question, n=40), list(range(40)), None)
    drawn = []
    while not model.idle:
        for _, solutions in model.advance():
            drawn += solutions
    return task, question, drawn


def test_the_oracle_is_right_about_finished_solutions_and_silent_about_others(solved):
    task, question, drawn = solved
    for solution, scores in zip(drawn, all_scores(verifiers.load("oracle:countdown"), question, drawn), strict=True):
        right = solution.finished and task.grade(question, task.extract(solution.text) or "")
        assert scores == (float(right),) * len(solution.steps)
    (half,) = all_scores(verifiers.load("oracle:countdown"), question, [Solution(drawn[0].steps[:1])])
    assert half == (0.5,)


def test_random_scores_depend_on_seed_question_and_text_alone(solved):
    _, question, drawn = solved
    once = all_scores(verifiers.load("random:1"), question, drawn)
    assert once == all_scores(verifiers.load("random:1"), question, drawn[::-1])[::-1]
    assert once != all_scores(verifiers.load("random:2"), question, drawn)
    assert all(0 <= value < 1 for scores in once for value in scores)


def test_a_shipped_verifier_gives_one_probability_a_step(solved):
    _, question, drawn = solved
    scores = all_scores(verifiers.load("embedded:countdown-prm"), question, drawn)
    assert [len(s) for s in scores] == [len(solution.steps) for solution in drawn]
    assert all(0 <= value <= 1 for s in scores for value in s)


def test_scoring_step_by_step_gives_the_bits_of_scoring_at_once(solved):
    _, question, drawn = solved
    verifier = verifiers.load("embedded:countdown-prm")
    whole = all_scores(verifier, question, drawn[:8])
    grown = [Solution() for _ in range(8)]
    for depth in range(1, max(len(s.steps) for s in drawn[:8]) + 1):
        partial = []
        for solution, before in zip(drawn[:8], grown, strict=True):
            ends = depth >= len(solution.steps)
            partial.append(
                Solution(solution.steps[:depth], finished=ends and solution.finished, step_scores=before.step_scores)
            )
        scored = all_scores(verifiers.load("embedded:countdown-prm"), question, partial)
        grown = [s.scored(values, None) for s, values in zip(partial, scored, strict=True)]
    assert [s.step_scores for s in grown] == whole


def test_a_verifier_never_sees_the_reference(solved):
    _, question, drawn = solved
    blind = Question(question.id, question.text)
    verifier = verifiers.load("embedded:countdown-prm")
    assert all_scores(verifier, blind, drawn) == all_scores(verifier, question, drawn)


def test_no_solutions_are_no_scores(solved):
    assert all_scores(verifiers.load("embedded:countdown-prm"), solved[1], []) == []


def test_a_step_carries_its_tokens():
    assert Solution((Step(" a", 2), Step(" b", 3))).tokens == 5
