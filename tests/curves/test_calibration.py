import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.curves import IsotonicMap, calibrated_scores
from outlay.errors import UserError


def minimax(y):
    """The isotonic fit of unit-weight values by its max-min formula."""
    n = len(y)
    return [max(min(np.mean(y[a : b + 1]) for b in range(i, n)) for a in range(i + 1)) for i in range(n)]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_fit_equals_the_max_min_formula(values):
    y = np.array(values) / 4
    x = np.arange(y.size)
    np.testing.assert_allclose(IsotonicMap.fit(x, y)(x), minimax(y), atol=1e-12)


def test_equal_scores_share_a_value():
    assert IsotonicMap.fit([0.5, 0.5, 0.9], [0, 1, 1])([0.5]).tolist() == [0.5]


def test_a_question_does_not_see_its_own_outcomes():
    generator = np.random.default_rng(0)
    scores, correct = generator.normal(size=(20, 6)), generator.random((20, 6)) < 0.5
    changed = correct.copy()
    changed[7] = ~changed[7]
    np.testing.assert_array_equal(calibrated_scores(scores, correct)[7], calibrated_scores(scores, changed)[7])


def test_recovers_true_probabilities():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(400, 20))
    truth = 1 / (1 + np.exp(-logits))
    mapped = calibrated_scores(logits, generator.random(truth.shape) < truth)
    assert np.abs(mapped - truth).mean() < 0.03


def test_unparsable_becomes_0():
    mapped = calibrated_scores([[-np.inf, 1.0], [0.0, 1.0]], [[False, True], [True, True]])
    assert mapped[0, 0] == 0.0


def test_refuses_a_single_question():
    with pytest.raises(UserError, match="two questions"):
        calibrated_scores([[0.1, 0.2]], [[True, False]])
