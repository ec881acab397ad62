"""Every kind of policy, live: it draws, looks, and decides again; it hands over to a larger model; drift is noticed."""

import json

import pytest
from serving import PILOT, QUESTION, policy_file, serving
from typer.testing import CliRunner

from outlay.cli.main import app
from outlay.errors import UserError
from outlay.policies import (
    AcrossPlan,
    AcrossPolicy,
    Choice,
    Difficulty,
    PerBinPolicy,
    Plan,
    RulePolicy,
    SequentialPolicy,
)
from outlay.policies.rule_policy import RulePlan
from outlay.policies.sequential_policy import SequentialPlan, Signal, Stage, Switch
from outlay.policies.wording import Wording
from outlay.promises import Reference

WHO = {"task": "countdown", "model": "embedded:countdown-small", "verifier": "embedded:countdown-prm"}
PLAIN = {"name": "best_of_n"}
THRESHOLD = RulePlan(budget=8, signal="best_score", threshold=0.9, most=8)
RULE = {"rule": "score_threshold", "select": "best_of_n", "strategy": PLAIN}


def saved(policy, folder):
    policy.save(folder / "policy.yaml")
    return folder / "policy.yaml"


def scores_of(own):
    return [one["score"] if one["answer"] is not None else 0.0 for one in own["candidates"]]


def test_a_rule_stops_as_soon_as_it_has_seen_enough(tmp_path):
    with serving(saved(RulePolicy(**WHO, **RULE, plans=(THRESHOLD,)), tmp_path)) as server:
        for seed in range(6):
            own = server.chat(QUESTION, seed=seed, outlay={"explain": True})["outlay"]
            scores = scores_of(own)
            looks = [k for k in (1, 2, 4, 8) if k <= len(scores)]
            assert own["generations"] == len(scores) == looks[-1] or len(scores) in range(1, 9)
            assert max(scores) >= 0.9 or len(scores) == 8
            assert (
                own["stopped_by"] == "policy"
                and own["answer"] == own["candidates"][scores.index(max(scores))]["answer"]
            )
        capped = server.chat("9 3 5 7 > 64", seed=1, outlay={"budget": {"generations": 2}})["outlay"]
        assert capped["generations"] <= 2


def test_a_sequential_policy_decides_as_its_coefficients_say(tmp_path):
    stages = tuple(Stage(samples=k, go_on=(0.5, -1.0), right=(0.0, 1.0)) for k in (1, 2, 4))
    plans = (SequentialPlan(budget=3, price=0.01, stages=stages),)
    policy = SequentialPolicy(
        **WHO, select="best_of_n", strategy=PLAIN, signals=(Signal(name="best_score"),), plans=plans
    )
    with serving(saved(policy, tmp_path)) as server:
        assert server.service.limits.default_budget == 4
        for seed in range(6):
            own = server.chat("9 3 5 7 > 64", seed=seed, outlay={"explain": True})["outlay"]
            scores = scores_of(own)
            stop = next((k for k in (1, 2) if max(scores[:k]) >= 0.5), 4)
            assert len(scores) == own["generations"] == stop
            assert own["confidence"] == pytest.approx(max(scores), abs=1e-3)


def test_what_is_too_hard_is_handed_over_to_the_larger_model(tmp_path):
    switch = Switch(name="large", model="embedded:countdown-large", strategy={"name": "greedy"}, generations=1, cost=14)
    plan = RulePlan(budget=3, signal="best_score", threshold=0.9, most=2, hands_over=True)
    with serving(saved(RulePolicy(**WHO, **RULE, switch=switch, plans=(plan,)), tmp_path)) as server:
        given = [server.chat(text, seed=seed)["outlay"] for seed in range(3) for text in (QUESTION, "9 3 5 7 > 64")]
    assert {one["model"] for one in given} == {"embedded:countdown-small", "embedded:countdown-large"}
    assert all(one["generations"] == 3 for one in given if one["model"].endswith("large"))


HARD, LARGE = "9 3 5 7 > 64", "embedded:countdown-large"


def router(drift=None):
    """Four numbers go to the larger model, which counts for 7.15 generations; three are answered by the small one."""
    texts = [f"{n} 2 3 > 6 |" if n % 2 else f"{n} 3 5 7 > 64 |" for n in range(80)]
    reader = Wording.fit(texts, [0.95 if n % 2 else 0.05 for n in range(80)])
    own = Choice(strategy={"name": "greedy"}, generations=1)
    other = Choice(strategy={"name": "greedy"}, generations=8, model=LARGE, cost=7.15)
    return AcrossPolicy(
        kind="router",
        **WHO,
        difficulty=Difficulty(source="question", reader=reader, strategy=PLAIN),
        edges=(0.5,),
        plans=(AcrossPlan(budget=4, choices=(own, other)),),
        drift=drift,
    )


def test_a_router_sends_each_question_to_one_model_and_counts_what_it_is_worth(tmp_path):
    usual = {"cost": [1.0, 7.15] * 60}
    with serving(saved(router(Reference.of(usual, usual)), tmp_path)) as server:
        easy, hard = (server.chat(text, seed=1)["outlay"] for text in (QUESTION, HARD))
        assert (easy["model"], easy["bin"]) == ("embedded:countdown-small", 0)
        assert (hard["model"], hard["bin"], hard["generations"]) == (LARGE, 1, 1)
        assert hard["cost"]["flops"] > 5 * easy["cost"]["flops"]  # one generation of a larger model
        levels = [bettor.counts for bettor in server.service.drifting._monitor._bettors.values()]
        assert levels == [[61.0, 61.0]]  # the monitor sees what an answer counts for
        small = server.chat(HARD, seed=1, outlay={"budget": {"generations": 3}, "explain": True})["outlay"]
        assert small["model"] == "embedded:countdown-small" and len(small["candidates"]) == 3
        assert "goes to one of embedded:countdown-small" in " ".join(server.get("/v1/policy")[2]["says"])


def test_ask_follows_a_router_too(tmp_path):
    path = saved(router(), tmp_path)
    done = CliRunner().invoke(app, ["ask", HARD, "--policy", str(path), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["model"] == LARGE


def test_samples_of_another_model_are_not_mixed_with_the_pilots(tmp_path):
    """Plain sampling by a larger model after a pilot of the small one: a run of its own."""
    four = Choice(strategy={"name": "best_of_n"}, generations=4, model=LARGE)
    policy = PerBinPolicy(
        **WHO,
        difficulty=Difficulty(source="pilot", samples=2, cost=2, strategy=PLAIN),
        edges=(0.5,),
        plans=(Plan(budget=6, choices=(four, four)),),
    )
    with serving(saved(policy, tmp_path)) as server:
        own = server.chat(HARD, seed=1, outlay={"explain": True})["outlay"]
        assert own["model"] == LARGE and own["generations"] == 6
        assert [one["place"] for one in own["candidates"]] == [2, 3, 4, 5]


def test_a_model_that_is_not_there_is_refused_before_the_server_starts(tmp_path):
    switch = Switch(name="large", model="embedded:nothing", strategy={"name": "greedy"}, generations=1, cost=14)
    plan = RulePlan(budget=3, signal="best_score", threshold=0.9, most=2, hands_over=True)
    with (
        pytest.raises(UserError, match="no embedded model"),
        serving(saved(RulePolicy(**WHO, **RULE, switch=switch, plans=(plan,)), tmp_path)),
    ):
        pass


def test_across_questions_a_lot_parts_the_bins(tmp_path):
    plan = AcrossPlan(
        budget=3,
        choices=(Choice(strategy=PLAIN, generations=1),),
        dearer=(Choice(strategy=PLAIN, generations=6),),
        shares=(0.5,),
    )
    with serving(saved(AcrossPolicy(**WHO, plans=(plan,)), tmp_path)) as server:
        given = {server.chat(QUESTION, seed=seed)["outlay"]["generations"] for seed in range(8)}
    assert given == {1.0, 6.0}


def test_weights_that_are_not_the_policys_are_refused(tmp_path):
    policy = policy_file(tmp_path, PILOT, origin={"weights": {"embedded:countdown-prm": "0" * 64}})
    with pytest.raises(UserError, match="other weights of 'embedded:countdown-prm'"), serving(policy):
        pass


def test_a_server_with_another_budget_than_the_files_watches_no_drift(tmp_path):
    """What its questions cost is another matter than what the calibration's did."""
    usual = {"cost": [1.0] * 180 + [4.0] * 20}
    plan = RulePlan(budget=4, signal="best_score", threshold=0.9, most=4)
    path = saved(RulePolicy(**WHO, **RULE, plans=(plan,), drift=Reference.of(usual, usual)), tmp_path)
    with serving(path, budget=2) as server:
        server.chat(QUESTION, seed=1)
        assert server.service.metrics.observed._value.get() == 0
        server.chat(QUESTION, seed=1, outlay={"budget": {"generations": 4}})  # as the file's own
        assert server.service.metrics.observed._value.get() == 1


def test_drift_is_noticed_and_stays_noticed_over_a_restart(tmp_path, capfd):
    usual = {"cost": [1.0] * 180 + [4.0] * 20}
    plan = RulePlan(budget=4, signal="best_score", threshold=0.9, most=4)
    policy = RulePolicy(**WHO, **RULE, plans=(plan,), drift=Reference.of(usual, usual))
    path = saved(policy, tmp_path)
    with serving(path) as server:
        for seed in range(3):  # a caller's own budget says nothing of drift
            server.chat("9 3 5 7 > 64", seed=seed, outlay={"budget": {"generations": 2}})
        assert server.service.metrics.observed._value.get() == 0
        for seed in range(22):
            server.chat("9 3 5 7 > 64", seed=seed)
        metrics = server.service.metrics.page().decode()
        assert "outlay_drift_alarm 1.0" in metrics and "outlay_drift_observed_total 22.0" in metrics
    logged = capfd.readouterr().err
    assert logged.count('"event": "drift"') == 1 and "cost of a question has become higher" in logged
    with serving(path) as server:
        server.chat("1 2 3 > 6", seed=1)
        assert "outlay_drift_alarm 1.0" in server.service.metrics.page().decode()
