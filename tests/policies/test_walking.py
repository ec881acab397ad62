from itertools import product

import numpy as np
import pytest
from recorded import voting, with_large

from outlay.policies.prefixes import Prefixes, prefixes
from outlay.policies.walking import Fitting, ends


def states(seed, rows=400):
    """Three stages with a three-valued signal each; a policy is one yes or no for each stage and value."""
    generator = np.random.default_rng(seed)
    signal = generator.integers(0, 3, (rows, 3)).astype(float)
    ease = generator.random(rows)
    credit = (generator.random((rows, 3)) < (ease[:, None] * 0.5 + signal * 0.2)).astype(float)
    cost = np.tile([1.0, 2.0, 4.0], (rows, 1))
    nothing = np.zeros((rows, 0))
    return Prefixes((1, 2, 4), np.arange(rows), {"signal": signal}, credit, cost, nothing, nothing)


def worth(rows, price, goes):
    stage = np.zeros(rows.rows, dtype=int)
    for t in range(2):
        on = (stage == t) & np.array(goes[t])[rows.signals["signal"][:, t].astype(int)]
        stage[on] = t + 1
    every = np.arange(rows.rows)
    return float((rows.credit[every, stage] - price * rows.cost[every, stage]).mean())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("price", [0.01, 0.05, 0.2])
def test_where_columns_tell_every_state_apart_no_policy_of_the_states_is_better(seed, price, monkeypatch):
    monkeypatch.setattr(
        "outlay.policies.basis.QUANTILES", (0.5,)
    )  # a value, and one hinge: three values are told apart
    rows = states(seed)
    fit = Fitting(rows, ["signal"], ridge=1e-9)
    walk, _ = fit.at(price)
    ended = walk.end(rows)
    mine = float((ended.credit(rows) - price * ended.cost(rows)).mean())
    bits = list(product([False, True], repeat=3))
    # given what later stages do, the best yes or no for each value: backward over the recorded rows
    best = max(worth(rows, price, (first, second)) for first in bits for second in bits)
    later = max(bits, key=lambda second: worth(rows, price, ((True,) * 3, second)))
    backward = max(worth(rows, price, (first, later)) for first in bits)
    assert mine == pytest.approx(backward, abs=1e-9) and mine <= best + 1e-9


def test_fitting_knows_what_its_policy_costs():
    samples = with_large(voting())
    rows = prefixes(samples, samples.orders(4), (0, 1, 2, 4, 8, 16))
    walk, cost = Fitting(rows, ["winner_share", "best_score"]).at(0.01)
    assert cost == pytest.approx(float(walk.end(rows).cost(rows).mean()))


def test_a_dearer_generation_is_spent_less():
    samples = voting()
    rows = prefixes(samples, samples.orders(4))
    costs = [cost for _, cost in Fitting(rows, ["winner_share", "best_score"]).path()]
    assert costs[0] < costs[-1] and sum(np.diff(costs) < -0.3) == 0


def test_a_mean_budget_is_met_on_the_rows_that_fit():
    samples = voting()
    rows = prefixes(samples, samples.orders(4))
    fit = Fitting(rows, ["winner_share", "best_score"])
    path = fit.path()
    for budget in (1.0, 2.5, 6.0, 100.0):
        cost = float(fit.within(budget, path).end(rows).cost(rows).mean())
        assert cost <= budget * (1 + 1e-9)


def test_before_the_first_sample_one_cannot_stop_but_may_switch():
    samples = with_large(voting(), rate=1.0, cost=0.5)
    rows = prefixes(samples, samples.orders(2), (0, 1, 2))
    ended = Fitting(rows, ["winner_share"]).at(0.1)[0].end(rows)
    assert (ended.stage == 0).all() and (ended.switched == 0).all() and ended.credit(rows).min() == 1.0
    plain = voting()
    rows = prefixes(plain, plain.orders(2), (0, 1, 2))
    assert Fitting(rows, ["winner_share"]).at(0.5)[0].end(rows).stage.min() == 1


def test_walks_that_end_together_end_as_each_would_alone():
    samples = with_large(voting())
    rows = prefixes(samples, samples.orders(2), (0, 1, 2, 4, 8))
    fit = Fitting(rows, ["winner_share", "best_score"])
    walks = [fit.at(price)[0] for price in (0.3, 0.03, 0.003)]
    for walk, together in zip(walks, ends(walks, rows), strict=True):
        alone = walk.end(rows)
        np.testing.assert_array_equal(alone.stage, together.stage)
        np.testing.assert_array_equal(alone.switched, together.switched)


def test_a_look_before_the_first_sample_shows_nothing_and_costs_what_is_paid_once():
    plain = voting(questions=20, size=4)
    paid = {
        "other": {"flops": np.full((20, 4), 10.0)},
        "base": {"flops": np.arange(20.0)},
        "difficulty": np.linspace(0, 1, 20),
    }
    samples = type(plain)(**{**plain.__dict__, **paid})
    rows = prefixes(samples, samples.orders(1), (1, 2, 4)).switching(samples)
    assert rows.stages == (0, 1, 2, 4) and (rows.cost[:, 0] == 0).all() and (rows.credit[:, 0] == 0).all()
    assert (rows.signals["best_score"][:, 0] == 0).all() and rows.cost[:, 1].tolist() == [1.0] * 20
    assert rows.other["flops"][:, 0].tolist() == list(range(20)) and rows.other["flops"][3, 2] == 23.0
    assert rows.signals["difficulty"][5].tolist() == [samples.difficulty[5]] * 4
