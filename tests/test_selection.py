import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.errors import UserError
from outlay.selection import aggregate, best_of_n, choose, majority, oracle, weighted
from outlay.types import Solution, Step


def made(*pairs):
    return [
        Solution((Step(f" {i}", 1),), finished=True, answer=answer, score=score, sample=i)
        for i, (answer, score) in enumerate(pairs)
    ]


def test_majority_counts_answers_not_scores():
    assert majority(made(("a", 0.1), ("a", 0.1), ("b", 0.9))).answer == "a"


def test_weighted_sums_scores_of_equal_answers():
    choice = weighted(made(("a", 0.3), ("a", 0.4), ("b", 0.6)))
    assert (choice.answer, choice.solution.score) == ("a", 0.4)


def test_best_of_n_takes_the_highest_score():
    assert best_of_n(made(("a", 0.3), ("a", 0.4), ("b", 0.6))).answer == "b"


def test_oracle_is_coverage():
    solutions = made(("a", 0.9), ("b", 0.1))
    assert oracle(solutions, lambda answer: answer == "b").answer == "b"


@pytest.mark.parametrize("rule", ["majority", "weighted", "best_of_n"])
def test_what_has_no_answer_never_wins(rule):
    assert choose(rule, made((None, 1.0), (None, 1.0), ("a", 0.0))).answer == "a"


@pytest.mark.parametrize("rule", ["majority", "weighted", "best_of_n"])
def test_nothing_but_missing_answers_is_no_answer(rule):
    assert choose(rule, made((None, 1.0))).answer is None
    assert choose(rule, []).answer is None


@pytest.mark.parametrize("rule", ["majority", "weighted", "best_of_n"])
def test_ties_are_broken_by_the_draw(rule):
    tied = made(("a", 0.5), ("b", 0.5))
    assert {choose(rule, tied, tie).answer for tie in (0.1, 0.9)} == {"a", "b"}


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=9), st.floats(0, 0.999))
def test_a_constant_verifier_makes_weighted_the_majority(answers, tie):
    solutions = made(*((answer, 0.7) for answer in answers))
    assert weighted(solutions, tie).answer == majority(solutions, tie).answer


def test_a_weighted_vote_refuses_scores_that_are_no_probabilities():
    with pytest.raises(UserError, match=r"\[0, 1\]"):
        weighted(made(("a", 3.5)))


@pytest.mark.parametrize("rule", ["weighted", "best_of_n"])
def test_a_rating_that_could_not_be_read_is_missing_not_zero(rule):
    assert choose(rule, made(("a", None), ("b", 0.0))).answer == "b"


@pytest.mark.parametrize("rule", ["weighted", "best_of_n"])
def test_without_any_rating_answers_are_counted_and_the_choice_says_so(rule):
    choice = choose(rule, made(("a", None), ("b", None), ("b", None)))
    assert choice.answer == "b"
    assert "majority instead" in choice.note


def test_no_step_scores_are_no_score():
    assert aggregate((), "mean") is None


@pytest.mark.parametrize(("how", "value"), [("last", 0.5), ("min", 0.2), ("prod", 0.09), ("mean", 1.6 / 3)])
def test_aggregations(how, value):
    assert aggregate((0.9, 0.2, 0.5), how) == pytest.approx(value)


def test_an_unknown_aggregation_or_rule_is_named():
    with pytest.raises(UserError, match="median"):
        aggregate((0.5,), "median")
    with pytest.raises(UserError, match="plurality"):
        choose("plurality", [])
