"""Policies that hand over to another model: routers, per bin, sequential; fitted, replayed, promised, and what they carry."""

from dataclasses import replace

import numpy as np
import pytest
from handed_worlds import LARGE, with_a_larger_model, without_scores

from outlay.errors import UserError
from outlay.policies import Policy, Spend, State
from outlay.policies.fit_sequence import fit_sequence
from outlay.study.carrying import kept_whole, whole
from outlay.study.fitting_bins import fitted_by_bins
from outlay.study.handing import handed_of
from outlay.study.options import replay_options, samples_for
from outlay.study.promising import keep, ready
from outlay.study.settings import Settings
from outlay.study.sureness import at_the_end, lots_of

SETTINGS = Settings(bins=3, pilot=2, splits=2, resamples=100, headline_budget=4)


@pytest.fixture(scope="module")
def found():
    return with_a_larger_model()


@pytest.fixture(scope="module")
def router(found):
    return fitted_by_bins(found, SETTINGS, "router", 4.0, source="question", switching=True)


def test_another_models_answer_counts_for_its_mean_flops_beside_a_sample(found):
    (handed,) = handed_of(found, "weighted")
    assert handed.counts == pytest.approx(found.larger[0].greedy.flops.mean(), abs=1e-4)
    assert handed.generations == int(np.ceil(handed.counts))
    rows = np.arange(10)
    assert handed_of(found, "weighted", rows)[0].counts == pytest.approx(
        found.larger[0].greedy.flops[:10].mean(), abs=1e-4
    )


def test_a_router_sends_the_hard_to_the_larger_model_and_pays_for_it(found, router):
    policy = router.policy
    assert policy.kind == "router" and policy.models() == ("small", LARGE) and policy.difficulty.cost == 0
    hard, easy = (State(budget=100, question=f"{word} the numbers 5 and 5", lot=0.0) for word in ("prove", "add"))
    assert policy.decide(hard).model == LARGE and policy.decide(easy).model == "small"
    assert policy.decide(hard).counts == pytest.approx(handed_of(found, "weighted")[0].counts, abs=1e-3)
    figures = policy.plan(4.0).measured
    assert 2.5 < figures.cost.mean < 4.2  # the hard half at six; for the easy the small model is as good


def test_it_is_ahead_of_lots_where_words_tell_and_only_there(router):
    def lead(fitted):
        place = list(fitted.curve.budgets).index(4.0)
        return (fitted.curve.accuracy - fitted.by_lot.accuracy)[:, place].mean()

    blind = fitted_by_bins(with_a_larger_model(told=False), SETTINGS, "router", 4.0, source="question", switching=True)
    assert lead(router) > 0.08 and abs(lead(blind)) < 0.05


def test_its_figures_are_of_questions_that_fitted_nothing(found):
    """Coins for a larger model and no words: what is chosen by luck must not show."""
    coins = np.random.default_rng(3).random((240, 1)) < 0.5
    greedy = replace(found.larger[0].greedy, correct=coins.astype(float))
    blind = with_a_larger_model(told=False)
    blind = replace(
        blind,
        pool=replace(blind.pool, correct=np.random.default_rng(4).random((240, 8)) < 0.5),
        larger=(replace(found.larger[0], greedy=greedy),),
        texts=tuple(" ".join(f"w{n}" for n in np.random.default_rng(q).integers(0, 40, 6)) for q in range(240)),
    )
    done = fitted_by_bins(without_scores(blind), SETTINGS, "router", 4.0, source="question", switching=True)
    assert done.curve.accuracy[:, 0].mean() < 0.58


def test_a_pilot_may_tell_instead_and_its_cost_counts(found):
    done = fitted_by_bins(found, SETTINGS, "router", 5.0, switching=True)
    assert done.policy.difficulty.samples == 2
    first = done.policy.decide(State(budget=100))
    assert (first.purpose, first.generations) == ("pilot", 2)
    handed = done.policy.decide(State(budget=100, scores=(0.05, 0.05), answers=("a", "b"), spent=2, lot=0.0))
    assert handed.model == LARGE
    assert done.policy.plan(5.0).measured.cost.mean == pytest.approx(5.0, abs=0.5)


def test_a_question_with_less_to_spend_than_the_other_model_costs_gets_samples(router):
    hard = State(budget=3, question="prove the numbers 5 and 5", lot=0.0)
    step = router.policy.decide(hard)
    assert (step.model, step.generations, step.purpose) == ("small", 3, "answer")
    spent = replace(hard, spent=3.0, scores=(0.2, 0.3, 0.1), answers=("a", "b", None))
    assert router.policy.decide(spent).first == 3


def test_per_bin_is_a_hard_cap_with_another_model_too(found):
    policy = fitted_by_bins(found, SETTINGS, "per_bin", 8.0, switching=True).policy
    assert LARGE in policy.models()
    for plan in policy.plans:
        for choice in plan.choices:
            assert choice.generations + 2 * (choice.model is not None) * (len(plan.choices) > 1) <= plan.budget


def test_the_file_reads_back_and_says_where_questions_go(router, found, tmp_path):
    policy = whole(router.policy, 4.0, found, SETTINGS)
    policy.save(tmp_path / "p.yaml")
    assert Policy.load(tmp_path / "p.yaml") == policy
    text = (tmp_path / "p.yaml").read_text()
    assert "its words alone" in text and f"goes to one of small, {LARGE}, which answers" in text
    assert "which counts for" in text and f"Every answer by {LARGE} has a calibrated P(right)" in text


def asked(policy, found, order, row, cap, lot):
    """What `decide` does with a question's samples in this order: how many it drew, what it cost, and who answered."""
    pool, drawn, spent, first = found.pool, 0, 0.0, None
    while True:
        seen = order[row][:drawn]
        texts = tuple(str(answer) for answer in pool.answers[row, seen])
        scores = tuple(pool.scores[row, seen])
        state = State(
            budget=cap,
            scores=scores,
            answers=texts,
            spent=spent,
            lot=lot,
            question=found.texts[row] if found.texts else "",
        )
        step = policy.decide(state)
        if not isinstance(step, Spend):
            return drawn if step.first is None else step.first, spent, "", first
        if step.model != policy.model:
            return drawn, spent + step.counts, step.model, first
        drawn, spent = drawn + step.generations, spent + step.generations


KINDS = {
    "router": {},
    "across": {},
    "across, switching": {"switching": True},
    "per_bin": {"switching": True},
    "sequential": {"switching": True},
    "cascade": {},
    "threshold": {},
}


@pytest.fixture(scope="module", params=KINDS)
def candidates(request, found):
    kind = request.param.partition(",")[0]
    return kind, ready(found, SETTINGS, kinds=(kind,), orders=3, **KINDS[request.param])


def test_a_replay_is_what_decide_does(candidates, found):
    """In one order of the samples, question by question: drawn, paid, and who answered; averages over lots are between."""
    kind, made = candidates
    pool, order, lots = made.pool, made.orders[0], lots_of(made.pool, 0)
    options = [one for one in made.options if one.kind == kind]
    assert options
    for option in options[:: max(1, len(options) // 3)]:
        policy = option.policy
        if kind in ("router", "across"):
            policy = policy.model_copy(update={"mean_budget": option.plan.budget})
        end, cost = at_the_end(pool, order, option, found)
        for row in range(0, 240, 11):
            drawn, spent, by, _ = asked(policy, replace(found, pool=pool), order, row, option.cap, lots[row])
            assert (end.drawn.drawn[row], end.by[row]) == (drawn, by)
            assert cost[row] == pytest.approx(spent)
            assert cost[row] <= option.cap + 1e-9
        _, mean = replay_options(pool, [option], [order], found)
        if kind not in ("router", "across"):  # those average over lots
            assert mean[:, 0] == pytest.approx(cost)


def test_every_kind_is_promised_and_carries_a_confidence_for_whoever_answers(candidates, found, tmp_path):
    kind, made = candidates
    only = [place for place, option in enumerate(made.options) if option.kind == kind]
    best = made.tested.correct[:, only].mean(axis=0).max()
    kept = keep(made, target_accuracy=float(best) - 0.15)
    dear = keep(made, mean_budget=float(made.tested.cost.mean(axis=0).max()) * 1.3)
    assert dear.policy.promise.kind == "mean_cost"
    place = only[-1]
    policy = kept_whole(replace(kept, option=made.options[place], policy=made.options[place].policy), made, found)
    policy.save(tmp_path / "p.yaml")
    assert Policy.load(tmp_path / "p.yaml") == policy
    end, _ = at_the_end(made.pool, made.orders[0], made.options[place], found)
    for who in set(end.by):
        told = np.mean([tell(policy, made, found, end, row) for row in np.flatnonzero(end.by == who)])
        assert told == pytest.approx(end.right[end.by == who].mean(), abs=0.12)
    assert kept.policy.promise.target == pytest.approx(best - 0.15) and "cost" in policy.drift.statistics


def tell(policy, made, found, end, row):
    drawn, by = int(end.drawn.drawn[row]), str(end.by[row])
    seen = made.orders[0][row][:drawn]
    answers = tuple(str(a) for a in made.pool.answers[row, seen])
    state = State(budget=99, answers=answers, scores=tuple(made.pool.scores[row, seen]), question=found.texts[row])
    sure = policy.confidence(state, None if by else f"{end.drawn.chosen[row]}", model=by or None)
    assert sure is not None and 0 < sure < 1
    return sure


def test_the_promised_plan_is_the_one_that_is_followed(found):
    made = ready(found, SETTINGS, kinds=("router",), orders=2)
    only = [place for place, option in enumerate(made.options) if option.kind == "router"]
    places = [*only, len(made.options) - 1]  # the baseline stays
    routers = replace(
        made,
        options=tuple(made.options[place] for place in places),
        learned=pick(made.learned, places),
        tested=pick(made.tested, places),
    )
    policy = keep(routers, target_accuracy=0.75).policy
    assert policy.kind == "router" and policy.followed_plan() == policy.plans[-1]
    assert policy.plans[-1].measured.accuracy.mean == pytest.approx(policy.promise.estimate, abs=1e-6)
    assert policy.promise.estimate > policy.promise.bound >= 0.75


def pick(outcomes, places):
    return type(outcomes)(
        tuple(outcomes.names[p] for p in places),
        outcomes.correct[:, places],
        outcomes.cost[:, places],
        outcomes.cap[places],
    )


def test_what_the_tested_questions_hold_does_not_move_the_price(found):
    """The larger model's price is of the questions that fit."""
    made = ready(found, SETTINGS, kinds=("router",), orders=2)
    flops = found.larger[0].greedy.flops.copy()
    flops[made.parted.test] *= 3
    dearer = replace(found, larger=(replace(found.larger[0], greedy=replace(found.larger[0].greedy, flops=flops)),))
    again = ready(dearer, SETTINGS, kinds=("router",), orders=2)
    assert [one.policy for one in again.options] == [one.policy for one in made.options]


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"larger": ()}, "no other model's answers"),
        ({"flops": None}, "tell no FLOPs"),
        ({"texts": ()}, "questions' texts"),
    ],
)
def test_what_the_traces_lack_is_said(found, changed, says):
    with pytest.raises(UserError, match=says):
        fitted_by_bins(replace(found, **changed), SETTINGS, "router", 4.0, source="question", switching=True)


def test_a_mean_below_the_cheapest_answer_is_refused(found):
    with pytest.raises(UserError, match="below the 3 that"):
        fitted_by_bins(found, replace(SETTINGS, pilot=3), "router", 2.0, switching=True)


def test_a_sequential_policy_with_switching_carries_confidences(found):
    policy = whole(
        fit_sequence(samples_for(found, found.pool, "weighted", switching=True), [4.0]), 4.0, found, SETTINGS
    )
    assert LARGE in policy.handed_confidence and policy.drift is not None
