import numpy as np
import pytest
from worlds import two_kinds

from outlay.errors import UserError
from outlay.policies import Candidates


def one(**changes):
    fields = {"names": ("a",), "specs": ({"name": "a"},), "budget": [4], "accuracy": [[0.5]], "cost": [[4]]}
    return Candidates(**{**fields, **changes})


def test_lists_become_arrays():
    assert one().accuracy.dtype == np.float64


def test_matching_by_name_and_by_entries():
    candidates, _ = two_kinds()
    assert candidates.matching("beam_search") == [2, 3] and candidates.matching({"name": "best_of_n"}) == [0, 1]


def test_a_part_of_the_questions():
    candidates, ease = two_kinds()
    assert candidates.on(ease == 1).questions == 100


def test_a_part_of_the_candidates():
    candidates, _ = two_kinds()
    assert candidates.only([3]).names == ("beam_search x 16",)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"cost": [[5]]}, "hard cap"),
        ({"accuracy": [[1.5]]}, r"lie in \[0, 1\]"),
        ({"accuracy": [[np.nan]]}, "NaN"),
        ({"accuracy": [[0.5, 0.5]]}, "questions, 1"),
        ({"specs": ()}, "one of each"),
    ],
)
def test_refuses_tables_that_do_not_hold_together(changes, words):
    with pytest.raises(UserError, match=words):
        one(**changes)
