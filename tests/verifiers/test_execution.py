"""Running programs: the question's examples, the candidates' own tests, and CodeT's consensus, against counting by hand."""

import itertools

import pytest

from outlay import tasks, verifiers
from outlay.drive.solving import solve
from outlay.errors import UserError
from outlay.models.model import Completion
from outlay.tasks.straight_line import dual_agreement, program_of
from outlay.types import Budget, Question, Score, Solution, Step

QUESTION = Question("q", "x 3 4 y 2 2 > 5 6 |", task="programs")
ADDS = (
    " x + y = a ; test 1 2 > 3",
    " y + x = a ; test 1 2 > 3",
    " x * y = a ; test 1 1 > 1",
    " nonsense",
    " x - y = a",
)


def program(text, finished=True):
    return Solution((Step(text, 5),), finished=finished)


def scores(rule, *texts, question=QUESTION):
    verifier = verifiers.load(f"execution:{rule}")
    verifier.begin(Score(question, tuple(map(program, texts))), None)
    ((_, found),) = verifier.advance()
    return found


def test_given_is_the_share_of_the_questions_own_examples():
    assert scores("given", *ADDS, " x + 2 = a") == [(1.0,), (1.0,), (0.0,), (0.0,), (0.0,), (1.0,)]


def test_it_is_what_the_task_counts():
    task = tasks.load("programs")
    question = task.questions("validation", 1)[0]
    texts = [text.removesuffix("<end>") for _, text in task.demonstrations(20)]
    shown = len(question.metadata["examples"])
    passed = [task.examples_passed(question, text) / shown for text in texts]
    assert [found for (found,) in scores("given", *texts, question=question)] == passed
    assert any(passed)


def test_written_is_the_share_of_the_tests_that_the_candidates_wrote():
    # two different tests: 1 + 2 = 3 and 1 * 1 = 1; x - y fails both, sums pass the first alone, the product the second
    assert scores("written", *ADDS) == [(0.5,), (0.5,), (0.5,), (0.0,), (0.0,)]


def test_consensus_ranks_as_codet_does():
    found = [score for (score,) in scores("consensus", *ADDS)]
    classes, passed = dual_agreement(ADDS, [(3, 2, 5), (4, 2, 6)])
    worth = [classes.count(c) ** 0.5 * p if c >= 0 else 0 for c, p in zip(classes, passed, strict=True)]
    assert found == pytest.approx([w / 5**0.5 / 4 for w in worth])
    assert found[0] == found[1] > found[2] >= 0


def test_a_program_that_has_not_ended_has_no_score():
    verifier = verifiers.load("execution")
    verifier.begin(Score(QUESTION, (program(ADDS[0], finished=False), program(ADDS[0]))), None)
    ((_, found),) = verifier.advance()
    assert found == [(), (1.0,)]


def test_without_tests_nothing_is_known():
    assert scores("written", " x + y = a") == [()]


def test_the_hidden_tests_are_never_looked_at():
    asked = Question("q", QUESTION.text, reference="1 2 3", task="programs")
    assert scores("consensus", *ADDS, question=asked) == scores("consensus", *ADDS)


def test_what_cannot_be_run_is_refused():
    with pytest.raises(UserError, match="nothing that runs the programs of the task 'countdown'"):
        scores("given", "1", question=Question("q", "q", task="countdown"))
    with pytest.raises(UserError, match="without a task"):
        scores("given", "1", question=Question("q", "q"))
    with pytest.raises(UserError, match='did you mean "consensus"'):
        verifiers.load("execution:consenus")


def test_the_refactored_rule_is_the_old_one():
    assert program_of(ADDS[0]) is not None
    assert dual_agreement(ADDS[:3]) == ([0, 0, 1], [1, 1, 1])


def test_best_of_n_by_execution_answers_what_the_examples_show():
    """A model that offers the right program among those of other questions: the hidden tests agree with the examples."""
    task = tasks.load("programs")
    right_ones = (pair for pair in task.demonstrations(80) if task.grade(pair[0], task.extract(pair[1])))
    pairs = list(itertools.islice(right_ones, 12))
    offered = [text.removesuffix("<end>") for _, text in pairs]

    class Offers:
        name = "offers"

        async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
            return [Completion(text, "end", 20, 0, 12) for text in offered[:n]]

    def right(address):
        traces = [
            solve(question, strategy="best_of_n", model=Offers(), verifier=address, budget=Budget(generations=12))
            for question, _ in pairs
        ]
        assert address != "execution" or not any(trace.cost.verifier_prompt_tokens for trace in traces)
        return sum(bool(trace.correct) for trace in traces)

    assert right("execution") >= 11  # an impostor that passes all examples is possible, and rare
    assert right("execution") > right("random:0")
