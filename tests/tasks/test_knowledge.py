from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay import tasks
from outlay.errors import UserError
from outlay.tasks.knowledge import ATTRIBUTES, FAMILY_NAMES, GIVEN_NAMES, OFFSET, VALUES, Knowledge, facts

TASK = Knowledge()
SPLITS = ("train", "prm", "validation", "test")


def everything(split):
    """All questions of a split."""
    return TASK.questions(split, sum(owner == split for owner in OWNERS))


OWNERS = [tasks.task.split_of(fact.content) for fact in facts(0, 1.2)]


def test_the_name_loads_the_task():
    assert tasks.load("knowledge") == TASK


def test_words_are_distinct():
    words = [*GIVEN_NAMES, *FAMILY_NAMES, *ATTRIBUTES, *VALUES]
    assert len(set(words)) == len(words) == 40 + 50 + 6 + 120


@given(st.integers(0, 10_000))
def test_every_demonstration_is_right(seed):
    for question, text in TASK.demonstrations(5, seed):
        assert TASK.grade(question, TASK.extract(text))
        assert len(text.split()) == TASK.max_solution_tokens


@given(st.sampled_from(VALUES), st.integers(0, 1439 - 100))
def test_any_other_value_is_wrong(value, place):
    question = TEST[place]
    assert TASK.grade(question, value) is (value == question.reference)


TEST = TASK.questions("test", 1400)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" timo <end>", "timo"),
        (" timo", "timo"),
        (" timo timo", None),
        (" <end>", None),
        ("", None),
        (" ; <end>", None),
    ],
)
def test_an_answer_is_one_word(text, answer):
    assert TASK.extract(text) == answer


def test_splits_share_no_fact_and_cover_the_world():
    drawn = [{question.text for question in everything(split)} for split in SPLITS]
    assert sum(map(len, drawn)) == len(set().union(*drawn)) == 12_000


def test_there_are_over_a_thousand_test_questions():
    assert len(everything("test")) > 1000


def test_demonstrations_teach_the_tested_facts_by_design():
    taught = {question.id for question, _ in TASK.demonstrations(100_000)}
    seen = [question.id in taught for question in TEST]
    assert sum(seen) / len(seen) > 0.6


def test_a_demonstrated_question_is_the_asked_question():
    by_id = {question.id: question for question in TEST}
    met = [question for question, _ in TASK.demonstrations(2000) if question.id in by_id]
    assert met
    assert all(question == by_id[question.id] for question in met)


def test_facts_come_up_as_often_as_their_shares_say():
    count = Counter(question.metadata["rank"] for question, _ in TASK.demonstrations(60_000))
    known = facts(0, 1.2)
    for low, high in ((0, 10), (10, 100), (100, 1000), (1000, 12_000)):
        share = sum(fact.share for fact in known[low:high])
        assert sum(count[rank] for rank in range(low, high)) / 60_000 == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.0, 1.5])
def test_shares_follow_the_law_and_sum_to_one(exponent):
    shares = [fact.share for fact in facts(0, exponent)]
    assert sum(shares) == pytest.approx(1)
    assert shares[500] / shares[0] == pytest.approx(((500 + OFFSET) / OFFSET) ** -exponent)


def test_the_exponent_changes_no_fact():
    assert [(f.content, f.value) for f in facts(0, 0.5)] == [(f.content, f.value) for f in facts(0, 1.5)]


def test_rank_does_not_depend_on_the_split():
    middle = sorted(question.metadata["rank"] for question in everything("test"))[len(everything("test")) // 2]
    assert middle == pytest.approx(6000, abs=600)


def test_another_world_has_other_facts():
    one, other = ({f.content: f.value for f in facts(world, 1.0)} for world in (0, 1))
    assert one.keys() == other.keys()
    assert sum(one[key] == other[key] for key in one) / len(one) < 0.03


def test_values_are_spread_evenly():
    count = Counter(fact.value for fact in facts(0, 1.2))
    assert len(count) == len(VALUES)
    assert max(count.values()) < 2 * 12_000 / len(VALUES)


def test_fewer_questions_are_a_prefix_of_more():
    assert TASK.questions("test", 40, seed=3) == TASK.questions("test", 100, seed=3)[:40]


def test_questions_of_one_call_are_distinct():
    assert len({question.id for question in TEST}) == len({question.text for question in TEST}) == len(TEST)


def test_another_seed_asks_in_another_order():
    assert TASK.questions("test", 20, seed=0) != TASK.questions("test", 20, seed=1)


def test_answers_vote_and_are_compared_as_words():
    assert TASK.answers_can_vote
    assert TASK.equivalent("timo", "timo")
    assert not TASK.equivalent("timo", "tamo")


def test_more_questions_than_there_are_is_a_user_error():
    with pytest.raises(UserError, match=r"only \d+ distinct questions in split 'test'.*ask for at most"):
        TASK.questions("test", 5000)


def test_an_unknown_split_is_a_user_error():
    with pytest.raises(UserError, match="no split 'dev'"):
        TASK.questions("dev", 1)
