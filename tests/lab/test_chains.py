import numpy as np
import pytest

from outlay.lab.chains import by_quintile, chain_figures, chosen_from, numbered, optimum, ratio_figures, share

RIGHT, WRONG = True, False
# one question with two chains: wrong right right, right wrong wrong; four with two right chains
CORRECT = np.array([[[WRONG, RIGHT, RIGHT], [RIGHT, WRONG, WRONG]]] + [[[RIGHT] * 3, [RIGHT] * 3]] * 4)
ANSWERS = np.array([[[1, 0, 0], [0, 2, 2]]] + [[[5] * 3, [5] * 3]] * 4)


def figures():
    return chain_figures(CORRECT, ANSWERS, np.array([0.2, 0.9, 0.9, 0.9, 0.9]))


def test_accuracy_is_counted_at_each_position():
    assert [figure.mean for figure in figures().position_accuracy] == [0.9, 0.9, 0.9]


def test_gains_are_differences_of_neighbouring_positions_of_the_same_questions():
    correct = np.array([[[WRONG, RIGHT]]] * 6 + [[[RIGHT, RIGHT]]] * 2)
    (gain,) = chain_figures(correct, correct.astype(int), np.zeros(8)).gain_over_previous
    assert gain.mean == 0.75
    assert gain.low > 0


def test_transitions_are_shares_of_what_could_change():
    found = figures()
    assert found.right_to_wrong.mean == pytest.approx(1 / 18, abs=1e-4)  # eighteen right attempts have a successor
    assert found.wrong_to_right.mean == pytest.approx(1 / 2)  # two wrong ones have
    assert found.repeated.mean == pytest.approx(18 / 20)


def test_a_share_of_nothing_is_undefined():
    assert np.isnan(share(np.zeros((2, 3), dtype=bool), np.zeros((2, 3), dtype=bool)).mean)


def test_the_interval_of_a_share_is_over_questions_not_attempts():
    whole = np.ones((40, 50), dtype=bool)
    part = np.repeat(np.arange(40) % 2 == 0, 50).reshape(40, 50)
    found = share(part, whole)
    assert found.mean == 0.5
    assert found.high - found.low > 0.2  # 40 questions, not 2,000 attempts


def test_the_majority_is_over_all_attempts_and_the_last_over_chains_ends():
    correct = np.array([[[WRONG, WRONG, RIGHT], [WRONG, WRONG, RIGHT], [WRONG, WRONG, WRONG]]])
    answers = np.array([[[1, 1, 0], [1, 1, 0], [1, 1, 2]]])
    found = chosen_from(correct, answers)
    assert found["majority"].tolist() == [0.0]
    assert found["last"].tolist() == [1.0]


def test_a_tied_vote_is_shared():
    assert chosen_from(np.array([[[RIGHT], [WRONG]]]), np.array([[[0], [1]]]))["majority"].tolist() == [0.5]


def test_a_clear_optimum_has_a_range_of_one():
    values = np.tile([0.1, 0.9, 0.2], (50, 1))
    assert (optimum(values, (1, 2, 4)).low, optimum(values, (1, 2, 4)).high) == (2, 2)


def test_equal_columns_leave_the_optimum_open():
    found = optimum(np.full((50, 3), 0.5), (1, 2, 4))
    assert (found.chains, found.low, found.high) == (1, 1, 4)
    assert found.share == pytest.approx((1 / 3, 1 / 3, 1 / 3), abs=1e-4)


def test_where_two_columns_are_alike_the_range_holds_both_and_not_the_third():
    generator = np.random.default_rng(0)
    values = (generator.random((200, 3)) < [0.1, 0.6, 0.6]).astype(float)
    found = optimum(values, (1, 4, 16))
    assert (found.low, found.high) == (4, 16)


def test_ratio_figures_have_a_column_a_split_and_a_row_a_fifth():
    found = ratio_figures(np.tile([0.25, 0.75], (10, 1)), (1, 2), np.arange(10.0))
    assert [figure.mean for figure in found.accuracy] == [0.25, 0.75]
    assert found.quintile_accuracy == ((0.25, 0.75),) * 5


def test_the_hardest_fifth_comes_first():
    assert [row[0] for row in by_quintile(np.arange(10.0)[:, None], np.arange(10.0))] == [0.5, 2.5, 4.5, 6.5, 8.5]


def test_equal_answers_get_equal_numbers_within_a_question_only():
    assert numbered([["a", None, "b", "a"], ["b", "b", None, "a"]]).tolist() == [[0, -1, 1, 0], [0, 0, -1, 1]]
