import pytest
from hypothesis import given
from hypothesis import strategies as st

from letters import QUESTION, grow, hash_text
from outlay.errors import UserError
from outlay.strategies import TreeSearch
from outlay.strategies.tree_search import Node, back_up
from outlay.types import Budget, Score, Solution
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, by_hand, samples, scores, solve


def tree(depth, value, alphabet="abcd"):
    """The i-th step drawn at a prefix, over all requests, is the letter i of the alphabet, in turn; runs to the end add z."""
    drawn = {}

    def answer(request):
        if isinstance(request, Score):
            return [tuple(value(s.text) for _ in s.steps) for s in request.solutions]
        at = request.prefix.text if request.prefix else ""
        grown = []
        for _ in range(request.n):
            solution = request.prefix
            if request.until == "step":
                count = drawn[at] = drawn.get(at, 0) + 1
                solution = grow(solution, alphabet[(count - 1) % len(alphabet)], depth)
            while request.until == "end" and not solution.finished:
                solution = grow(solution, "z", depth)
            grown.append(solution)
        return grown

    return answer


def run(strategy, n, depth, value, alphabet="abcd"):
    return by_hand(strategy.solve(QUESTION, Budget(generations=n)), tree(depth, value, alphabet))


def expanded(asked):
    return [(r.prefix.text if r.prefix else "", r.n) for r in samples(asked) if r.until == "step"]


def test_a_simulation_draws_a_step_and_goes_on_to_the_end():
    choice, asked = run(TreeSearch(width=2), 2, 3, lambda text: 0.5)
    assert [(r.n, r.until, r.prefix.text if r.prefix else "") for r in samples(asked)] == [
        (2, "step", ""),
        (1, "end", "a"),
        (1, "end", "b"),
    ]
    assert [s.text for s in scores(asked)[0].solutions] == ["azz", "bzz"]
    assert [c.text for c in choice.candidates] == ["azz", "bzz"]


@pytest.mark.parametrize("rule", ["puct", "uct"])
def test_the_search_descends_where_the_rollouts_were_valued_highest(rule):
    _, asked = run(TreeSearch(width=2, rule=rule, exploration=0.1), 8, 4, lambda text: 0.9 if text[0] == "b" else 0.1)
    assert expanded(asked) == [("", 2), ("b", 2), ("ba", 2), ("bb", 2)]


def test_exploration_comes_back_to_what_was_visited_little():
    _, asked = run(TreeSearch(width=2, exploration=10.0), 6, 4, lambda text: 0.9 if text[0] == "b" else 0.1)
    assert expanded(asked) == [("", 2), ("b", 2), ("a", 2)]


def test_the_prior_of_puct_is_how_often_a_step_was_drawn():
    strategy, root = TreeSearch(exploration=1.0), Node()
    for letter in "aab":
        back_up([root, root.child(grow(None, letter, 3))], 0.5)
    often, seldom = root.children.values()
    assert (often.drawings, seldom.drawings, root.drawn) == (2, 1, 3)
    assert strategy._promise(root, often) == pytest.approx(0.5 + (2 / 3) * 3**0.5 / 3)
    assert strategy._promise(root, seldom) == pytest.approx(0.5 + (1 / 3) * 3**0.5 / 2)


def test_equal_steps_are_one_child():
    choice, asked = run(TreeSearch(width=4), 8, 3, lambda text: 0.5, alphabet="aab")
    assert expanded(asked)[0] == ("", 4)
    assert expanded(asked)[1] in (("a", 4), ("b", 4))
    assert len(choice.candidates) == 8


def test_where_all_paths_have_ended_every_node_is_drawn_from_again():
    choice, asked = run(TreeSearch(width=2), 7, 1, lambda text: 0.5)
    assert expanded(asked) == [("", 2), ("", 2), ("", 2), ("", 1)]
    assert len(choice.candidates) == 7


def test_a_path_that_has_ended_is_not_descended_again():
    _, asked = run(TreeSearch(width=2, exploration=0.0), 8, 2, lambda text: 0.9 if text[0] == "b" else 0.1)
    assert expanded(asked) == [("", 2), ("b", 2), ("a", 2), ("", 2)]


def test_a_missing_value_is_a_visit_and_no_value():
    node = Node()
    back_up([node], None)
    back_up([node], 0.8)
    assert (node.visits, node.mean) == (2, 0.8)


@given(n=st.integers(1, 40), width=st.sampled_from([1, 2, 4, "sqrt"]), depth=st.integers(1, 5))
def test_n_generations_are_n_complete_solutions(n, width, depth):
    choice, asked = run(TreeSearch(width=width), n, depth, lambda text: (hash_text(text) % 97) / 97)
    assert len(choice.candidates) == n
    for at in range(depth):
        stepped = sum(r.n for r in samples(asked) if r.until == "step" and len((r.prefix or Solution()).steps) == at)
        run_out = sum(r.n for r in samples(asked) if r.until == "end" and len(r.prefix.steps) <= at)
        assert stepped + run_out <= n


def test_simulations_are_charged_as_whole_solutions():
    (trace,) = solve(TreeSearch(), n=16, verifier=RandomScores(), model=DigitModel(depth=5))
    assert trace.cost.generations == 16
    assert len(trace.solutions) == 16


@pytest.mark.parametrize("options", [{"rule": "ucb"}, {"exploration": -1.0}, {"width": 0}])
def test_what_is_no_option_is_refused(options):
    with pytest.raises(UserError):
        TreeSearch(**options)
