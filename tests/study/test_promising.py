"""From a pool to a promised policy: parts that never meet, replays that are what the policy would have done, and what the file
then carries.
"""

from dataclasses import replace

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.policies import Figure, Measured, Policy, Provenance, Spend, State
from outlay.promises import NotPromised, Outcomes
from outlay.study.carrying import confiding, kept_whole, traces_digest, whole
from outlay.study.options import named, replay_options
from outlay.study.promising import keep, part, ready
from outlay.study.replays import orders_of, probabilities_from
from outlay.study.settings import Settings
from outlay.study.sureness import after, at_the_end
from studies.promises import PromiseStudy, drawn_from, world

SMALL = PromiseStudy(
    worlds=1, population=400, questions=240, samples=16, orders=3, level=0.95, margins=(0.0,), prices=(10,), drift_worlds=0,
    requests=0, shift=1.0, seed=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return drawn_from(world(SMALL, 2), np.arange(240))


@pytest.fixture(scope="module")
def candidates(found):
    return ready(found, Settings(seed=1, bins=3, pilot=4), orders=3)


@pytest.fixture(scope="module")
def kept(candidates):
    best = candidates.tested.correct.mean(axis=0).max()
    return keep(candidates, target_accuracy=float(best) - 0.12)


def test_the_parts_are_by_lot_and_never_meet():
    one = part(100, seed=0)
    assert one.learn.size == 40 and sorted([*one.learn, *one.test]) == list(range(100))
    assert not np.array_equal(one.learn, part(100, seed=1).learn) and not np.array_equal(np.sort(one.test), one.test)


def test_what_the_tested_questions_hold_changes_nothing_that_is_learned(found, candidates):
    """Other outcomes on the tested questions: the same policies, the same candidates in the same order."""
    correct = found.pool.correct.copy()
    correct[candidates.parted.test] = ~correct[candidates.parted.test]
    other = ready(
        replace(found, pool=replace(found.pool, correct=correct)), Settings(seed=1, bins=3, pilot=4), orders=3
    )
    assert [(o.name, o.policy, o.plan) for o in other.options] == [
        (o.name, o.policy, o.plan) for o in candidates.options
    ]
    assert np.array_equal(other.learned.correct, candidates.learned.correct)


def test_scores_that_are_no_probabilities_are_mapped_by_the_learning_questions_alone(found):
    raw = replace(found.pool, scores=np.log(found.pool.scores / (1 - found.pool.scores)))
    learn = np.arange(100)
    flipped = replace(raw, correct=np.where(np.arange(240)[:, None] < 100, raw.correct, ~raw.correct))
    a, b = probabilities_from(raw, learn).probabilities, probabilities_from(flipped, learn).probabilities
    assert np.array_equal(a, b) and a.min() >= 0 and a.max() <= 1
    assert not np.array_equal(a, probabilities_from(flipped, np.arange(240)).probabilities)


@pytest.mark.parametrize("kind", ["per_bin", "sequential"])
def test_a_replay_is_what_the_policy_would_have_done(candidates, found, kind):
    """Questions asked of `decide` sample by sample, in one order of their samples."""
    pool, order = candidates.pool, candidates.orders[0]
    option = [one for one in candidates.options if one.kind == kind][-1]
    correct, cost = replay_options(pool, [option], [order], found)
    end, paid = at_the_end(pool, order, option, found)
    for row in range(0, 240, 7):
        drawn = 0
        while True:
            seen = order[row][:drawn]
            texts = tuple(str(answer) for answer in pool.answers[row, seen])
            scores = tuple(pool.scores[row, seen])
            step = option.policy.decide(State(budget=option.cap, scores=scores, answers=texts, spent=drawn))
            if not isinstance(step, Spend):
                break
            drawn += step.generations
        assert cost[row, 0] == paid[row] == drawn
        counted = drawn if step.first is None else step.first
        assert end.drawn.drawn[row] == counted and (step.strategy is None) == (kind == "sequential")
        assert correct[row, 0] == pytest.approx(end.right[row])


def test_answers_after_some_samples_are_those_samples_alone(candidates):
    pool, order, rows = candidates.pool, candidates.orders[1], np.array([5, 9])
    found = after(pool, order, rows, 3, "majority")
    for place, row in enumerate(rows):
        assert found.drawn.answers[place].tolist() == pool.answers[row, order[row][:3]].tolist()
    assert found.drawn.drawn.tolist() == [3, 3]


def test_a_promised_policy_carries_everything_and_reads_back(kept, candidates, found, tmp_path):
    policy = kept_whole(kept, candidates, found)
    policy.save(tmp_path / "policy.yaml")
    assert Policy.load(tmp_path / "policy.yaml") == policy
    assert policy.promise.kind == "accuracy" and policy.promise.tested_on == 144 and policy.promise.learned_on == 96
    measured = policy.plans[-1].measured
    assert measured.accuracy.mean == pytest.approx(policy.promise.estimate, abs=1e-6)
    assert measured.accuracy.mean > policy.promise.bound >= policy.promise.target
    assert policy.calibrated.questions == 144 and policy.origin.traces == traces_digest(found.pool)
    assert policy.answer_confidence.reliability.questions == 240
    assert policy.calibrated.seed == 0 and policy.calibrated.date
    assert set(policy.drift.statistics) == {"agreement", "score", "cost"} and policy.drift.questions == 144
    sure = policy.confidence(State(budget=16, answers=("a",) * 8, scores=(0.9,) * 8))
    unsure = policy.confidence(State(budget=16, answers=tuple("abcdefgh"), scores=(0.2,) * 8))
    assert unsure < sure


def test_the_largest_plan_is_the_promised_one(candidates):
    best = candidates.tested.correct.mean(axis=0).max()
    for kind in ("per_bin", "same_for_all"):
        places = [place for place, option in enumerate(candidates.options) if option.kind == kind]
        only = replace(
            candidates,
            options=tuple(candidates.options[place] for place in places),
            learned=chosen(candidates.learned, places),
            tested=chosen(candidates.tested, places),
        )
        policy = keep(only, target_accuracy=float(best) - 0.2).policy
        assert policy.plan(1000.0) == policy.plans[-1]
        assert policy.plans[-1].measured.accuracy.mean == pytest.approx(policy.promise.estimate, abs=1e-6)


def chosen(outcomes, places):
    return Outcomes(
        tuple(outcomes.names[place] for place in places),
        outcomes.correct[:, places],
        outcomes.cost[:, places],
        outcomes.cap[places],
    )


def test_a_cap_is_kept_by_leaving_out_what_is_above_it(found, candidates):
    per_bin = next(option.policy for option in candidates.options if option.kind == "per_bin")
    policy = whole(per_bin, 8, found, Settings(seed=1))
    assert policy.plans[-1].budget == 8 and policy.promise.sentence().startswith("Never spends more than 8")
    assert policy.drift is not None and policy.answer_confidence is not None


def test_a_policy_for_any_budget_has_confidences_and_drift_is_watched_where_no_budget_is_named(found, candidates):
    per_bin = next(option.policy for option in candidates.options if option.kind == "per_bin")
    figures = {plan.budget: measured(min(plan.budget, 4) / 10) for plan in per_bin.plans}
    policy = confiding(per_bin.measured(figures, Provenance()), found, Settings(seed=1))
    usual = policy.usual_plan()
    assert usual.budget == 4 and policy.promise is None and policy.drift.questions == 144
    assert policy.drift.statistics["cost"].mean <= 4 and policy.drift.about == named(usual)
    assert policy.answer_confidence.most_drawn >= 8 and policy.origin.traces == traces_digest(found.pool)


def measured(accuracy):
    return Measured(
        accuracy=Figure(mean=accuracy, low=accuracy - 0.05, high=accuracy + 0.05), cost=Figure(mean=1, low=1, high=1)
    )


def test_the_usual_plan_is_the_cheapest_that_cannot_be_told_from_the_best(candidates):
    plans = next(option.policy for option in candidates.options if option.kind == "per_bin")
    means = dict(zip([plan.budget for plan in plans.plans], (0.3, 0.5, 0.56, 0.58, 0.6, 0.6, 0.6), strict=False))
    policy = plans.measured({budget: measured(mean) for budget, mean in means.items()}, Provenance())
    assert policy.usual_plan().budget == 4.0
    assert plans.usual_plan() == plans.plans[-1]  # nothing was measured


def test_a_promised_policy_says_how_much_less_it_needs_than_the_same_for_all(kept, candidates):
    figures = kept.policy.plans[-1].measured
    family = [place for place in candidates.same_for_all if candidates.options[place].name.startswith("weighted")]
    mean = candidates.tested.correct.mean(axis=0)
    enough = [candidates.options[place].cap for place in family if mean[place] >= figures.accuracy.mean]
    less = figures.times_less_than_baseline
    assert less.low <= less.value <= less.high
    if enough:
        assert not less.censored and less.value <= min(enough) / figures.cost.mean + 1e-6
    else:
        assert less.censored


def test_out_of_reach_is_refused(candidates):
    with pytest.raises(NotPromised, match="cannot be promised at 95% from 240 questions"):
        keep(candidates, target_accuracy=0.995)


@pytest.mark.parametrize("goals", [{}, {"target_accuracy": 0.5, "mean_budget": 4.0}])
def test_exactly_one_goal_is_wanted(candidates, goals):
    with pytest.raises(UserError, match="exactly one goal"):
        keep(candidates, **goals)


def test_too_few_questions_are_refused(found):
    few = replace(found, pool=replace(found.pool, **{
        name: getattr(found.pool, name)[:45] for name in ("questions", "correct", "answers", "scores")
    }))  # fmt: skip
    with pytest.raises(UserError, match="at least 20 questions"):
        ready(few, Settings())


def test_orders_are_the_seeds(found):
    a, b, c = (orders_of(found.pool, 2, seed) for seed in (1, 1, 2))
    assert np.array_equal(a[1], b[1]) and not np.array_equal(a[1], c[1]) and not np.array_equal(a[0], a[1])
