import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letters import QUESTION, hash_text, letters
from outlay.errors import UserError
from outlay.strategies import BeamSearch, Rebase
from outlay.strategies.rebase import apportioned, softmax
from outlay.types import Budget
from toy import by_hand, samples, scores


@given(
    places=st.integers(0, 300),
    values=st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=40),
    temperature=st.sampled_from([1e-3, 0.1, 1.0, 10.0]),
)
def test_places_are_apportioned_exactly_and_within_one_of_their_share(places, values, temperature):
    weights = softmax(values, temperature)
    given_out = apportioned(places, weights)
    assert sum(given_out) == places
    assert all(abs(n - places * w) < 1 + 1e-9 for n, w in zip(given_out, weights, strict=True))


@given(st.lists(st.integers(0, 100), min_size=2, max_size=20), st.integers(1, 100))
def test_a_better_candidate_never_gets_fewer_places(values, places):
    given_out = apportioned(places, softmax([value / 100 for value in values], 0.1))
    order = sorted(range(len(values)), key=lambda i: (values[i], -i))
    assert [given_out[i] for i in order] == sorted(given_out)


def test_the_softmax_is_taken_at_the_balance_temperature():
    weights = softmax([0.9, 0.8], temperature=0.1)
    assert weights[0] / weights[1] == pytest.approx(math.e)
    assert softmax([None, None]) == [0.5, 0.5]
    assert softmax([0.2, None])[1] == 0


def test_next_steps_are_drawn_in_proportion_to_the_values():
    def value(text):
        return {"a": 0.9, "b": 0.9, "c": 0.9 - 0.1 * math.log(2), "d": 0.0}.get(text, 0.5)

    _, asked = by_hand(Rebase().solve(QUESTION, Budget(generations=4)), letters(2, value))
    assert [(r.prefix.text, r.n) for r in samples(asked)[1:]] == [("a", 2), ("b", 1), ("c", 1)]


@given(n=st.integers(1, 20))
def test_a_cold_balance_gives_all_places_to_the_best_candidate(n):
    def value(text):
        return (hash_text(text) % 97) / 97

    beam, beam_asked = by_hand(BeamSearch(width=n).solve(QUESTION, Budget(generations=n)), letters(3, value))
    cold, cold_asked = by_hand(Rebase(temperature=1e-5).solve(QUESTION, Budget(generations=n)), letters(3, value))
    assert (cold, cold_asked) == (beam, beam_asked)


def test_every_depth_draws_what_finished_candidates_have_left():
    from letters import grow
    from outlay.types import Score

    def answer(request):
        if isinstance(request, Score):
            return [(0.5,) * len(s.steps) for s in request.solutions]
        depth = 1 if request.prefix is None else 3
        first = grow(request.prefix, "a", depth)
        return [first] + [grow(request.prefix, "b", 3) for _ in range(request.n - 1)]

    choice, asked = by_hand(Rebase().solve(QUESTION, Budget(generations=8)), answer)
    drawn = {}
    for r in samples(asked):
        depth = len(r.prefix.steps) if r.prefix else 0
        drawn[depth] = drawn.get(depth, 0) + r.n
    assert drawn == {0: 8, 1: 7, 2: 7}
    assert len(choice.candidates) == 8
    assert len(scores(asked)) == 3


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_a_balance_temperature_is_positive(temperature):
    with pytest.raises(UserError, match="temperature"):
        Rebase(temperature=temperature)


def test_a_negative_sampling_temperature_is_refused():
    with pytest.raises(UserError, match="sampling temperature"):
        Rebase(sampling_temperature=-0.1)
