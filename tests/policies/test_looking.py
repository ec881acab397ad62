from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import voting

from outlay.policies.looking import look
from outlay.policies.rules import stays_ahead
from outlay.study.measure import replayed
from outlay.study.pools import Pool


def arrays(samples, k):
    cut = [None if a is None else a[:, :k] for a in (samples.answers, samples.scores, samples.probabilities)]
    return look(samples.select, *cut, samples.correct[:, :k])


@pytest.mark.parametrize("select", ["majority", "best_of_n", "weighted"])
@pytest.mark.parametrize("k", [1, 2, 5, 16])
def test_the_answer_is_what_the_estimators_of_one_order_give(select, k):
    samples = voting(select="weighted")
    pool = Pool("t", "m", ("q",) * 60, samples.correct, samples.answers, samples.scores, can_vote=True)
    pool = Pool(**{**pool.__dict__, "probabilities": samples.probabilities})
    seen = arrays(chosen_by(samples, select), k)
    np.testing.assert_allclose(seen.credit, replayed(pool, [k])[select][:, 0])


def chosen_by(samples, select):
    return type(samples)(**{**samples.__dict__, "select": select})


votes = st.lists(st.integers(-1, 3), min_size=1, max_size=9)


@settings(deadline=None)
@given(votes)
def test_signals_of_votes_are_counts(answers):
    seen = look("majority", np.array([answers]), None, None).signals
    counts = [count for _, count in Counter(a for a in answers if a >= 0).most_common()]
    k = len(answers)
    assert seen["agreement"][0] * k == pytest.approx(counts[0] if counts else 0)
    assert seen["runner_up"][0] * k == pytest.approx(counts[1] if len(counts) > 1 else 0)
    assert seen["distinct"][0] * k == pytest.approx(len(counts))
    streak = 0
    for answer in reversed(answers):
        if answer < 0 or answer != answers[-1]:
            break
        streak += 1
    assert seen["streak"][0] == streak


def test_the_sample_that_carries_the_answer_has_its_best_score():
    seen = look("weighted", np.array([[1, 0, 1]]), np.array([[0.2, 0.3, 0.4]]), np.array([[0.2, 0.3, 0.4]]))
    assert seen.place.tolist() == [2]


def test_rows_in_parts_are_the_same(monkeypatch):
    samples = voting()
    whole = arrays(samples, 8)
    monkeypatch.setattr("outlay.policies.looking.ROWS_AT_ONCE", 50)
    parts = arrays(samples, 8)
    for name, values in whole.signals.items():
        np.testing.assert_array_equal(values, parts.signals[name])
    np.testing.assert_array_equal(whole.place, parts.place)


@pytest.mark.parametrize("first, second", [(0, 0), (3, 0), (5, 2), (2, 2), (10, 9)])
def test_the_beta_posterior_is_the_integral(first, second):
    p = (np.arange(200_000) + 0.5) / 200_000
    density = p**first * (1 - p) ** second
    assert stays_ahead(np.array([first]), np.array([second]))[0] == pytest.approx(
        density[p > 0.5].sum() / density.sum(), abs=1e-4
    )
