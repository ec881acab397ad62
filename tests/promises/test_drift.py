"""The drift monitor: quiet while nothing changes, whoever looks how often; loud when something does; the same after a restart."""

import json
import math

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.promises import Monitor, Reference, Spread, statistics


def reference(questions=150, seed=0):
    generator = np.random.default_rng(seed)
    learned, tested = (
        {"agreement": generator.beta(4, 2, n), "cost": generator.integers(1, 9, n)} for n in (100, questions)
    )
    return Reference.of(learned, tested)


def stream(count, seed, moved=0.0):
    generator = np.random.default_rng([seed, 77])
    agreement = generator.beta(4, 2 + 4 * moved, count)
    return [{"agreement": float(a), "cost": float(c)} for a, c in zip(agreement, generator.integers(1, 9, count))]


def alarmed(monitor, values):
    return next((step for step, one in enumerate(values, 1) if monitor.observe(one).alarm), None)


def test_a_false_alarm_is_no_likelier_than_the_level_however_small_the_reference():
    """Thirty calibration questions only, which say little of their source: looking 400 times, at a level of 10%."""
    false, worlds = 0, 150
    for seed in range(worlds):
        monitor = Monitor(reference(30, seed), level=0.1, seed=seed)
        false += alarmed(monitor, stream(400, seed)) is not None
    assert false / worlds <= 0.1 + 2.6 * np.sqrt(0.09 / worlds)


def test_a_change_is_noticed_soon():
    steps = [alarmed(Monitor(reference(150, seed), seed=seed), stream(400, seed, moved=1.0)) for seed in range(20)]
    assert all(steps) and np.median([step for step in steps if step]) < 100


def test_a_change_after_a_long_calm_is_noticed_too():
    values = [*stream(3000, 5), *stream(500, 6, moved=1.0)]
    step = alarmed(Monitor(reference(), seed=5), values)
    assert step is not None and 3000 < step < 3300


def test_the_alarm_stays_says_what_changed_and_can_be_reset():
    monitor = Monitor(reference())
    alarmed(monitor, stream(400, 1, moved=1.0))
    for one in stream(50, 2):
        status = monitor.observe(one)
    assert status.alarm and "agreement has become lower" in status.sentence
    assert status.by_statistic["agreement"] > status.by_statistic["cost"]
    monitor.reset()
    assert not monitor.status().alarm and monitor.status().observed == 0


def test_bets_are_fair():
    """A bettor's capital is one on average, over the orders of a source of few levels: exactly, by every continuation."""
    spread = Spread(edges=(0.5,), counts=(3, 2), mean=0.4)
    generator, capitals = np.random.default_rng(0), []
    for seed in range(4000):
        values = generator.permutation(
            [0.0] * 6 + [1.0] * 4
        )  # exchangeable: five stand for the reference's, five come later
        counts = (int((values[:5] == 0).sum()), int((values[:5] == 1).sum()))
        monitor = Monitor(
            Reference(statistics={"x": spread.model_copy(update={"counts": counts})}, questions=5), seed=seed
        )
        for value in values[5:]:
            status = monitor.observe({"x": float(value)})
        capitals.append(status.by_statistic["x"])
    assert np.mean(capitals) == pytest.approx(1.0, abs=4 * np.std(capitals) / math.sqrt(4000))


def test_what_is_not_known_is_passed_over():
    monitor = Monitor(reference())
    before = monitor.status().by_statistic
    status = monitor.observe({"agreement": math.nan, "something": 3.0})
    assert status.by_statistic == before and status.observed == 1


def test_a_restart_changes_nothing():
    values, through = stream(60, 3, moved=0.3), Monitor(reference(), seed=9)
    first = Monitor(reference(), seed=9)
    for one in values[:30]:
        through.observe(one), first.observe(one)
    kept = json.loads(json.dumps(first.state()))
    second = Monitor.restore(reference(), kept)
    for one in values[30:]:
        assert second.observe(one) == through.observe(one)


def test_a_state_of_another_policy_is_refused():
    other = Reference.of({"cost": [1.0, 2.0]}, {"cost": [1.0, 2.0]})
    with pytest.raises(UserError, match="another policy file"):
        Monitor.restore(other, Monitor(reference()).state())


def test_edges_come_from_the_learned_questions_and_counts_from_the_tested_ones():
    found = Reference.of({"cost": list(range(100))}, {"cost": [0, 0, 99]}, levels=4).statistics["cost"]
    assert len(found.counts) == 4 and found.counts[0] == 2 and found.counts[-1] == 1 and sum(found.counts) == 3


def test_statistics_leave_out_what_is_not_known():
    assert statistics(["a"], None, 1) == {"cost": 1.0}
    assert statistics([None, None], [None, -math.inf], 2) == {"cost": 2.0, "agreement": 0.0}
    assert statistics(["a", "b", "a"], [0.1, 0.7, math.nan], 3)["score"] == 0.7


@pytest.mark.parametrize(
    "fields", [{"edges": (1.0, 0.5)}, {"counts": (1, 2)}, {"counts": (0, 0, 0)}, {"counts": (1, -1, 3)}]
)
def test_a_table_that_does_not_fit_is_refused(fields):
    with pytest.raises(ValueError):
        Spread(**{"edges": (0.5, 1.0), "counts": (1, 2, 3), "mean": 0.5} | fields)


def test_a_level_outside_nought_to_one_is_refused():
    with pytest.raises(UserError, match="level"):
        Monitor(reference(), level=0.0)
