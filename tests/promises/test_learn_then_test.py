"""Learn-then-test: the path, what it promises, what it refuses, and that the level holds where candidates are just not good
enough.
"""

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.promises import MeanBudget, NotPromised, Outcomes, PriceOfError, TargetAccuracy, learn_then_test
from outlay.promises.learn_then_test import fixed_sequence, holm, path


def outcomes(rates, costs, questions, seed=0, caps=None):
    generator = np.random.default_rng(seed)
    shared = generator.random((questions, 1))  # candidates are right on the same questions, as real ones mostly are
    correct = (shared < np.array(rates)).astype(float)
    cost = np.tile(np.array(costs, dtype=float), (questions, 1))
    names = tuple(f"c{i}" for i in range(len(rates)))
    return Outcomes(names, correct, cost, np.array(costs if caps is None else caps, dtype=float))


def test_the_path_begins_with_the_likeliest_and_goes_to_ever_better_ones():
    assert path([1.0, 3.0, 2.0, 2.5], [9.0, 1.0, 5.0, 0.5]).tolist() == [1, 2, 0]
    assert path([2.0, 2.0], [1.0, 3.0]).tolist() == [1]
    assert path([-np.inf, 0.0], [5.0, 1.0]).tolist() == [1]


def test_the_cheapest_that_holds_is_promised():
    learned, tested = (outcomes([0.95, 0.9, 0.6, 0.5], [16, 8, 4, 1], n, seed) for n, seed in ((300, 1), (600, 2)))
    shown = learn_then_test(TargetAccuracy(0.8), learned, tested)
    assert shown.chosen.name == "c1"
    assert [step.shown for step in shown.steps] == [True, True, False]
    assert 0.8 <= shown.chosen.bound < shown.chosen.estimate


def test_a_bound_is_what_can_be_promised_and_no_more():
    learned, tested = (outcomes([0.9], [4], n, seed) for n, seed in ((200, 1), (400, 2)))
    bound = learn_then_test(TargetAccuracy(0.5), learned, tested).chosen.bound
    assert learn_then_test(TargetAccuracy(bound), learned, tested).chosen.p_value <= 0.05
    with pytest.raises(NotPromised):
        learn_then_test(TargetAccuracy(bound + 0.0051), learned, tested)


def test_what_is_not_supported_is_refused_with_what_is_and_with_how_many_more_questions():
    learned, tested = (outcomes([0.8], [4], n, seed) for n, seed in ((40, 1), (60, 2)))
    with pytest.raises(NotPromised) as refused:
        learn_then_test(TargetAccuracy(0.75), learned, tested)
    error = refused.value
    assert 0.6 < error.best_bound < 0.75 and error.estimate > 0.75
    assert error.more_questions is not None and error.more_questions > 100
    assert f"{error.more_questions:,} more questions" in str(error) and "c0" in str(error)


def test_as_many_more_questions_as_are_named_do_show_it():
    """The estimate's own promise: with them, a candidate as good as it looked is shown in about 80% of cases."""
    learned, tested = (outcomes([0.8], [4], n, seed) for n, seed in ((80, 1), (120, 2)))
    with pytest.raises(NotPromised) as refused:
        learn_then_test(TargetAccuracy(0.74), learned, tested)
    error = refused.value
    total = 200 + error.more_questions
    rate, made = error.estimate, 0
    for seed in range(200):
        parts = (outcomes([rate], [4], n, [seed, n]) for n in (round(0.4 * total), round(0.6 * total)))
        try:
            learn_then_test(TargetAccuracy(0.74), *parts)
            made += 1
        except NotPromised:
            pass
    assert 0.7 < made / 200 < 0.93


def test_more_questions_are_not_asked_for_where_they_would_not_help():
    learned, tested = (outcomes([0.5], [4], n, seed) for n, seed in ((100, 1), (100, 2)))
    with pytest.raises(NotPromised, match="more questions would hardly help") as refused:
        learn_then_test(TargetAccuracy(0.7), learned, tested)
    assert refused.value.more_questions is None


def test_a_cap_within_the_budget_needs_no_test_and_a_mean_above_it_is_not_promised():
    generator = np.random.default_rng(0)
    cost = np.column_stack([np.full(400, 4.0), generator.choice([2.0, 16.0], 400), generator.choice([8.0, 16.0], 400)])
    correct = (generator.random((400, 1)) < np.array([0.5, 0.7, 0.9])).astype(float)
    table = Outcomes(("four", "nine", "twelve"), correct, cost, np.array([4.0, 16.0, 16.0]))
    shown = learn_then_test(MeanBudget(10.5), table.on(np.arange(150)), table.on(np.arange(150, 400)))
    assert shown.chosen.name == "nine" and 9.0 < shown.chosen.bound <= 10.5
    assert shown.steps[0].name == "four" and shown.steps[0].p_value == 0.0
    assert (
        learn_then_test(MeanBudget(4.0), table.on(np.arange(150)), table.on(np.arange(150, 400))).chosen.name == "four"
    )


def test_the_price_of_an_error_decides_what_is_worth_it():
    table = outcomes([0.6, 0.9], [1, 8], 600)
    learned, tested = table.on(np.arange(200)), table.on(np.arange(200, 600))
    dear = learn_then_test(PriceOfError(100.0, against=0), learned, tested).chosen
    assert dear.name == "c1" and 15 < dear.bound < dear.estimate < 30  # 0.3 x 100 - 7 = 23
    with pytest.raises(NotPromised, match="worth more"):
        learn_then_test(PriceOfError(10.0, against=0), learned, tested)


@pytest.mark.parametrize("excess", [0.0, -0.01])
def test_just_not_good_enough_is_promised_no_more_often_than_the_level(excess):
    """Twelve candidates at the target or just below it: the hardest worlds for a rule that picks among them."""
    rates, broken, worlds = np.full(12, 0.7 + excess - 1e-9), 0, 400
    for seed in range(worlds):
        learned, tested = (_independent(rates, n, [seed, n]) for n in (60, 90))
        try:
            learn_then_test(TargetAccuracy(0.7), learned, tested, seed=seed)
            broken += 1
        except NotPromised:
            pass
    assert broken / worlds <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / worlds)  # a false failure once in 200


def _independent(rates, questions, seed):
    correct = (np.random.default_rng(seed).random((questions, len(rates))) < rates).astype(float)
    cost = np.tile(np.arange(1.0, len(rates) + 1), (questions, 1))
    return Outcomes(tuple(map(str, range(len(rates)))), correct, cost, np.arange(1.0, len(rates) + 1))


def test_holm_and_the_fixed_sequence():
    assert holm([0.01, 0.02, 0.04, 0.9]) == [True, False, False, False]
    assert fixed_sequence([0.01, 0.02, 0.04, 0.9]) == 3
    assert fixed_sequence([0.2, 0.001]) == 0


@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda t: Outcomes(t.names, t.correct * 2, t.cost, t.cap), r"\[0, 1\]"),
        (lambda t: Outcomes(t.names, t.correct, t.cost * 2, t.cap), "cap"),
        (lambda t: Outcomes(t.names[:1], t.correct, t.cost, t.cap), "shapes"),
        (lambda t: learn_then_test(TargetAccuracy(0.5), t.on(np.arange(10)), t), "at least 20 questions"),
        (lambda t: learn_then_test(TargetAccuracy(0.5), t, t, level=1.0), "level"),
        (lambda t: TargetAccuracy(90), "between 0 and 1"),
        (lambda t: MeanBudget(0), "above 0"),
        (lambda t: PriceOfError(float("inf"), 0), "above 0"),
    ],
)
def test_what_is_wrong_is_said(spoil, says):
    with pytest.raises(UserError, match=says):
        spoil(outcomes([0.5, 0.6], [1, 2], 40))
