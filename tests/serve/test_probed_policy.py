"""A policy whose difficulty a probe tells, served: the question is read before the first sample, in its bin, and in the account."""

import numpy as np
import pytest
from serving import serving

from outlay.policies import Choice, Difficulty, PerBinPolicy, Plan
from outlay.types import Question
from outlay.verifiers.probes import Head, Probe, load_difficulty, save_probe
from outlay.verifiers.probes.difficulty import question_features
from outlay.verifiers.probes.features import features_of

MODEL, VERIFIER = "embedded:countdown-small", "embedded:countdown-prm"
QUESTIONS = ("2 3 4 > 24 |", "9 3 5 7 > 64 |", "3 6 9 11 > 47 |", "1 2 3 4 > 10 |")


@pytest.fixture
def probe(tmp_path):
    """One that nobody trained: a direction among the states, which parts these questions into two halves."""
    features = question_features(features_of(MODEL), [Question(text, text) for text in QUESTIONS])
    weight = np.random.default_rng(3).normal(size=(1, features.shape[1])).astype(np.float32)
    scale = features.std(0) + 1e-3
    head = Head(features.mean(0), scale, ((weight, np.zeros(1, np.float32)),))
    save_probe(
        tmp_path / "probe", Probe(head, MODEL, -1, ("state", "mean", "confidence"), "difficulty", {}, frozenset()), ""
    )
    return f"probe:{tmp_path / 'probe'}"


def test_each_request_is_put_into_its_bin_before_anything_is_drawn_and_pays_for_its_reading(probe, tmp_path):
    values = load_difficulty(probe).of_all([Question(text, text) for text in QUESTIONS]).values
    edge = float(np.median(values))
    choices = tuple(Choice(strategy={"name": "majority"}, generations=n) for n in (2, 5))
    policy = PerBinPolicy(
        task="countdown",
        model=MODEL,
        verifier=VERIFIER,
        difficulty=Difficulty(source="probe", probe=probe, cost=0.1),
        edges=(edge,),
        plans=(Plan(budget=5, choices=choices),),
    )
    policy.save(tmp_path / "policy.yaml")
    with serving(tmp_path / "policy.yaml") as server:
        for text, value in zip(QUESTIONS, values, strict=True):
            own = server.chat(text, seed=1, outlay={"explain": True})["outlay"]
            assert own["bin"] == int(value < edge)
            assert own["generations"] == len(own["candidates"]) == (5 if value < edge else 2)
            assert own["cost"]["verifier_prompt_tokens"] == len(text.split())  # a vote looks at no score
