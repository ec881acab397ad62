import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letters import QUESTION, grow, letters
from outlay.drive.running import uniform
from outlay.errors import UserError
from outlay.strategies import ParticleFilter
from outlay.strategies.particle_filter import log_odds, multinomial, systematic
from outlay.strategies.rebase import softmax
from outlay.types import Budget, Draw, Score
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, by_hand, samples, solve

WEIGHTS = st.lists(st.floats(0, 1), min_size=1, max_size=30).filter(any).map(lambda w: [x / math.fsum(w) for x in w])


@given(WEIGHTS, st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_systematic_copies_are_off_their_share_by_less_than_one(weights, places, offset):
    copies = Counter(systematic(weights, places, offset))
    assert sum(copies.values()) == places
    assert all(abs(copies[i] - places * w) < 1 + 1e-6 for i, w in enumerate(weights))


@given(WEIGHTS, st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=30))
def test_multinomial_draws_fall_into_their_stretch(weights, uniforms):
    found = multinomial(weights, uniforms)
    ends = [math.fsum(weights[: i + 1]) for i in range(len(weights))]
    for index, number in zip(found, sorted(uniforms), strict=True):
        assert weights[index] > 0
        assert ends[index] - weights[index] - 1e-9 <= number <= ends[index] + 1e-9
    assert all(a <= b for a, b in pairwise(found))


@pytest.mark.parametrize("resample", [multinomial, lambda w, u: systematic(w, len(u), u[0])])
def test_both_ways_of_resampling_are_unbiased(resample):
    weights, places, runs = [0.6, 0.3, 0.1], 4, 4000
    copies = Counter()
    for run in range(runs):
        copies.update(resample(weights, [uniform(run, i) for i in range(places)]))
    for index, weight in enumerate(weights):
        spread = math.sqrt(weight * (1 - weight) * places * runs)
        assert abs(copies[index] - weight * places * runs) < 4 * spread


def test_weights_are_the_odds_of_the_values():
    weights = softmax([log_odds(0.9), log_odds(0.75), log_odds(0.5), None])
    assert weights == pytest.approx([9 / 13, 3 / 13, 1 / 13, 0])
    assert math.isfinite(log_odds(0.0)) and math.isfinite(log_odds(1.0))


def test_particles_go_on_in_proportion_to_their_odds():
    def value(text):
        return {"a": 0.75, "b": 0.5, "c": 0.0, "d": 0.0}.get(text, 0.5)

    _, asked = by_hand(ParticleFilter().solve(QUESTION, Budget(generations=4)), letters(2, value))
    assert [(r.prefix.text, r.n) for r in samples(asked)[1:]] == [("a", 3), ("b", 1)]


def finishing(value):
    """Two first steps, of which `a` is a whole solution; whatever comes after `b` ends."""

    def answer(request):
        if isinstance(request, Score):
            return [tuple(value[s.text] for _ in s.steps) for s in request.solutions]
        if request.prefix is None:
            return [grow(None, "a", 1).numbered(0, "a"), grow(None, "b", 2).numbered(1, None)]
        return [grow(request.prefix, "x", 2).numbered(2 + i, "bx") for i in range(request.n)]

    return answer


def test_finished_particles_are_resampled_with_the_others_and_copies_are_one_candidate():
    choice, asked = by_hand(
        ParticleFilter().solve(QUESTION, Budget(generations=2)),
        finishing({"a": 0.999, "b": 0.001, "bx": 0.9}),
        uniform=0.5,
    )
    assert len(samples(asked)) == 1
    assert [c.text for c in choice.candidates] == ["a"]


def test_a_finished_particle_that_is_little_liked_gives_its_place_away():
    choice, asked = by_hand(
        ParticleFilter().solve(QUESTION, Budget(generations=2)),
        finishing({"a": 0.001, "b": 0.999, "bx": 0.9}),
        uniform=0.5,
    )
    assert [(r.prefix.text, r.n) for r in samples(asked)[1:]] == [("b", 2)]
    assert [c.text for c in choice.candidates] == ["bx", "bx"]


def test_the_resampling_option_is_not_ignored():
    drawn = {}
    for how in ("systematic", "multinomial"):
        _, asked = by_hand(
            ParticleFilter(resampling=how).solve(QUESTION, Budget(generations=4)), letters(2, lambda _: 0.5)
        )
        drawn[how] = [request.n for request in asked if isinstance(request, Draw)]
    assert drawn == {"systematic": [1, 1], "multinomial": [4, 1]}
    with pytest.raises(UserError, match="stratified"):
        ParticleFilter(resampling="stratified")


def test_a_candidate_is_in_the_trace_once():
    for trace in solve(ParticleFilter(), n=12, verifier=RandomScores(), questions=6, model=DigitModel()):
        ordinals = [solution.sample for solution in trace.solutions]
        assert len(set(ordinals)) == len(ordinals)
