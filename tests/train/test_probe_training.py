"""Probes: what they look at, how they are fitted, what is said of them, and that they are what they say when they are used."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import outlay
from outlay import models, tasks, verifiers
from outlay.cli.main import app
from outlay.drive.batching import BatchingDriver
from outlay.drive.scoring import score_all
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.models.embedded import LogprobJob, load_weights
from outlay.models.embedded.states import StateReader
from outlay.strategies import MajorityVote
from outlay.traces import Store
from outlay.train.config import ProbeConfig, load_config
from outlay.train.data import dealt, graded_in
from outlay.train.fitting import Rows, cross_entropy, fit
from outlay.train.probe import solution_features, train_probe, write
from outlay.types import Budget, Score
from outlay.verifiers.probes import load_probe
from outlay.verifiers.probes.difficulty import difficulty_by
from outlay.verifiers.probes.features import features_of

MODEL = "embedded:countdown-small"


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    """A folder of traces: 60 questions with 8 samples each."""
    folder = tmp_path_factory.mktemp("traces")
    task = tasks.load("countdown")
    driver = BatchingDriver(task, models.load(MODEL))
    asked = task.questions("validation", 60)
    Store(folder).append(list(driver.solve(Unit(one, MajorityVote(), Budget(generations=8)) for one in asked)))
    return folder


@pytest.fixture(scope="module")
def trained(traces, tmp_path_factory):
    config = ProbeConfig(traces=traces, features=MODEL, out=tmp_path_factory.mktemp("probe") / "p", epochs=60)
    made = train_probe(config)
    write(config, made)
    return config.out, made


def test_states_are_those_that_the_engine_predicts_with():
    weights = load_weights(models.embedded_folder("countdown-small"))
    tokens = tuple(weights.tokenizer.encode("2 3 4 > 24 |"))
    ((states, own),) = StateReader(weights)([tokens])
    logits = states @ weights.unembedding.T
    logprobs = (
        logits
        - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
        - logits.max(-1, keepdims=True)
    )
    (told,) = models.load(MODEL)._engine.run([LogprobJob(tokens, 1)])
    np.testing.assert_allclose(told.logprobs, logprobs[np.arange(len(tokens) - 1), tokens[1:]], atol=1e-4)
    np.testing.assert_allclose(own[1:], told.logprobs, atol=1e-4)


def test_states_do_not_depend_on_the_texts_beside():
    weights = load_weights(models.embedded_folder("countdown-small"))
    reader = StateReader(weights)
    texts = [tuple(weights.tokenizer.encode(one.text)) for one in tasks.load("countdown").questions("validation", 9)]
    texts.append(texts[0][:3])
    for text, (states, told) in zip(texts, reader(texts), strict=True):
        ((alone, same),) = reader([text])
        np.testing.assert_allclose(states, alone, atol=1e-5)
        np.testing.assert_allclose(told, same, atol=1e-4)


def test_hf_s_states_of_a_lab_folder_are_the_embedded_ones_up_to_the_last_gain(traces):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from safetensors.numpy import load_file

    folder = models.embedded_folder("countdown-small")
    gain = load_file(folder / "model.safetensors")["model.norm.weight"].astype(np.float32)
    graded = graded_in(traces)[:3]
    ours, theirs = (solution_features(features_of(name), graded) for name in (MODEL, f"hf:{folder}"))
    for one, other in zip(ours, theirs, strict=True):
        for found, same in zip(one, other, strict=True):
            scaled = np.concatenate([found[:, :64] * gain, found[:, 64:128] * gain, found[:, 128:]], 1)
            np.testing.assert_allclose(scaled, same, atol=2e-3)


def test_confidence_is_what_the_sampler_said_of_its_own_words(traces):
    graded = graded_in(traces)[:5]
    found = solution_features(features_of(MODEL, parts=["confidence"]), graded)
    for one, of_question in zip(graded, found, strict=True):
        for solution, (*_, last) in zip(one.solutions, of_question, strict=True):
            mean, total, least, words = last
            assert total == pytest.approx(solution.logprob, abs=1e-3)
            assert (words, mean) == (solution.tokens, pytest.approx(solution.logprob / solution.tokens, abs=1e-4))
            assert least <= mean


def test_a_logistic_head_finds_the_logistic_truth():
    dice = np.random.default_rng(0)
    x = dice.normal(size=(4000, 3)).astype(np.float32)
    truth = np.array([2.0, -1.0, 0.0])
    labels = (dice.random(4000) < 1 / (1 + np.exp(-(x @ truth + 0.5)))).astype(np.float32)
    rows = Rows(x, labels, np.ones(4000, np.float32))
    head = fit(rows, None, learning_rate=0.02, weight_decay=0.0, epochs=200).head
    ((weight, bias),) = head.layers
    found = weight[0] / head.scale
    np.testing.assert_allclose(found, truth, atol=0.2)
    assert bias[0] - (found * head.mean).sum() == pytest.approx(0.5, abs=0.15)


def test_a_hidden_layer_learns_what_a_line_cannot():
    dice = np.random.default_rng(1)
    x = dice.uniform(-1, 1, size=(2000, 2)).astype(np.float32)
    rows = Rows(x, (x[:, 0] * x[:, 1] > 0).astype(np.float32), np.ones(2000, np.float32))
    line, layer = (fit(rows, None, hidden=width, learning_rate=0.02, epochs=150).head for width in (0, 16))
    right = [float(((head(x) > 0.5) == (rows.labels > 0.5)).mean()) for head in (line, layer)]
    assert right[0] < 0.65 and right[1] > 0.9


def test_gradients_are_those_of_the_loss():
    from outlay.train.fitting import _gradients, _head, _initial

    dice = np.random.default_rng(2)
    x, labels = dice.normal(size=(20, 4)).astype(np.float32), dice.random(20).astype(np.float32)
    rows = Rows(x, labels, dice.random(20).astype(np.float32))
    layers = [one.astype(np.float64) for one in _initial(4, 5, dice)]
    mean, scale = np.zeros(4), np.ones(4)

    def loss():
        values = np.maximum(x @ layers[0].T + layers[1], 0) @ layers[2].T + layers[3]
        p = 1 / (1 + np.exp(-values[:, 0]))
        each = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
        return (each * rows.weights).sum() / rows.weights.sum()

    assert loss() == pytest.approx(cross_entropy(_head(mean, scale, layers)(x), rows), abs=1e-6)
    for gradient, layer in zip(_gradients(layers, x, labels, rows.weights), layers, strict=True):
        for place in list(np.ndindex(layer.shape))[:6]:
            before = layer[place]
            layer[place] = before + 1e-4
            up = loss()
            layer[place] = before - 1e-4
            slope = (up - loss()) / 2e-4
            layer[place] = before
            assert gradient[place] == pytest.approx(slope, abs=1e-4)


def test_a_question_is_in_one_part_and_always_the_same(traces):
    graded = graded_in(traces)
    parts, again = dealt(graded, (0.5, 0.2, 0.3), 0), dealt(graded[::-1], (0.5, 0.2, 0.3), 0)
    names = {part: {one.question.id for one in found} for part, found in parts.items()}
    assert names == {part: {one.question.id for one in found} for part, found in again.items()}
    assert sum(map(len, names.values())) == len(set().union(*names.values())) == len(graded)
    assert dealt(graded, (0.5, 0.2, 0.3), 1) != parts


def test_the_figures_are_of_the_test_questions_and_of_the_probe_that_was_written(traces, trained):
    folder, made = trained
    told = json.loads((folder / "probe.json").read_text())
    verifier = verifiers.load(f"probe:{folder}")
    test = dealt(graded_in(traces), (0.5, 0.2, 0.3), 0)["test"]
    requests = [(Score(one.question, one.solutions), number) for number, one in enumerate(test)]
    given = dict(score_all(verifier, requests))
    scores = np.array([[steps[-1] for steps in given[number]] for number in range(len(test))])
    right = np.array([one.correct for one in test])
    found = outlay.curves.auc_within_question(right, scores)
    assert told["test"]["auc_within_question"]["value"] == pytest.approx(found.value, abs=1e-4)
    assert told["training"]["questions"]["test"] == len(test)
    assert told["test"]["auc"]["value"] > 0.6
    assert made.probe.about["test"] == told["test"]


def test_a_probe_scores_each_step_and_is_paid_for_what_it_reads(traces, trained):
    verifier = verifiers.load(f"probe:{trained[0]}")
    one = graded_in(traces)[0]
    ((_, given),) = score_all(verifier, [(Score(one.question, one.solutions), 0)])
    assert [len(steps) for steps in given] == [len(solution.steps) for solution in one.solutions]
    words = len(one.question.text.split())
    assert given.spent.verifier_prompt_tokens == sum(words + solution.tokens for solution in one.solutions)


def test_nothing_in_the_folder_can_run_code(trained):
    assert {path.name for path in trained[0].iterdir()} == {"probe.json", "probe.safetensors", "README.md"}
    assert load_probe(trained[0]).head.features == 64 + 64 + 4


def test_the_same_seed_gives_the_same_probe(traces, trained, tmp_path):
    config = ProbeConfig(traces=traces, features=MODEL, out=tmp_path / "again", epochs=60)
    write(config, train_probe(config))
    assert (tmp_path / "again" / "probe.safetensors").read_bytes() == (trained[0] / "probe.safetensors").read_bytes()


def test_difficulty_is_told_from_the_question_alone(traces, tmp_path):
    config = ProbeConfig(traces=traces, features=MODEL, out=tmp_path / "p", target="difficulty", epochs=60, bins=2)
    write(config, train_probe(config))
    told = json.loads((tmp_path / "p" / "probe.json").read_text())["test"]
    asked = [one.question for one in graded_in(traces)[:5]]
    values = difficulty_by(tmp_path / "p", asked)
    assert values.shape == (5,) and len(set(values.tolist())) > 1
    assert {"agreement", "chance", "shuffled_agreement", "pilot_of_4_agreement", "correlation"} <= set(told)
    with pytest.raises(UserError, match="does not look at solutions"):
        verifiers.load(f"probe:{tmp_path / 'p'}")


def command(*arguments):
    return CliRunner().invoke(app, ["train", "probe", *map(str, arguments)])


def configured(folder, given, **more):
    path = folder / "probe.yaml"
    content = {"traces": str(given), "features": MODEL, "out": str(folder / "out"), "epochs": 20} | more
    path.write_text(yaml.safe_dump({name: value for name, value in content.items() if value is not None}))
    return path


def test_the_command_writes_a_folder_and_tells_what_it_is_worth(traces, tmp_path):
    done = command(configured(tmp_path, traces), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["test"]["auc_within_question"]["low"] <= told["test"]["auc_within_question"]["value"]
    assert (tmp_path / "out" / "README.md").is_file()
    shown = command(configured(tmp_path, traces), "--out", tmp_path / "other")
    assert shown.exit_code == 0 and "auc within question" in shown.stdout


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"feature": "x", "features": None}, "field features: missing|field feature: unknown"),
        ({"features": "countdown-small"}, "gives no features for a probe"),
        ({"features": "embedded:nothing"}, 'there is no embedded model "nothing"'),
        ({"layer": 2}, "has one kind of feature: leave out layer"),
        ({"hidden": -1}, "field hidden"),
        ({"shares": [1.0, 0.0, 0.0]}, "field shares"),
        ({"traces": "nowhere"}, "there is no nowhere"),
        ({"target": "answers"}, "field target"),
        ({"shares": [0.05, 0.05, 0.9]}, "at least 10 are needed there"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(traces, tmp_path, monkeypatch, changes, says):
    import re

    monkeypatch.chdir(tmp_path)
    failed = command(configured(tmp_path, traces, **changes))
    assert failed.exit_code == 2, failed.output
    assert re.search(says, " ".join(failed.stderr.split()))
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_none_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="there is no configuration"):
        load_config(tmp_path / "nothing.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(UserError, match="cannot be read as YAML"):
        load_config(tmp_path / "broken.yaml")


def test_a_folder_of_another_kind_is_one_sentence(trained, tmp_path):
    with pytest.raises(UserError, match="there is no probe at"):
        verifiers.load(f"probe:{tmp_path}")
    for path in trained[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "probe.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="holds no probe that can be read"):
        verifiers.load(f"probe:{tmp_path}")


def test_a_model_of_another_width_is_not_looked_at(trained, tmp_path):
    card = json.loads((trained[0] / "probe.json").read_text())
    for name in ("probe.safetensors", "README.md"):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    (tmp_path / "probe.json").write_text(json.dumps(card | {"features": "embedded:countdown-large"}))
    question = tasks.load("countdown").questions("validation", 1)[0]
    trace = outlay.solve(question, strategy="majority", model=MODEL, budget=Budget(generations=2))
    with pytest.raises(UserError, match="that is another model, so train the probe again"):
        list(score_all(verifiers.load(f"probe:{tmp_path}"), [(Score(question, trace.solutions), 0)]))


def test_torch_is_not_needed(traces, tmp_path):
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from outlay.cli.main import main; sys.argv = ['outlay', 'train', 'probe', sys.argv[1]]; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(configured(tmp_path, traces))], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
