"""Calibrated confidence: it learns what agreement and scores say, is measured on unseen questions, and reads what a server has."""

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.promises.confidence import Confidence, Drawn, chosen_class, nothing_drawn
from outlay.promises.fitting_confidence import evaluate, fit


def world(questions=400, samples=8, seed=0, scored=True):
    """Samples that are right with a question's own rate, wrong answers that scatter, scores that know a little."""
    generator = np.random.default_rng(seed)
    rate = generator.beta(1.2, 1.0, questions)
    right = generator.random((questions, samples)) < rate[:, None]
    answers = np.where(right, 0, generator.integers(1, 5, right.shape))
    scores = 1 / (1 + np.exp(-(2.0 * right - 1.0 + generator.standard_normal(right.shape)))) if scored else None
    chosen = chosen_class(answers, scores, "weighted" if scored else "majority")
    drawn = Drawn(answers, scores, np.full(questions, samples), chosen)
    return drawn, (chosen == 0).astype(float), np.arange(questions)


@pytest.mark.parametrize("scored", [True, False])
def test_it_is_calibrated_and_tells_more_than_the_average_on_questions_it_has_not_seen(scored):
    drawn, right, question = world(600, scored=scored)
    found = evaluate(drawn, right, question, "weighted" if scored else "majority", resamples=200)
    assert found.brier_high < found.base and found.calibration_error < 0.06
    assert found.brier_low <= found.brier <= found.brier_high and found.questions == 600


def test_what_is_reported_is_not_of_the_questions_that_were_fitted():
    """Noise that says nothing: fitted and measured on the same questions it would look useful."""
    drawn, _, question = world(300)
    coin = (np.random.default_rng(5).random(300) < 0.5).astype(float)
    found = evaluate(drawn, coin, question, "weighted", resamples=200)
    fitted = fit(drawn, coin, question, "weighted")
    assert found.brier > max(0.245, ((fitted.of_drawn(drawn) - coin) ** 2).mean())


def test_repeats_of_a_question_are_never_parted_by_folds():
    """Ten copies of each of 60 questions with random outcomes: copies on both sides of a fold would let it look useful."""
    drawn, _, _ = world(60)
    coin = (np.random.default_rng(6).random(60) < 0.5).astype(float)
    copies = np.repeat(np.arange(60), 10)
    many = Drawn(drawn.answers[copies], drawn.scores[copies], drawn.drawn[copies], drawn.chosen[copies])
    assert evaluate(many, coin[copies], copies, "weighted", resamples=50).brier > 0.24


def test_one_answer_reads_as_many_at_once_do():
    drawn, right, question = world()
    fitted = fit(drawn, right, question, "weighted")
    at_once = fitted.of_drawn(drawn)
    for row in (0, 7, 31):
        texts = [f"answer {number}" for number in drawn.answers[row]]
        assert fitted.of(texts, list(drawn.scores[row])) == pytest.approx(at_once[row])
        assert fitted.of(texts, list(drawn.scores[row]), f"answer {drawn.chosen[row]}") == pytest.approx(at_once[row])


def test_an_answer_that_no_sample_carries_is_sure_by_what_was_known_before():
    """Another model's answers: told by difficulty where nothing was drawn, and without a floor where no sample has an answer."""
    generator = np.random.default_rng(2)
    ease = generator.uniform(0.05, 0.95, 500)
    right = (generator.random(500) < ease).astype(float)
    drawn = nothing_drawn(500, ease)
    fitted = fit(drawn, right, np.arange(500), "majority", carried=False)
    hard, easy = (fitted.of([], difficulty=value) for value in (0.1, 0.9))
    assert hard < 0.35 < 0.65 < easy and fitted.of([None, None], difficulty=0.9) > 0.5
    assert fitted.of([]) is None  # difficulty is read, and is not known
    quality = evaluate(drawn, right, np.arange(500), "majority", resamples=50, carried=False)
    assert quality.brier < quality.base
    assert fit(*world(scored=False), "majority").of([]) is None  # its answers are carried by samples


def test_more_agreement_is_more_sure():
    fitted = fit(*world(scored=False), "majority")
    apart, half, all_equal = (fitted.of(list(texts)) for texts in ("abcdefgh", "aaaabcde", "aaaaaaaa"))
    assert apart < half < all_equal < 1


def test_no_answer_at_all_is_hardly_ever_right_and_a_strange_one_is_not_judged():
    fitted = fit(*world(scored=False), "majority")
    assert fitted.of([None] * 8) == pytest.approx(0.5 / 401, abs=1e-6)
    assert fitted.of(["a"] * 8, chosen="z") is None


def test_nothing_drawn_or_scores_missing_gives_no_figure():
    fitted = fit(*world(), "weighted")
    assert fitted.of([]) is None and fitted.of(["a", "a"]) is None
    assert fitted.of(["a", "a"], [0.9, None]) is not None


def test_no_answer_is_ever_certain():
    drawn, right, question = world()
    values = fit(drawn, right, question, "weighted").of_drawn(drawn)
    assert values.min() > 0 and values.max() < 1


def test_it_survives_a_file():
    fitted = fit(*world(), "weighted")
    again = Confidence.model_validate_json(fitted.model_dump_json())
    assert again == fitted


@pytest.mark.parametrize("rule, wins", [("majority", 1), ("weighted", 0), ("best_of_n", 2)])
def test_the_chosen_class_is_the_selection_rules(rule, wins):
    answers = np.array([[1, 0, 1, 0, 2, 1, -1]])
    scores = np.array([[0.1, 0.7, 0.1, 0.7, 0.8, np.nan, 0.99]])
    assert chosen_class(answers, scores, rule).tolist() == [wins]
    assert chosen_class(np.array([[-1, -1]]), None, "majority").tolist() == [-1]


@pytest.mark.parametrize("right", [np.ones(100), np.zeros(100)])
def test_answers_that_are_all_alike_cannot_be_told_apart(right):
    drawn, _, question = world(100)
    with pytest.raises(UserError, match="right and wrong"):
        fit(drawn, right, question, "weighted")


@pytest.mark.parametrize(
    "change",
    [
        {"knots": (1.0, 0.0), "values": (0.2, 0.4)},
        {"knots": (0.0, 1.0), "values": (0.4, 0.2)},
        {"knots": (0.0,), "values": (1.2,)},
        {"weights": (1.0,)},
        {"scales": (0.0,) * 5},
        {"features": ("votes", "magic", "lead", "best_score", "score_share")},
        {"score_knots": (0.0, 1.0)},
    ],
)
def test_a_file_that_was_spoiled_is_refused(change):
    fields = fit(*world(), "weighted").model_dump()
    with pytest.raises(ValueError):
        Confidence.model_validate(fields | change)
