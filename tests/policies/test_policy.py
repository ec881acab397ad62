import numpy as np
import pytest
import yaml
from worlds import two_kinds

from outlay.errors import UserError
from outlay.policies import Difficulty, Policy, Spend, State, Stop, calibrate, fit_policy


@pytest.fixture(scope="module")
def policy():
    candidates, ease = two_kinds()
    pilot = Difficulty(source="pilot", samples=2, cost=2)
    return calibrate(
        candidates, ease, pilot, bins=2, budgets=[4, 18], baseline="best_of_n", splits=2, resamples=200
    ).policy


def test_a_file_comes_back_as_it_was(policy, tmp_path):
    policy.save(tmp_path / "policy.yaml")
    assert Policy.load(tmp_path / "policy.yaml") == policy


def test_the_file_says_in_words_what_it_does(policy, tmp_path):
    policy.save(tmp_path / "policy.yaml")
    head = (tmp_path / "policy.yaml").read_text().split("format:")[0]
    assert "bin 1: beam search (M = 4) x 16" in head and "mean verifier score of 2" in head and "right (" in head


def test_saving_leaves_the_file_and_nothing_else(policy, tmp_path):
    policy.save(tmp_path / "policy.yaml")
    assert [file.name for file in tmp_path.iterdir()] == ["policy.yaml"]


def test_a_place_that_cannot_be_written_is_a_user_error(policy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        policy.save(tmp_path / "file" / "policy.yaml")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        policy.save(tmp_path / "folder")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


def edited(policy, tmp_path, edit):
    policy.save(tmp_path / "p.yaml")
    fields = yaml.safe_load((tmp_path / "p.yaml").read_text())
    edit(fields)
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(fields))
    return tmp_path / "p.yaml"


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda f: f.update(verifer="x"), "unknown field `verifer`; did you mean `verifier`"),
        (lambda f: f["difficulty"].update(sample=1), "did you mean `samples`"),
        (lambda f: f.pop("model"), "`model` is missing"),
        (
            lambda f: f.update(format="outlay-policy/9"),
            "`format` is 'outlay-policy/9', .* reads 'outlay-policy/1'; upgrade",
        ),
        (lambda f: f.update(edges=[0.1, 0.5, 0.7]), "choices; 1 or 4"),
        (lambda f: f["plans"][1].update(budget=5), "costs more than that"),
        (lambda f: f["plans"].reverse(), "rising budget"),
    ],
)
def test_a_wrong_file_is_refused_in_words(policy, tmp_path, edit, words):
    with pytest.raises(UserError, match=words):
        Policy.load(edited(policy, tmp_path, edit))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="no policy file"):
        Policy.load(tmp_path / "none.yaml")


def test_a_list_is_no_policy(tmp_path):
    (tmp_path / "p.yaml").write_text("- 1\n")
    with pytest.raises(UserError, match="not a list"):
        Policy.load(tmp_path / "p.yaml")


def test_draws_the_pilot_first(policy):
    assert policy.decide(State(budget=18)) == Spend("small", {"name": "best_of_n"}, 2, "pilot")


def test_completes_a_pilot_that_was_begun(policy):
    assert policy.decide(State(budget=18, scores=(0.9,), spent=1)).generations == 1


def test_an_easy_question_goes_on_from_its_pilot(policy):
    assert policy.decide(State(budget=18, scores=(1.0, 0.9), spent=2)) == Spend(
        "small", {"name": "best_of_n"}, 2, "answer", 0
    )


def test_a_hard_question_gets_the_search(policy):
    assert policy.decide(State(budget=18, scores=(-np.inf, 0.1), spent=2)) == Spend(
        "small", {"name": "beam_search"}, 16, "answer", 1
    )


def test_stops_when_the_plan_is_spent(policy):
    assert isinstance(policy.decide(State(budget=18, scores=(1.0, 0.9), spent=4)), Stop)


@pytest.mark.parametrize("scores", [(0.9, 0.8), (0.1, 0.0)])
@pytest.mark.parametrize("budget", [4, 5, 18, 100])
def test_following_the_policy_never_exceeds_the_budget(policy, scores, budget):
    state = State(budget=budget)
    while isinstance(step := policy.decide(state), Spend):
        drawn = scores if step.purpose == "pilot" else state.scores
        state = State(budget, None, drawn, state.spent + step.generations)
    assert 0 < state.spent <= budget


@pytest.fixture(scope="module")
def voting():
    """Two kinds of questions that a pilot of 3 tells apart by how its answers agree."""
    candidates, ease = two_kinds()
    pilot = Difficulty(source="pilot", measure="consensus", samples=3, cost=3, strategy={"name": "majority"})
    return fit_policy(candidates, ease, pilot, bins=2, budgets=[19])


@pytest.mark.parametrize(
    ("answers", "strategy"),
    [(("1", "1", "1"), "best_of_n"), (("1", "2", None), "beam_search"), ((None, None, None), "beam_search")],
)
def test_a_pilot_without_a_verifier_places_by_how_answers_agree(voting, answers, strategy):
    assert voting.decide(State(19, answers=answers, spent=3)).strategy == {"name": strategy}


def test_a_voting_pilot_begun_is_completed(voting):
    assert voting.decide(State(19, answers=("1",), spent=1)) == Spend("small", {"name": "majority"}, 2, "pilot")


def test_scores_are_no_answers(voting):
    with pytest.raises(UserError, match="measures consensus; pass `answers`"):
        voting.decide(State(19, scores=(0.9, 0.9, 0.9), spent=3))


def test_answers_are_no_scores(policy):
    with pytest.raises(UserError, match="measures score; pass `scores`"):
        policy.decide(State(18, answers=("1", "1"), spent=2))


def test_the_file_says_what_a_pilot_measures(voting):
    assert "by the agreement (share of the most frequent answer) of 3 first samples" in voting.describe()[1]


def test_one_sample_cannot_measure_consensus():
    with pytest.raises(ValueError, match="at least 2"):
        Difficulty(source="pilot", measure="consensus", samples=1)


def test_fitting_measures_nothing_and_chooses_as_calibration_does(policy):
    candidates, ease = two_kinds()
    fitted = fit_policy(candidates, ease, Difficulty(source="pilot", samples=2, cost=2), bins=2, budgets=[4, 18])
    assert all(plan.measured is None for plan in fitted.plans)
    assert [plan.choices for plan in fitted.plans] == [plan.choices for plan in policy.plans]
    assert fitted.edges == policy.edges and fitted.calibrated.splits == 0


def test_a_budget_below_the_least_plan_is_refused(policy):
    with pytest.raises(UserError, match="least budget is 4"):
        policy.decide(State(budget=3))


def test_refuses_another_model(policy):
    with pytest.raises(UserError, match="model 'small', not 'large'"):
        policy.check(model="large")


def test_evaluation_refuses_another_verifier(policy):
    candidates, ease = two_kinds()
    other = type(candidates)(
        candidates.names, candidates.specs, candidates.budget, candidates.accuracy, candidates.cost, verifier="orm"
    )
    with pytest.raises(UserError, match="verifier 'prm', not 'orm'"):
        policy.evaluate(other, ease)


def test_evaluation_on_other_questions(policy):
    candidates, ease = two_kinds(questions=50)
    result = policy.evaluate(candidates, ease)
    assert result.accuracy.mean[1] == pytest.approx(0.8) and result.cost.mean[1] == pytest.approx(11.0)


def test_evaluation_needs_the_choices_measured(policy):
    candidates, ease = two_kinds()
    with pytest.raises(UserError, match="has no candidate"):
        policy.evaluate(candidates.only([0]), ease)


def test_figures_are_those_of_cross_validation(policy):
    measured = policy.plans[1].measured
    assert measured.accuracy.mean == pytest.approx(0.8) and measured.cost.mean == pytest.approx(11.0)


def test_the_cheapest_plan_for_an_accuracy(policy):
    assert policy.cheapest(0.7).budget == 18


def test_an_accuracy_out_of_reach_is_said(policy):
    with pytest.raises(UserError, match="No budget is shown"):
        policy.cheapest(0.99)


@pytest.mark.parametrize("price, budget", [(1.0, 4), (1000.0, 18)])
def test_the_dearer_an_error_the_more_is_spent(policy, price, budget):
    assert policy.best_value(price).budget == budget


def test_without_difficulty_every_question_is_treated_alike():
    policy = calibrate(two_kinds()[0], budgets=[16], splits=1, resamples=50).policy
    assert policy.decide(State(budget=16)).strategy == {"name": "beam_search"}


def test_values_need_a_source():
    candidates, ease = two_kinds()
    with pytest.raises(UserError, match="given together"):
        calibrate(candidates, ease)


def test_predicted_difficulty_has_to_be_given():
    candidates, ease = two_kinds()
    policy = calibrate(
        candidates, ease, Difficulty(source="predicted"), bins=2, budgets=[16], splits=1, resamples=50
    ).policy
    with pytest.raises(UserError, match="was not given"):
        policy.decide(State(budget=16))
    assert policy.decide(State(budget=16, difficulty=0.0)).strategy == {"name": "beam_search"}
