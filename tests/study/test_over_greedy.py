"""What methods and policies gain over one greedy answer."""

import numpy as np
import pytest

from outlay.report import render
from outlay.study.deciding import Realised
from outlay.study.over_greedy import gain_over, greedy_of, greedy_sentence
from outlay.study.settings import Settings

SETTINGS = Settings(resamples=500, headline_budget=4)
RIGHT = (np.arange(100) % 2).astype(float)
GREEDY = Realised({"name": "greedy"}, (1,), RIGHT[:, None], np.ones((100, 1)))


def policy(gains):
    return {"budget": [2.0, 4.0, 8.0], "gain_over_greedy": gains}


def test_a_gain_is_paired_by_question():
    """The same share of right answers is no gain; its interval is wide on other questions, and narrow on the same ones."""
    (same, other) = gain_over(RIGHT, np.stack([RIGHT, 1 - RIGHT], axis=1), SETTINGS)["gain_over_greedy"]
    assert same["mean"] == other["mean"] == 0.0
    assert other["high"] - other["low"] > 0.3 > 0.1 > same["high"] - same["low"]


def test_a_larger_models_greedy_answer_is_not_this_models():
    larger = Realised({"name": "large_greedy"}, (1,), GREEDY.correct, GREEDY.cost, candidate=False)
    assert greedy_of([larger]) is None
    found = greedy_of([larger, GREEDY])
    assert found is not None and found.tolist() == RIGHT.tolist()


def test_without_a_greedy_answer_nothing_is_said():
    assert gain_over(None, np.ones((3, 1)), SETTINGS) == {}
    assert greedy_sentence({"uniform_majority": policy([])}, "majority", None, SETTINGS) == ""


@pytest.mark.parametrize(("low", "told"), [(0.02, False), (-0.02, True)])
def test_what_cannot_be_told_from_nothing_is_said(low, told):
    at_head = {"mean": 0.05, "low": low, "high": 0.1}
    policies = {
        "uniform_majority": policy([{"mean": 0, "low": 0, "high": 0}, at_head, {"mean": 9, "low": 9, "high": 9}])
    }
    sentence = greedy_sentence(policies, "majority", RIGHT, SETTINGS)
    assert sentence.startswith(
        "One greedy answer, which costs one generation, is right in 50.0%; majority vote at 4 generations"
    )
    assert "is +5.0 points from that" in sentence
    assert ("cannot be told from nothing" in sentence) is told


def test_the_sentence_stands_in_the_report():
    assert "Greedy is as good." in render({"groups": [{"task": "a", "over_greedy": "Greedy is as good."}]})
