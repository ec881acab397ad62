import numpy as np
import pytest

from outlay.difficulty import Bins, agreement, consensus, halves, oracle, predicted, shuffled
from outlay.errors import UserError


def test_oracle_is_pass_at_1():
    assert oracle([[True, True, False, False], [False] * 4]).tolist() == [0.5, 0.0]


def test_predicted_is_the_mean_score():
    assert predicted([[0.2, 0.4], [1.0, 0.0]]).tolist() == pytest.approx([0.3, 0.5])


def test_a_question_without_a_single_parsable_answer_is_the_hardest():
    x = predicted([[-np.inf, -np.inf], [0.1, 0.2]])
    assert x[0] < x[1]


def test_unparsable_counts_as_the_lowest_log_probability():
    assert predicted([[-np.inf, -2.0], [-8.0, -2.0]]).tolist() == [-5.0, -5.0]


def test_absent_samples_do_not_count():
    assert oracle([[True, False]], valid=[[True, False]]).tolist() == [1.0]


def test_consensus_ignores_missing_answers_but_counts_them():
    assert consensus([[-1, -1, 4, 4]]).tolist() == [0.5]


@pytest.mark.parametrize("n", [2, 3, 64, 101])
def test_halves_are_disjoint_and_complete(n):
    first, second = halves(n)
    assert sorted([*first, *second]) == list(range(n))


def test_one_sample_has_no_halves():
    with pytest.raises(UserError, match="cannot be split"):
        halves(1)


def test_shuffled_bins_agree_by_chance_only():
    x = np.arange(5000.0)
    bins = Bins.fit(x, 5)
    assert agreement(bins.assign(shuffled(x)), bins.assign(x)).accuracy == pytest.approx(0.2, abs=0.02)
