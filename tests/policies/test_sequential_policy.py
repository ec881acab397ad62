import numpy as np
import pytest
import yaml
from recorded import texts_of, voting, with_large

from outlay.errors import UserError
from outlay.policies import Policy, RulePolicy, SequentialPolicy, Spend, State, Stop
from outlay.policies.fit_sequence import fit_path, fit_sequence, replay

KINDS = ["sequential", "adaptive_consistency", "window", "score_threshold", "threshold", "fixed"]


@pytest.fixture(scope="module", params=["weighted", "majority", "best_of_n"])
def samples(request):
    return voting(select=request.param)


def fitted(samples, kind):
    try:
        return fit_sequence(samples, [2, 5], kind)
    except UserError as error:
        pytest.skip(str(error))


def follow(policy, samples, question, order, cap):
    """Ask the policy sample by sample, as a server does."""
    drawn = 0
    while True:
        answers, scores = texts_of(samples, question, order, drawn)
        step = policy.decide(State(budget=cap, scores=scores, spent=drawn, answers=answers))
        if isinstance(step, Stop):
            return drawn, step
        if step.purpose == "answer":
            return drawn, step
        drawn += step.generations


@pytest.mark.parametrize("kind", KINDS)
def test_deciding_live_ends_where_the_replay_ends(samples, kind):
    policy = fitted(samples, kind)
    orders = samples.orders(2, seed=4)
    correct, cost = replay(policy, samples, orders)
    for question in range(0, samples.questions, 3):
        for number, order in enumerate(orders[:, question]):
            drawn, stop = follow(policy, samples, question, order, cap=10**6)
            assert drawn == cost[question, number]
            if correct[question, number] in (0.0, 1.0) and stop.place is not None:
                assert samples.correct[question, order[stop.place]] == correct[question, number]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cap", [1, 3, 7])
def test_the_budget_of_a_question_is_a_hard_cap(samples, kind, cap):
    policy = fitted(samples, kind)
    order = np.arange(samples.size)
    assert all(follow(policy, samples, q, order, cap)[0] <= cap for q in range(20))


@pytest.mark.parametrize("kind", ["sequential", "threshold"])
def test_a_file_comes_back_as_it_was(samples, kind, tmp_path):
    policy = fit_sequence(samples, [2, 5], kind)
    policy.save(tmp_path / "p.yaml")
    again = Policy.load(tmp_path / "p.yaml")
    assert again == policy and type(again) is type(policy)


def test_the_file_says_in_words_what_it_does(tmp_path):
    fit_sequence(voting(), [4]).save(tmp_path / "p.yaml")
    head = (tmp_path / "p.yaml").read_text().split("format:")[0]
    assert "in the order of asking" in head and "4 generations on average, at most 16 samples" in head
    assert "questions end:" in head and "weighted best-of-N" in head


def edited(policy, tmp_path, edit):
    policy.save(tmp_path / "p.yaml")
    fields = yaml.safe_load((tmp_path / "p.yaml").read_text())
    edit(fields)
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(fields))
    return tmp_path / "p.yaml"


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda f: f.update(kind="sequentail"), 'no kind of policy .*did you mean "sequential"'),
        (lambda f: f.update(kind=["x"]), "no kind of policy"),
        (lambda f: f["plans"][0]["stages"][1]["go_on"].pop(), "coefficients; the signals make"),
        (lambda f: f["plans"][0]["stages"].reverse(), "must rise"),
        (lambda f: f.update(mean_budget=1), "below the least plan"),
        (lambda f: f.update(kind="per_bin"), "unknown field|missing"),
        (lambda f: f.update(selct="weighted"), "did you mean `select`"),
    ],
)
def test_a_wrong_file_is_refused_in_words(edit, words, tmp_path):
    with pytest.raises(UserError, match=words):
        Policy.load(edited(fit_sequence(voting(), [2, 4]), tmp_path, edit))


def test_asked_of_a_kind_another_is_refused(tmp_path):
    fit_sequence(voting(), [2], "threshold").save(tmp_path / "p.yaml")
    assert isinstance(RulePolicy.load(tmp_path / "p.yaml"), RulePolicy)
    with pytest.raises(UserError, match="not a SequentialPolicy"):
        SequentialPolicy.load(tmp_path / "p.yaml")


def test_it_refuses_other_models():
    policy = fit_sequence(voting(), [2])
    other = type(voting())(**{**voting().__dict__, "model": "large"})
    with pytest.raises(UserError, match="model 'small', not 'large'"):
        policy.evaluate(other)


def test_evaluating_is_replaying():
    policy = fit_sequence(voting(), [2, 5])
    others = voting(questions=80, seed=11)
    found = policy.evaluate(others, orders=8, resamples=50)
    correct, cost = replay(policy.at(5), others, others.orders(8))
    assert found.accuracy.mean[1] == pytest.approx(correct.mean())
    assert found.cost.mean[1] == pytest.approx(cost.mean())


def test_a_plan_is_followed_by_its_mean_budget():
    policy = fit_sequence(voting(), [2, 5])
    assert policy.plan().budget == 5 and policy.at(3).plan().budget == 2
    with pytest.raises(UserError, match="least mean budget"):
        policy.at(1)


def test_a_switch_names_its_model_and_is_within_the_cap():
    samples = with_large(voting(questions=100), rate=1.0, cost=2.0)
    policy = fit_sequence(samples, [4])
    step = policy.decide(State(budget=100))
    assert policy.models() == ("small", "large")
    assert step == Spend("large", {"name": "greedy"}, 6, "answer", cost=2.0) and step.counts == 2.0
    assert policy.decide(State(budget=5)).model == "small"


def test_scores_that_are_missing_are_asked_for():
    policy = fit_sequence(voting(), [4])
    with pytest.raises(UserError, match="`scores` of all 2 samples"):
        policy.decide(State(budget=9, answers=("a", "b"), spent=2))


def test_a_path_spends_more_and_more():
    costs = [policy.plans[0].budget for policy in fit_path(voting(), 8)]
    assert len(costs) > 3 and costs == sorted(costs) and costs[0] >= 1
