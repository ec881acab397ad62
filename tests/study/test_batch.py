import pytest

from outlay.errors import UserError
from outlay.policies import Policy, RulePlan, RulePolicy
from outlay.study.batch import check_batch, run_batch
from outlay.study.study import parse_study
from outlay.traces import Store


def study(questions=12):
    entry = {
        "task": "arithmetic-clean",
        "model": "embedded:arithmetic-clean-small",
        "questions": questions,
        "split": "validation",
    }
    return parse_study({"name": "batch", "entries": [entry]}, "study")


def rule(**changes):
    plan = {"budget": 2.0, "signal": "streak", "threshold": 2.0, "most": 6}
    fields = {
        "task": "arithmetic-clean",
        "model": "embedded:arithmetic-clean-small",
        "rule": "window",
        "select": "majority",
        "strategy": {"name": "majority"},
        "plans": (RulePlan(**plan), RulePlan(**plan | {"budget": 4.0, "threshold": 3.0})),
    }
    return RulePolicy(**{**fields, **changes})


def test_a_batch_stays_within_its_total_and_goes_on_where_it_stopped(tmp_path):
    batch = check_batch(study(), rule(), 30)
    found = run_batch(batch, tmp_path / "out")
    assert found["questions"] == 12 and 12 <= found["generations"] <= 30
    assert 0 <= found["accuracy"]["low"] <= found["accuracy"]["mean"] <= found["accuracy"]["high"] <= 1
    again = run_batch(batch, tmp_path / "out")
    assert again == found and Store(tmp_path / "out", create=False).runs().num_rows == 12


def test_questions_are_dealt_to_the_plans_beside_the_mean():
    batch = check_batch(study(), rule(), 36)
    asked = [type("Q", (), {"id": str(i)})() for i in range(400)]
    plans = [one.policy.mean_budget for one in batch.strategies(asked, None)]
    assert set(plans) == {2.0, 4.0} and abs(plans.count(4.0) / 400 - 0.5) < 0.1


@pytest.mark.parametrize(
    "policy, total, words",
    [
        (rule(), 11, "less than a generation for each of the 12"),
        (rule(model="embedded:other"), 40, "model 'embedded:other'"),
        (rule(task="countdown"), 40, "task 'countdown'"),
    ],
)
def test_what_cannot_be_spent_is_refused(policy, total, words):
    with pytest.raises(UserError, match=words):
        check_batch(study(), policy, total)


def test_a_total_below_the_least_plan_is_refused(tmp_path):
    with pytest.raises(UserError, match="below the policy's least budget of 2: give at least 24"):
        run_batch(check_batch(study(), rule(), 13), tmp_path / "out")


def test_several_entries_are_several_batches():
    entries = [{"task": t, "model": m} for t, m in (("countdown", "embedded:countdown-small"), ("arithmetic", "x"))]
    with pytest.raises(UserError, match="2 entries"):
        check_batch(parse_study({"name": "two", "entries": entries}, "s"), rule(), 2000)


def test_a_policy_file_of_any_kind_can_spend_a_batch(tmp_path):
    rule().save(tmp_path / "p.yaml")
    assert Policy.load(tmp_path / "p.yaml").kind == "rule"
