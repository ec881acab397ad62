import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letters import QUESTION, grow, hash_text, letters
from outlay.errors import UserError
from outlay.strategies import BeamSearch, Lookahead
from outlay.strategies.beam_search import shares
from outlay.types import Budget, Score
from toy import by_hand, samples, scores, solve


def test_the_best_n_over_m_are_kept_and_each_gives_m_next_steps():
    _, asked = by_hand(
        BeamSearch(width=2).solve(QUESTION, Budget(generations=4)), letters(2, lambda text: ord(text[-1]) / 200)
    )
    first, *rest = samples(asked)
    assert (first.n, first.prefix, first.until) == (4, None, "step")
    assert [(r.prefix.text, r.n) for r in rest] == [("d", 2), ("c", 2)]


def test_the_answer_is_the_best_candidate_not_the_first_to_finish():
    def value(text):
        return {"a": 0.9, "ba": 0.2, "bb": 1.0}.get(text, 0.1)

    def answer(request):
        if isinstance(request, Score):
            return letters(1, value)(request)
        if request.prefix is None:
            return [grow(None, "a", 1), grow(None, "b", 2)]
        return [grow(request.prefix, "b", 2) for _ in range(request.n)]

    choice, _ = by_hand(BeamSearch(width=2, selection="best_of_n").solve(QUESTION, Budget(generations=2)), answer)
    assert choice.answer == "bb"


def test_a_finished_candidate_keeps_its_place_and_is_not_extended():
    def answer(request):
        if isinstance(request, Score):
            return letters(1, lambda _: 0.5)(request)
        if request.prefix is None:
            return [grow(None, "a", 1), grow(None, "b", 2), grow(None, "c", 2), grow(None, "d", 2)]
        return [grow(request.prefix, "x", 2) for _ in range(request.n)]

    choice, asked = by_hand(BeamSearch(width=2).solve(QUESTION, Budget(generations=4)), answer)
    assert sum(r.n for r in samples(asked)[1:]) == 3
    assert len(choice.candidates) == 4


def test_no_finished_candidate_means_no_answer_and_no_crash():
    choice, asked = by_hand(BeamSearch(max_rounds=3).solve(QUESTION, Budget(generations=4)), letters(99, lambda _: 0.5))
    assert choice.answer is None
    assert len(samples(asked)) == 3


@pytest.mark.parametrize(
    ("n", "width", "kept"),
    [(1, 4, 1), (3, 4, 1), (4, 4, 1), (16, 4, 4), (10, 4, 2), (16, "sqrt", 4), (9, "sqrt", 3), (5, 1, 5)],
)
def test_how_many_beams_are_kept(n, width, kept):
    _, asked = by_hand(BeamSearch(width=width).solve(QUESTION, Budget(generations=n)), letters(2, lambda _: 0.5))
    second = samples(asked)[1:]
    assert len(second) == kept
    assert sum(r.n for r in second) == n


def test_the_aggregation_option_reaches_the_ranking():
    def value(text):
        return {"a": 0.9, "b": 0.5, "aa": 0.3, "ab": 0.3, "ba": 0.4, "bb": 0.4}.get(text, 0.0)

    picked = {}
    for how in ("last", "mean"):
        strategy = BeamSearch(width=1, aggregation=how, selection="best_of_n")
        picked[how], _ = by_hand(strategy.solve(QUESTION, Budget(generations=2)), letters(2, value))
    assert picked["last"].answer == "ba"
    assert picked["mean"].answer == "aa"


@given(n=st.integers(1, 30), width=st.sampled_from([1, 2, 4, "sqrt"]))
def test_lookahead_of_no_steps_is_beam_search(n, width):
    world = letters(3, lambda text: (hash_text(text) % 97) / 97)
    beam, beam_asked = by_hand(BeamSearch(width=width).solve(QUESTION, Budget(generations=n)), world)
    look, look_asked = by_hand(Lookahead(width=width, steps=0).solve(QUESTION, Budget(generations=n)), world)
    assert beam_asked == look_asked
    assert beam == look


def test_lookahead_values_a_candidate_at_the_end_of_its_rollout():
    def value(text):  # a looks better than b by itself; rolled out, b is better
        return {"a": 0.9, "b": 0.1, "az": 0.2, "bz": 0.8}.get(text, 0.0)

    _, asked = by_hand(Lookahead(width=2, steps=1).solve(QUESTION, Budget(generations=4)), letters(3, value))
    rollouts = [r for r in samples(asked) if r.temperature == 0]
    assert [(r.prefix.text, r.steps, r.n) for r in rollouts[:2]] == [("a", 1, 1), ("b", 1, 1)]
    assert [s.text for s in scores(asked)[0].solutions] == ["az", "bz"]
    extended = [r for r in samples(asked) if r.prefix is not None and r.temperature > 0]
    assert extended[0].prefix.text == "b"


def test_lookahead_costs_n_times_k_plus_one():
    from outlay.verifiers.baselines import RandomScores
    from toy import DigitModel

    (trace,) = solve(Lookahead(width=2, steps=3), n=16, verifier=RandomScores(), model=DigitModel(depth=6))
    assert trace.cost.generations == 16
    assert len(trace.solutions) == 4


def test_distinct_beams_are_not_crowded_out_by_copies():
    def answer(request):
        if isinstance(request, Score):
            return letters(2, lambda text: {"a": 0.9, "b": 0.5}.get(text, 0.1))(request)
        if request.prefix is None:
            return [grow(None, name, 2) for name in "aaab"]
        return [grow(request.prefix, "x", 2) for _ in range(request.n)]

    extended = {}
    for distinct in (False, True):
        _, asked = by_hand(BeamSearch(width=2, distinct=distinct).solve(QUESTION, Budget(generations=4)), answer)
        extended[distinct] = [(r.prefix.text, r.n) for r in samples(asked)[1:]]
    assert extended == {False: [("a", 2), ("a", 2)], True: [("a", 2), ("b", 2)]}


def test_lookahead_that_cannot_be_paid_for_is_best_of_n_and_says_so():
    choice, asked = by_hand(Lookahead(steps=3).solve(QUESTION, Budget(generations=2)), letters(1, lambda _: 0.5))
    assert "best-of-N instead" in choice.note
    assert [(r.n, r.until) for r in samples(asked)] == [(2, "end")]


def test_beam_search_with_a_perfect_value_finds_the_one_right_path():
    target = "cabdb"

    def value(text):
        return float(target.startswith(text))

    choice, _ = by_hand(
        BeamSearch(width=4, selection="best_of_n").solve(QUESTION, Budget(generations=4)), letters(5, value)
    )
    assert choice.answer == target


def test_shares_deal_out_everything():
    for places in range(20):
        for among in range(1, 9):
            assert sum(shares(places, among)) == places
            assert max(shares(places, among)) - min(shares(places, among)) <= 1


@pytest.mark.parametrize("width", [0, -1, 1.5, "square"])
def test_a_width_that_is_none_is_refused(width):
    with pytest.raises(UserError, match="width"):
        BeamSearch(width=width)


def test_the_square_root_of_n_is_rounded_down():
    assert math.isqrt(15) == 3
    _, asked = by_hand(BeamSearch(width="sqrt").solve(QUESTION, Budget(generations=15)), letters(2, lambda _: 0.5))
    assert [r.n for r in samples(asked)[1:]] == [3, 3, 3, 3, 3]
