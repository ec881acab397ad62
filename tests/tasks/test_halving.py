import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay import tasks
from outlay.errors import UserError
from outlay.tasks.halving import SPLIT_SHARES, Halving, digits, written

TASK = Halving()
SPLITS = tuple(SPLIT_SHARES)
COLUMNS = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=14).map(lambda some: (*some, (True, 7)))


@given(COLUMNS)
def test_every_digit_follows_from_its_column_and_its_right_neighbour(columns):
    found = digits(columns)
    for index, (reset, digit) in enumerate(columns):
        assert found[index] == (digit if reset else (digit + found[index + 1] // 2) % 10)


@given(COLUMNS, st.integers(1, 9))
def test_an_error_in_the_last_column_halves_on_its_way_left_while_it_does_not_wrap(columns, change):
    before = digits(columns)
    after = digits((*columns[:-1], (True, (7 + change) % 10)))
    for index in range(len(columns) - 1):
        apart = abs(before[index + 1] // 2 - after[index + 1] // 2)
        assert columns[index][0] or abs(before[index] - after[index]) in (apart, 10 - apart)


def test_splits_share_no_question_as_sets():
    drawn = {split: {q.text for seed in (0, 1) for q in TASK.questions(split, 1500, seed)} for split in SPLITS}
    for first in SPLITS:
        for second in SPLITS:
            assert first == second or not drawn[first] & drawn[second]


def test_demonstrations_are_right_and_come_from_the_train_split_alone():
    others = {q.text for split in SPLITS if split != "train" for q in TASK.questions(split, 1000)}
    for question, text in TASK.demonstrations(2000):
        assert TASK.grade(question, TASK.extract(text))
        assert len(text.split()) == TASK.max_solution_tokens
        assert question.text not in others


def test_at_least_a_thousand_test_questions():
    assert len({question.id for question in TASK.questions("test", 1200)}) == 1200


def test_fewer_questions_are_a_prefix_of_more():
    assert TASK.questions("revision", 40, seed=3) == TASK.questions("revision", 100, seed=3)[:40]


def test_fewer_resets_make_longer_runs_to_look_through():
    few, many = (Halving(least_resets=share, most_resets=share).questions("test", 300) for share in (0.1, 0.75))
    assert max(q.metadata["resets"] for q in few) < 9
    assert sum(q.metadata["resets"] for q in few) * 3 < sum(q.metadata["resets"] for q in many)


def test_all_digits_together_are_one_answer_that_can_vote():
    assert TASK.extract(" 0 9 4 <end>") == TASK.extract(" 0 9 4") == "094"
    assert TASK.answers_can_vote


@pytest.mark.parametrize("text", ["", " <end>", " 0 +9 4", " 12 3", " 0 ; 9", " | 4", " ² 4"])
def test_a_text_of_anything_but_digits_has_no_answer(text):
    assert TASK.extract(text) is None


def test_an_answer_with_a_digit_too_few_is_wrong():
    question = TASK.questions("test", 1)[0]
    assert TASK.grade(question, question.reference)
    assert not TASK.grade(question, question.reference[:-1])


def test_what_is_written_tells_resets_from_dependent_columns():
    assert written(((False, 3), (True, 3))) == "+3 =3"


def test_other_families_have_no_split_for_revision():
    with pytest.raises(UserError, match="train, prm, validation, test"):
        tasks.load("countdown").questions("revision", 1)


def test_an_unknown_split_is_a_user_error_that_names_all_five():
    with pytest.raises(UserError, match="train, prm, revision, validation, test"):
        TASK.questions("dev", 1)
