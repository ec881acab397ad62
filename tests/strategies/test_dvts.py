import pytest

from letters import QUESTION, letters
from outlay.strategies import DVTS
from outlay.types import Budget, Together
from toy import by_hand, samples


def solved(width, n, depth, value):
    return by_hand(DVTS(width=width).solve(QUESTION, Budget(generations=n)), letters(depth, value))


@pytest.mark.parametrize(
    ("n", "width", "subtrees"),
    [(8, 4, [4, 4]), (4, 4, [4]), (10, 4, [5, 5]), (11, 4, [6, 5]), (9, "sqrt", [3, 3, 3]), (3, 1, [1, 1, 1])],
)
def test_n_over_m_subtrees_share_all_places(n, width, subtrees):
    _, asked = solved(width, n, 3, lambda text: ord(text[-1]) / 200)
    roots = [r for r in samples(asked) if r.prefix is None]
    assert [(r.n, r.until) for r in roots] == [(places, "step") for places in subtrees]
    assert sum(r.n for r in samples(asked) if r.prefix is not None and len(r.prefix.steps) == 1) == n


def test_each_subtree_goes_on_from_its_best_candidate_alone():
    _, asked = solved(2, 4, 3, lambda text: {"a": 0.2, "b": 0.6}.get(text, 0.1))
    assert [(r.prefix.text, r.n) for r in samples(asked) if r.prefix is not None] == [
        ("b", 2),
        ("ba", 2),
        ("b", 2),
        ("ba", 2),
    ]


def test_the_answer_is_chosen_among_the_finished_of_all_subtrees():
    choice, _ = solved(2, 6, 2, lambda text: 0.5)
    assert [c.text for c in choice.candidates] == ["aa", "ab"] * 3
    assert all(c.finished for c in choice.candidates)


def test_subtrees_run_side_by_side():
    (wanted,) = [next(DVTS(width=2).solve(QUESTION, Budget(generations=6)))]
    assert isinstance(wanted, Together)
    assert len(wanted.parts) == 3


def test_a_budget_below_one_subtree_is_best_of_n_and_says_so():
    choice, asked = solved(4, 3, 2, lambda text: 0.5)
    assert [(r.n, r.until) for r in samples(asked)] == [(3, "end")]
    assert choice.note == "3 generations cannot pay for a subtree of 4 candidates: best-of-N instead"


def test_a_subtree_without_a_finished_solution_takes_no_part_where_another_has_one():
    from letters import grow
    from outlay.types import Score

    roots = iter([1, 9])

    def answer(request):
        if isinstance(request, Score):
            return [(0.5,) * len(s.steps) for s in request.solutions]
        depth = next(roots) if request.prefix is None else 9
        return [grow(request.prefix, "x", depth) for _ in range(request.n)]

    choice, _ = by_hand(DVTS(width=1, max_rounds=2).solve(QUESTION, Budget(generations=2)), answer)
    assert [c.text for c in choice.candidates] == ["x"]
    assert choice.answer == "x"
