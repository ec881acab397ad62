import numpy as np
import pytest

from outlay.lab.measure import by_question, policy_figures, quintiles, verifier_figures


def test_a_verifier_that_knows_difficulty_alone_scores_half_within_questions():
    generator = np.random.default_rng(0)
    rate = np.repeat(np.linspace(0.05, 0.95, 40), 32).reshape(40, 32)
    correct = generator.random(rate.shape) < rate
    figures = verifier_figures(rate, correct, np.ones_like(correct))
    assert figures.auc.mean > 0.7
    assert figures.auc_within_question.mean == 0.5


def test_samples_without_an_answer_do_not_count():
    correct = np.array([[True, False, False]])
    scores = np.array([[0.5, 0.1, 0.9]])
    assert verifier_figures(scores, correct, np.array([[True, True, False]])).auc_within_question.mean == 1.0


def test_quintiles_are_fifths_hardest_first():
    assert quintiles(np.array([0.9, 0.1, 0.5, 0.3, 0.7])).tolist() == [4, 0, 2, 1, 3]


def test_quintiles_are_measured_on_other_samples_than_made():
    noise = np.random.default_rng(1).random((2000, 4)) < 0.5
    assert policy_figures(noise, noise[:, 0]).quintile_pass_at_1 == pytest.approx([0.5] * 5, abs=0.08)


def test_ragged_questions_are_padded_and_masked():
    rectangle, held = by_question(np.array([1.0, 2.0, 3.0]), [7, 3, 7])
    assert rectangle.tolist() == [[2.0, 0.0], [1.0, 3.0]]
    assert held.tolist() == [[True, False], [True, True]]
