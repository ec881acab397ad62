"""What every policy carries: it survives the file, is told in its comment, and refuses other weights and tokenizers."""

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.models.identity import tokenizer_of, weights_of
from outlay.policies import Choice, Difficulty, PerBinPolicy, Plan, Policy, State
from outlay.policies.carried import Origin
from outlay.policies.following import Following
from outlay.promises import Drawn, Promise, Reference
from outlay.promises.confidence import chosen_class
from outlay.promises.fitting_confidence import evaluate, fit
from outlay.types import Solution, Step


@pytest.fixture(scope="module")
def policy():
    generator = np.random.default_rng(0)
    answers = np.where(generator.random((200, 4)) < generator.random((200, 1)), 0, generator.integers(1, 4, (200, 4)))
    chosen = chosen_class(answers, None, "majority")
    drawn, right, rows = Drawn(answers, None, np.full(200, 4), chosen), (chosen == 0) * 1.0, np.arange(200)
    sure = fit(drawn, right, rows, "majority")
    sure = sure.model_copy(update={"reliability": evaluate(drawn, right, rows, "majority", resamples=50)})
    values = {"cost": [1.0, 4.0, 4.0], "agreement": [0.25, 0.5, 1.0]}
    return PerBinPolicy(
        task="t",
        model="embedded:countdown-small",
        plans=(Plan(budget=4, choices=(Choice(strategy={"name": "majority"}, generations=4),)),),
        promise=Promise(
            kind="accuracy", target=0.8, level=0.95, estimate=0.87, bound=0.81, candidate="majority x 4 for all",
            p_value=0.003, test="binomial", learned_on=200, tested_on=300, steps=2,
        ),
        answer_confidence=sure,
        drift=Reference.of(values, values),
        origin=Origin(
            traces="ab" * 32,
            weights={"embedded:countdown-small": "12" * 32},
            tokenizers={"embedded:countdown-small": "34" * 32},
        ),
    )  # fmt: skip


def test_everything_survives_the_file(policy, tmp_path):
    policy.save(tmp_path / "policy.yaml")
    assert Policy.load(tmp_path / "policy.yaml") == policy


def test_the_comment_says_what_is_promised(policy, tmp_path):
    policy.save(tmp_path / "policy.yaml")
    comment = [line for line in (tmp_path / "policy.yaml").read_text().splitlines() if line.startswith("#")]
    assert any(
        "At least 80.0% of answers are right, with 95% confidence, shown on 300 questions" in line for line in comment
    )
    assert any("calibrated P(right)" in line for line in comment)
    assert any("watches cost, agreement" in line for line in comment)


def test_confidence_is_read_off_a_state(policy):
    sure, unsure = (policy.confidence(State(budget=4, answers=tuple(a))) for a in ("aaaa", "abcd"))
    assert 0 < unsure < sure < 1
    assert policy.confidence(State(budget=4)) is None
    assert policy.model_copy(update={"answer_confidence": None}).confidence(State(budget=4, answers=("a",))) is None


def test_a_monitor_compares_with_this_policy(policy):
    monitor = policy.monitor()
    assert monitor is not None and not monitor.observe({"cost": 4.0, "agreement": 0.5}).alarm
    assert policy.model_copy(update={"drift": None}).monitor() is None


def test_other_weights_and_tokenizers_under_the_same_name_are_refused(policy):
    name = "embedded:countdown-small"
    same = policy.origin
    policy.check_origin(same.weights, same.tokenizers)
    policy.check_origin({}, {"embedded:other": "56" * 32})
    with pytest.raises(UserError, match="other weights"):
        policy.check_origin({name: weights_of(name)}, {})
    with pytest.raises(UserError, match="another tokenizer"):
        policy.check_origin({}, {name: tokenizer_of(name)})


def test_what_lies_on_this_machine_has_an_identity_and_what_does_not_has_none(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + b"x" * 100)
    before = tokenizer_of(f"llamacpp:{tmp_path / 'model.gguf'}")
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + b"y" * 100)
    assert before is not None and tokenizer_of(f"llamacpp:{tmp_path / 'model.gguf'}") != before
    assert weights_of("embedded:countdown-small") != weights_of("embedded:countdown-large")
    assert tokenizer_of("openai:http://host/v1#m") is None and weights_of("agreement") is None


@pytest.mark.parametrize("change", [{"target": 0}, {"level": 1.5}, {"kind": "luck"}, {"p_value": -1}, {"surprise": 1}])
def test_a_promise_that_cannot_be_is_refused(policy, change):
    with pytest.raises(ValueError):
        Promise.model_validate(policy.promise.model_dump() | change)


def test_a_stop_says_what_chooses_among_how_many_samples():
    """After a pilot of 4 the easy bin was measured with the vote of 2, the hard one with the best of 4: that is what is served."""
    policy = PerBinPolicy(
        task="t",
        model="m",
        verifier="v",
        difficulty=Difficulty(source="pilot", samples=4, cost=4.0),
        edges=(0.5,),
        plans=(
            Plan(
                budget=4,
                choices=(
                    Choice(strategy={"name": "majority"}, generations=2, reuses_pilot=True),
                    Choice(strategy={"name": "best_of_n"}, generations=4, reuses_pilot=True),
                ),
            ),
        ),
    )
    easy, hard = (policy.decide(State(budget=4, scores=scores, spent=4)) for scores in ((0.9,) * 4, (0.1,) * 4))
    assert (easy.strategy, easy.first) == ({"name": "majority"}, 2)
    assert (hard.strategy, hard.first) == ({"name": "best_of_n"}, 4)
    drawn = [
        Solution((Step("x", 1),), True, answer, score=score) for answer, score in zip("abbc", (0.2, 0.3, 0.3, 0.9))
    ]
    following = Following(policy)
    assert following._stopped(easy, drawn).answer == "a" and following._stopped(hard, drawn).answer == "c"
