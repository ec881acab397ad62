import gzip
import json

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.study.ladders import read_ladder, read_prices
from outlay.study.routing import Ladder, features_of, predictions, route


def world(questions=300, seed=0, seen=True):
    """A cheap model that is right on half of the questions (those that say so, where `seen`), a dear one that is right on nine in
    ten."""
    generator = np.random.default_rng(seed)
    easy = generator.random(questions) < 0.5
    cheap = np.where(easy, generator.random(questions) < 0.95, generator.random(questions) < 0.05)
    dear = generator.random(questions) < 0.9
    texts = [f"an {'easy' if e and seen else 'open'} question about things" for e in easy]
    answers = np.where(np.stack([cheap, dear], axis=1), 0, generator.integers(1, 50, (questions, 2)))
    return Ladder(
        ("small", "large"),
        np.stack([cheap, dear], axis=1),
        answers,
        np.tile([1.0, 10.0], (questions, 1)),
        features_of(texts),
    )


@pytest.fixture(scope="module")
def found():
    return route(world(), resamples=200)


def test_a_router_that_sees_which_are_easy_saves_on_them(found):
    match = found["to_match_the_best"]["router"]
    assert match is not None and match["share_of_its_cost"] < 0.75


def test_a_mixture_by_lot_lies_on_the_chord(found):
    mixture = found["ways"]["mixture"]
    single = found["models"]
    for right, cost in zip(mixture["accuracy"], mixture["cost"], strict=True):
        share = (cost - 1) / 9
        chord = (1 - share) * single["small"]["accuracy"]["mean"] + share * single["large"]["accuracy"]["mean"]
        assert right["mean"] == pytest.approx(chord, abs=0.01)


def test_no_way_costs_much_more_than_its_budget(found):
    for way in found["ways"].values():
        assert all(cost <= 1.3 * budget for cost, budget in zip(way["cost"], found["budgets"], strict=True))


def test_the_oracle_is_a_bound(found):
    best = max(p["mean"] for way in found["ways"].values() for p in way["accuracy"])
    assert found["oracle"]["accuracy"]["mean"] >= best


def test_a_router_that_sees_nothing_is_no_better_than_lots():
    blind = route(world(seen=False, seed=1), resamples=200)
    gains = [gain["low"] for gain in blind["ways"]["router"]["gain_over_mixture"]]
    assert max(gains) < 0.03


def test_a_prediction_for_a_question_does_not_see_its_own_outcome():
    ladder = world(questions=100)
    fit = np.arange(80)
    told = predictions(ladder, fit, 0)
    changed = ladder.correct.copy()
    changed[3], changed[90] = ~changed[3], ~changed[90]
    other = predictions(Ladder(ladder.models, changed, ladder.answers, ladder.cost, ladder.features), fit, 0)
    np.testing.assert_allclose(told[3], other[3])
    assert not np.allclose(told[90], other[90])  # question 3 is among those that fit, 90 is not


def test_one_model_is_no_ladder():
    one = world()
    with pytest.raises(UserError, match="at least two models"):
        route(Ladder(("small",), one.correct[:, :1], one.answers[:, :1], one.cost[:, :1], one.features))


def line(**changes):
    row = {"question_id": "1", "model": "a", "answer": "1/2", "correct": True, "tokens": 100}
    return json.dumps({k: v for k, v in (row | changes).items() if v != "absent"})


def test_equal_answers_are_one_class_and_models_stand_by_cost(tmp_path):
    path = tmp_path / "l.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write("\n".join([line(), line(model="b", answer="0.5"), line(question_id="2")]))
    ladder = read_ladder(path, {"a": 2.0, "b": 1.0})
    assert ladder.models == ("b", "a") and ladder.answers.tolist() == [[0, 0]]
    assert ladder.cost.tolist() == [[1e-4, 2e-4]]


@pytest.mark.parametrize(
    "lines, words",
    [
        (["nonsense"], "line 1: not JSON"),
        ([line(tokens="absent")], "`tokens` is missing"),
        ([line(model="aa")], "line 1: 'aa' has no price: did you mean"),
        ([line(), line()], "answered '1' twice"),
        ([], "is empty"),
    ],
)
def test_what_is_wrong_with_a_ladder_is_said(lines, words, tmp_path):
    (tmp_path / "l.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError, match=words):
        read_ladder(tmp_path / "l.jsonl", {"aaa": 1.0, "a": 1.0})


@pytest.mark.parametrize(
    "text, words", [("[1]", "must map each model"), ("a: -1", "above 0"), ("a: x", "above 0"), ("a: [", "no YAML")]
)
def test_what_is_wrong_with_prices_is_said(text, words, tmp_path):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(UserError, match=words):
        read_prices(tmp_path / "p.yaml")
