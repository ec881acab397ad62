import pytest

from outlay.errors import UserError
from outlay.strategies import Revisions
from outlay.types import Budget, Question, Score, Solution, Step
from toy import by_hand, samples, scores

QUESTION = Question("q", "q")


def numbered(answers, value=lambda solution: 0.5):
    """Attempts carry the answers of the list, in order of asking."""
    given = iter(answers)

    def answer(request):
        if isinstance(request, Score):
            return [(value(solution),) for solution in request.solutions]
        return [Solution((Step(f" {text}", 1),), finished=True, answer=text) for text in [next(given)]]

    return answer


@pytest.mark.parametrize(
    ("n", "chains", "lengths"),
    [(8, 1, [8]), (8, 2, [4, 4]), (8, 8, [1] * 8), (8, 16, [1] * 8), (10, 4, [3, 3, 2, 2]), (16, "sqrt", [4] * 4)],
)
def test_the_budget_is_chains_times_length(n, chains, lengths):
    choice, _ = by_hand(Revisions(chains=chains).solve(QUESTION, Budget(generations=n)), numbered(map(str, range(n))))
    found = [sum(s.chain == chain for s in choice.candidates) for chain in range(len(lengths))]
    assert found == lengths


def test_an_attempt_sees_the_newest_four_of_its_own_chain():
    _, asked = by_hand(Revisions(chains=1).solve(QUESTION, Budget(generations=7)), numbered("abcdefg"))
    seen = [[a.answer for a in request.attempts] for request in samples(asked)]
    assert seen == [[], ["a"], ["a", "b"], ["a", "b", "c"], list("abcd"), list("bcde"), list("cdef")]


def test_without_a_verifier_the_majority_is_taken_over_all_attempts_at_once():
    answers = ["x", "x", "y", "y", "z", "y"]  # chain 0: x x y, chain 1: y z y
    choice, _ = by_hand(Revisions(chains=2).solve(QUESTION, Budget(generations=6)), numbered(answers))
    assert choice.answer == "y"


def test_with_a_verifier_the_selection_is_hierarchical():
    # chain 0: three x of 0.4 beat one y of 0.9 within the chain; across chains its winner (0.4) loses to chain 1's (0.8)
    value = {"x": 0.4, "y": 0.9, "w": 0.8, "v": 0.1}
    answers = ["x", "x", "x", "y", "w", "v", "v", "v"]
    strategy = Revisions(chains=2, selection="verifier")
    choice, _ = by_hand(strategy.solve(QUESTION, Budget(generations=8)), numbered(answers, lambda s: value[s.answer]))
    assert choice.answer == "w"
    assert len(choice.candidates) == 8


def test_a_verifier_is_shown_what_each_attempt_was_shown():
    strategy = Revisions(chains=2, context=2, selection="verifier")
    _, asked = by_hand(strategy.solve(QUESTION, Budget(generations=8)), numbered("abcdefgh"))
    drawn = [[before.answer for before in request.attempts] for request in samples(asked)]
    judged = [[before.answer for before in seen] for request in scores(asked) for seen in request.attempts]
    assert judged == drawn
    assert drawn[:4] == [[], ["a"], ["a", "b"], ["b", "c"]]


def test_the_last_attempt_is_not_simply_taken():
    choice, _ = by_hand(Revisions().solve(QUESTION, Budget(generations=4)), numbered(["a", "a", "a", "b"]))
    assert choice.answer == "a"


@pytest.mark.parametrize("chains", [0, -2, 1.5, "cube"])
def test_a_number_of_chains_that_is_none_is_refused(chains):
    with pytest.raises(UserError, match="chains"):
        Revisions(chains=chains)
