from dataclasses import replace

import numpy as np
import pytest
from recorded import voting, with_large

from outlay.errors import UserError
from outlay.policies import cross_fitted
from outlay.policies.prefixes import prefixes
from outlay.policies.rules import Threshold, tuned


@pytest.fixture(scope="module")
def measured():
    return cross_fitted(voting(questions=200, seed=3), [2.0, 4.0, 8.0], orders=8)


def test_every_rule_is_measured_beside_it(measured):
    assert list(measured) == [
        "sequential",
        "fixed",
        "adaptive_consistency",
        "window",
        "score_threshold",
        "agreement_threshold",
        "threshold",
    ]


def test_a_mean_budget_is_about_met_on_other_questions(measured):
    for name, one in measured.items():
        assert (one.curve.cost.mean(axis=0) < one.curve.budgets * 1.2).all(), name


def test_looking_beats_not_looking_where_scores_tell(measured):
    gain = measured["sequential"].curve.gain(measured["fixed"].curve)
    assert gain.low[1] > 0.02


def test_where_nothing_can_be_seen_looking_gains_nothing():
    blind = voting(questions=300, select="best_of_n", told=0.0, seed=5)
    scores = np.random.default_rng(9).random(blind.correct.shape)
    blind = replace(blind, scores=scores, probabilities=scores)
    found = cross_fitted(blind, [4.0], ("sequential", "fixed"), orders=8)
    gain = found["sequential"].curve.gain(found["fixed"].curve)
    assert gain.low[0] < 0.01 and abs(gain.mean[0]) < 0.03


def test_what_a_question_costs_does_not_depend_on_what_it_gets_right():
    samples = voting(questions=50)
    changed = samples.correct.copy()
    changed[7] = ~changed[7]
    one, two = (
        cross_fitted(each, [3.0], ("sequential", "threshold"), orders=2)
        for each in (samples, replace(samples, correct=changed))
    )
    for name in one:
        np.testing.assert_array_equal(one[name].curve.cost[7], two[name].curve.cost[7])


def test_more_orders_less_monte_carlo_error():
    samples = voting(questions=50)
    few, many = (cross_fitted(samples, [3.0], ("threshold",), orders=n)["threshold"].error for n in (4, 64))
    assert many < few


def test_a_cheap_larger_model_is_switched_to_and_a_dear_one_is_not():
    def accuracy(cost):
        samples = with_large(voting(questions=100, size=8), rate=1.0, cost=cost)
        return cross_fitted(samples, [4.0], ("sequential",), orders=4)["sequential"].curve.accuracy.mean()

    assert accuracy(2.0) > 0.97 > accuracy(50.0) + 0.05


def test_a_cascade_hands_over_what_did_not_agree():
    samples = with_large(voting(questions=100, size=8), rate=0.95, cost=4.0)
    rows = prefixes(samples, samples.orders(2))
    (rule,) = tuned("cascade", rows, [4.0], (0,))
    ended = rule.end(rows)
    handed = ended.switched >= 0
    assert rule.switch == 0 and 0 < handed.mean() < 1 and (ended.stage[handed] == ended.stage.max()).all()


def test_tuning_takes_the_best_setting_that_fits():
    samples = voting(questions=40)
    rows = prefixes(samples, samples.orders(2), (1, 2, 4))
    (rule,) = tuned("score_threshold", rows, [2.5])
    ended = rule.end(rows)
    assert ended.cost(rows).mean() <= 2.5
    for threshold in (0.5, 0.7, 0.9):
        other = Threshold("best_score", threshold, 1, 4).end(rows)
        if other.cost(rows).mean() <= 2.4:
            assert other.credit(rows).mean() <= ended.credit(rows).mean() + 0.02


def test_orders_may_be_replayed_in_parts(monkeypatch):
    samples = with_large(voting(questions=30, size=8))
    whole = cross_fitted(samples, [2.0, 4.0], orders=8, fitting_orders=3)
    monkeypatch.setattr("outlay.policies.crossfit_sequences.ROWS_AT_ONCE", 60)  # two orders at a time
    parts = cross_fitted(samples, [2.0, 4.0], orders=8, fitting_orders=3)
    for name, one in whole.items():
        np.testing.assert_allclose(one.curve.accuracy, parts[name].curve.accuracy, atol=1e-12)
        np.testing.assert_allclose(one.curve.cost, parts[name].curve.cost, atol=1e-12)
        assert one.error == pytest.approx(parts[name].error)


def test_fewer_questions_than_folds_are_refused():
    with pytest.raises(UserError, match="too few"):
        cross_fitted(voting(questions=3), [2.0])
