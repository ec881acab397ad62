import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.errors import UserError
from outlay.exchange import Pair, inference_factor

sizes = st.floats(1e3, 1e12)
ratios = st.floats(1e-3, 1e3)


@pytest.mark.parametrize(("ratio", "factor"), [(22, 15.8), (0.79, 63.4), (0.16, 257.8)])
def test_the_papers_three_ratios_at_fourteen_times_the_parameters(ratio: float, factor: float) -> None:
    assert round(inference_factor(14, ratio), 1) == factor


def test_without_pretraining_only_the_scale_is_left() -> None:
    assert inference_factor(14, math.inf) == 14


@pytest.mark.parametrize(
    ("m", "ratio"), [(0.5, 1.0), (math.inf, 1.0), (math.nan, 1.0), (2.0, 0.0), (2.0, -1.0), (2.0, math.nan)]
)
def test_what_makes_no_sense_is_refused(m: float, ratio: float) -> None:
    with pytest.raises(UserError):
        inference_factor(m, ratio)


@given(small=sizes, scale=st.floats(1, 100), tokens=st.floats(1, 1e4), ratio=ratios)
def test_the_budget_is_the_factor_times_the_small_models_price_of_the_same_tokens(
    small: float, scale: float, tokens: float, ratio: float
) -> None:
    pair = Pair(small, small * scale, 0, answer_flops=2 * small * scale * tokens)
    assert pair.budget(ratio) == pytest.approx(inference_factor(pair.scale, ratio) * 2 * small * tokens)


@given(
    small=sizes, scale=st.floats(1, 100), verifier=sizes, tuning=st.floats(0, 1), tokens=st.floats(1, 1e4), ratio=ratios
)
def test_with_the_budget_spent_both_sides_cost_the_same_in_all(
    small: float, scale: float, verifier: float, tuning: float, tokens: float, ratio: float
) -> None:
    pair = Pair(small, small * scale, verifier, 2 * small * scale * tokens, tuning)
    mine = pair.budget(ratio) + pair.pretraining(pair.small, ratio) + pair.tuning(ratio)
    theirs = pair.answer_flops + pair.pretraining(pair.large, ratio)
    assert mine == pytest.approx(theirs)


def test_training_the_verifier_costs_six_flops_a_parameter_and_token() -> None:
    """A million questions of 100 tokens at R = 1: 100 million tokens of pretraining, a tenth of them for the verifier."""
    pair = Pair(1e6, 1e7, 2e6, answer_flops=2 * 1e7 * 100, verifier_tuning=0.1)
    assert pair.tuning(1.0) * 1e6 == pytest.approx(6 * 2e6 * (0.1 * 100 * 1e6))


def test_a_pair_of_unknown_size_is_refused() -> None:
    with pytest.raises(UserError, match="parameters of both models"):
        Pair(0, 1e6, 0, 1e6)
    with pytest.raises(UserError, match="at least as many parameters"):
        Pair(2e6, 1e6, 0, 1e6)
