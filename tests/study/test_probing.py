"""Difficulty by a probe, from a study's entry to an answer: told from the question alone, paid for, and never by what it learnt."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from outlay import models, tasks, verifiers
from outlay.cli.main import app
from outlay.difficulty import Bins
from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.policies import Choice, Difficulty, PerBinPolicy, Plan, Policy
from outlay.serve.account import Account
from outlay.serve.engines import engine_for
from outlay.serve.meeting import check_files
from outlay.serve.outcome import Asked
from outlay.serve.spending import Spender
from outlay.strategies import BestOfN
from outlay.study.batch import Batch, run_batch
from outlay.study.probing import check_estimator
from outlay.study.roles import guessed
from outlay.study.runs import recorded, recorded_in
from outlay.study.settings import Settings
from outlay.study.study import check_addresses, parse_study
from outlay.study.summary import group_of
from outlay.traces import Store
from outlay.train.config import ProbeConfig
from outlay.train.probe import train_probe, write
from outlay.types import Budget
from outlay.verifiers.probes import difficulty_by, load_difficulty, load_probe, save_probe

MODEL, VERIFIER = "embedded:countdown-small", "embedded:countdown-prm"
QUICK = Settings(resamples=200, splits=2, pilot=2, bins=2)


def drawn(folder, split, questions, samples=8):
    task = tasks.load("countdown")
    driver = BatchingDriver(task, models.load(MODEL), verifiers.load(VERIFIER))
    units = [Unit(one, BestOfN(), Budget(generations=samples)) for one in task.questions(split, questions)]
    Store(folder).append(list(driver.solve(units)))
    return folder


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("learnt"), "prm", 48, 6)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("measured"), "test", 48)


@pytest.fixture(scope="module")
def probe(learnt, tmp_path_factory):
    out = tmp_path_factory.mktemp("probes") / "countdown"
    config = ProbeConfig(traces=learnt, features=MODEL, out=out, target="difficulty", epochs=40)
    write(config, train_probe(config))
    return f"probe:{out}"


@pytest.fixture(scope="module")
def policy(measured, probe, tmp_path_factory):
    out = tmp_path_factory.mktemp("policy") / "policy.yaml"
    told = [
        "calibrate",
        measured,
        "--budget",
        8,
        "--bins",
        2,
        "--pilot",
        2,
        "--difficulty",
        probe,
        "--out",
        out,
        "--json",
    ]
    done = CliRunner().invoke(app, [str(word) for word in told])
    assert done.exit_code == 0, done.output
    return out


def by_probe(folder, probe):
    store = Store(folder, create=False)
    (role,) = guessed(store.runs())
    (found,) = recorded(
        store.solutions(), store.runs(), [role.__class__(role.task, role.model, role.pool, probe=probe)]
    )
    return found


def test_each_question_is_told_by_its_text_and_charged_for_its_reading(measured, probe):
    found = by_probe(measured, probe)
    task, estimator = tasks.load("countdown"), load_difficulty(probe)
    asked = {question.id: question for question in task.questions("test", 48)}
    told = found.pool.probed
    np.testing.assert_allclose(
        told.values,
        difficulty_by(probe.removeprefix("probe:"), [asked[name] for name in found.pool.questions]),
        atol=1e-6,
    )
    tokens = [len(asked[name].text.split()) for name in found.pool.questions]
    assert told.flops.tolist() == [2.0 * estimator.parameters * count for count in tokens]
    assert told.cost == pytest.approx(told.flops.mean() / found.flops.of("best_of_n", [1]).mean(), abs=1e-6)
    assert 0 < told.cost < 1


def test_a_study_compares_it_with_a_pilot_its_cost_included(measured, probe):
    found = by_probe(measured, probe)
    group = group_of(found, QUICK)
    mine, pilot = group["policies"]["per_bin_probe"], group["policies"]["per_bin_pilot"]
    assert mine["difficulty_cost"] == found.pool.probed.cost and pilot["difficulty_cost"] == 2.0
    without = np.array(mine["cost"]) - np.array(mine["cost_without_difficulty"])
    np.testing.assert_allclose(without, found.pool.probed.cost, atol=1e-6)
    assert "across_probe" in group["policies"]
    over = mine["gain_over_pilot"]
    apart = [
        mine["accuracy"][mine["budget"].index(b)]["mean"] - pilot["accuracy"][pilot["budget"].index(b)]["mean"]
        for b in over["budget"]
    ]
    assert over["budget"] == [2.0, 4.0, 8.0]
    np.testing.assert_allclose([point["mean"] for point in over["points"]], apart, atol=2e-6)
    assert 0 <= group["bins"]["probe"]["agreement"]["accuracy"] <= 1
    assert any("a probe that reads" in sentence for sentence in group["sentences"])
    assert "per_bin_probe" not in group_of(recorded_in(Store(measured, create=False))[0], QUICK)["policies"]


def test_the_policy_file_says_how_difficulty_is_told_and_what_it_costs(policy, probe):
    found = Policy.load(policy)
    assert isinstance(found, PerBinPolicy) and found.probe == probe
    assert found.difficulty.source == "probe" and 0 < found.difficulty.cost < 1 and found.difficulty.drawn == 0
    plan = found.plan(8)
    assert len(plan.choices) == 2 and plan.measured.cost.mean > found.difficulty.cost
    assert f"by {probe}, which reads the question alone" in policy.read_text().replace("\n# ", " ")
    assert found.origin.weights[probe]


def answered(policy, text, seed=1):
    found = Policy.load(policy)
    task = tasks.load("countdown")
    spender = Spender(found, task, {MODEL: engine_for(task, models.load(MODEL), verifiers.load(VERIFIER))})
    events, account = [], Account()

    async def run():
        await spender.start()
        try:
            return await spender.answer(Asked(text, budget=8, seed=seed), account, events.append)
        finally:
            await spender.close()

    return asyncio.run(run()), events


def test_a_live_question_goes_where_the_probe_puts_it_and_pays_for_that(policy, probe):
    found, estimator = Policy.load(policy), load_difficulty(probe)
    for question in tasks.load("countdown").questions("test", 60)[54:]:
        given, events = answered(policy, question.text)
        value = float(estimator.of_all([question]).values[0])
        assert events[0]["event"] == "difficulty" and events[0]["value"] == round(value, 4)
        assert given.bin == Bins(found.edges).assign([value])[0]
        choice = found.plan(8).choices[given.bin]
        spends = [event for event in events if event["event"] == "spend"]
        assert [one["purpose"] for one in spends] == ["answer"] and spends[0]["strategy"] == choice.strategy
        assert given.generations == choice.generations
        assert given.cost.verifier_prompt_tokens >= len(question.text.split())


def test_what_a_question_costs_live_is_its_reading_more_than_without_it(policy, probe):
    text = "2 3 4 > 24 |"
    given, _ = answered(policy, text)
    plain, _ = answered_without(policy, given, text)
    assert given.answer == plain.answer
    more = given.cost.verifier_prompt_tokens - plain.cost.verifier_prompt_tokens
    assert more == len(text.split())
    assert given.cost.flops - plain.cost.flops == 2.0 * load_difficulty(probe).parameters * more


def answered_without(policy, given, text):
    """The same choice by a policy that treats every question alike."""
    found = Policy.load(policy)
    plan = Plan(budget=8, choices=(found.plan(8).choices[given.bin],))
    same = PerBinPolicy(task=found.task, model=found.model, verifier=found.verifier, plans=(plan,))
    path = policy.parent / "same.yaml"
    same.save(path)
    return answered(path, text)


def test_a_batch_is_asked_by_it_too(policy, probe, tmp_path):
    entry = {"task": "countdown", "model": MODEL, "verifier": VERIFIER, "questions": 12, "split": "validation"}
    study = parse_study({"name": "batch", "entries": [entry]}, "study")
    found = Policy.load(policy)
    run_batch(Batch(study.entries[0], found, 96, 0), tmp_path / "out")
    asked = {question.id: question for question in tasks.load("countdown").questions("validation", 12)}
    values = dict(zip(asked, load_difficulty(probe).of_all(list(asked.values())).values, strict=True))
    runs = Store(tmp_path / "out", create=False).runs().to_pylist()
    assert len(runs) == 12
    for run in runs:
        number = int(Bins(found.edges).assign([values[run["question_id"]]])[0])
        assert run["cost_generations"] == found.plan(8).choices[number].generations


def test_a_promise_is_tested_with_its_bins(measured, probe, tmp_path):
    told = ["calibrate", measured, "--target-accuracy", 0.05, "--policy", "per_bin", "--bins", 2, "--difficulty", probe]
    told += ["--learn-share", 0.5]
    done = CliRunner().invoke(app, [str(word) for word in [*told, "--out", tmp_path / "p.yaml"]])
    assert done.exit_code == 0, done.output
    assert Policy.load(tmp_path / "p.yaml").promise.kind == "accuracy"


def test_nothing_is_measured_on_questions_that_it_learnt_from(learnt, probe, tmp_path):
    done = CliRunner().invoke(app, ["calibrate", str(learnt), "--budget", "4", "--difficulty", probe])
    assert done.exit_code == 2 and "was trained on" in done.output.replace("\n", " ")
    entry = {"task": "countdown", "model": MODEL, "split": "prm", "questions": 48, "pool": 8, "difficulty": probe}
    with pytest.raises(UserError, match=r"entries\.0\.difficulty: probe:.* was trained on \d+ of these 48 questions"):
        check_addresses(parse_study({"name": "s", "entries": [entry]}, "s"))
    check_addresses(parse_study({"name": "s", "entries": [entry | {"split": "test"}]}, "s"))


def test_a_probe_that_does_not_say_what_it_learnt_from_measures_nothing(probe, tmp_path):
    old = load_probe(probe.removeprefix("probe:"))
    save_probe(tmp_path / "old", type(old)(old.head, old.features, old.layer, old.parts, old.target, {}), "")
    with pytest.raises(UserError, match="does not say which questions it was trained on"):
        check_estimator(f"probe:{tmp_path / 'old'}", tasks.load("countdown").questions("test", 3))


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("oracle", 'no estimate of difficulty "oracle": write pilot, or probe:FOLDER'),
        ("probe:", "names no estimate of difficulty"),
        ("probe:nowhere", "there is no probe at nowhere"),
    ],
)
def test_what_tells_no_difficulty_is_one_sentence(address, says):
    with pytest.raises(UserError, match=says):
        check_estimator(address)


def test_a_policy_refuses_another_probe_under_the_same_name(policy, probe):
    found = Policy.load(policy)
    check_files(found, found.verifier)
    weights = {**found.origin.weights, probe: "0" * 64}
    other = found.model_copy(update={"origin": found.origin.model_copy(update={"weights": weights})})
    with pytest.raises(UserError, match="other weights"):
        check_files(other, other.verifier)


def test_its_reading_does_not_count_towards_a_cap_in_generations():
    difficulty = Difficulty(source="probe", probe="probe:p", cost=0.03)
    choices = tuple(Choice(strategy={"name": "best_of_n"}, generations=n) for n in (4, 8))
    policy = PerBinPolicy(
        task="t", model="m", difficulty=difficulty, edges=(0.5,), plans=(Plan(budget=8, choices=choices),)
    )
    assert policy.probe == "probe:p" and difficulty.reading == 0.03
    with pytest.raises(ValueError, match="give both, or neither"):
        Difficulty(source="probe")
    with pytest.raises(ValueError, match="give both, or neither"):
        Difficulty(source="pilot", samples=4, probe="probe:p")


def test_a_study_whose_probe_is_gone_is_read_without_it(measured):
    found = by_probe(measured, "probe:gone")
    assert found.pool.probed is None
    assert any("probe:gone is left out" in warning for warning in found.pool.warnings)


def test_the_card_keeps_no_text_of_what_it_learnt_from(probe, learnt):
    folder = Path(probe.removeprefix("probe:"))
    texts = Store(learnt, create=False).runs()["question"].to_pylist()
    questions = json.loads((folder / "probe.json").read_text())["training"]["questions"]
    assert len(load_probe(folder).learnt) == questions["training"] + questions["validation"]
    written = [file.read_bytes() for file in folder.iterdir()]
    assert not any(text.encode() in content for text in texts for content in written)
