import pytest
from hypothesis import given
from hypothesis import strategies as st

from every import QUESTION, World, in_process
from outlay.errors import UserError
from outlay.selection import majority
from outlay.strategies import EarlyStopping
from outlay.types import Budget, Solution, Step
from toy import by_hand, samples


def voted(answers, n, **options):
    """The choice, and how many samples were asked for; `None` among the answers is one that cannot be read."""
    given = iter(answers)

    def answer(request):
        return [Solution((Step(" x", 1),), finished=True, answer=next(given)) for _ in range(request.n)]

    choice, asked = by_hand(EarlyStopping(**options).solve(QUESTION, Budget(generations=n)), answer)
    return choice, sum(request.n for request in samples(asked))


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ("aaa" + "bbbbbb", 3),
        ("aab" + "bbb" + "aaa", 6),
        ("aba" + "bab" + "aba", 9),
        ([None, None, None, "a", "a", "a", "b", "b", "b"], 6),
        (["a", "a", None, "a", "a", "a", "b", "b", "b"], 6),
    ],
)
def test_it_stops_when_a_whole_block_agrees(answers, asked):
    assert voted(answers, 9, block=3)[1] == asked


def test_two_of_two_are_never_enough():
    assert voted("aab", 3, block=3)[1] == 3
    for block in (1, 2, 2.5, True):
        with pytest.raises(UserError, match="at least 3"):
            EarlyStopping(block=block)


@pytest.mark.parametrize(
    ("answers", "n", "asked"),
    [
        ("aaaaaa" + "bbb", 9, 6),
        ("aaabbb" + "aaa", 9, 9),
        ("aaaaab" + "bbb", 9, 6),
        ("aaa", 3, 3),
        ("aaaa" + "b", 5, 3),
        ("baab", 4, 4),
    ],
)
def test_it_stops_where_the_lead_cannot_be_overtaken(answers, n, asked):
    assert voted(answers, n, block=3, rule="certain")[1] == asked


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=16), st.integers(3, 6))
def test_a_certain_lead_is_the_full_votes_answer(answers, block):
    solutions = [Solution((Step(" x", 1),), finished=True, answer=answer) for answer in answers]
    choice, asked = voted(answers, len(answers), block=block, rule="certain")
    assert asked <= len(answers)
    assert choice.answer == majority(solutions).answer


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=16), st.integers(3, 6))
def test_a_rule_that_asks_more_never_stops_earlier(answers, block):
    assert voted(answers, len(answers), block=block)[1] <= voted(answers, len(answers), block=block, rule="certain")[1]


def test_the_answers_are_looked_at_in_the_order_of_asking_and_not_of_arrival():
    found = {
        tuple(
            s.text for s in in_process(EarlyStopping(block=3), Budget(generations=15), World(order=order))[0].solutions
        )
        for order in range(8)
    }
    assert len(found) == 1


def test_the_last_block_is_what_is_left_of_the_budget():
    _, asked = voted("abcabcabca", 10, block=4)
    assert asked == 10


def test_an_unknown_rule_is_refused():
    with pytest.raises(UserError, match="window"):
        EarlyStopping(rule="soon")
