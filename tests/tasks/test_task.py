from collections import Counter

import pytest

from outlay import tasks
from outlay.errors import UserError
from outlay.tasks.countdown import Countdown
from outlay.tasks.task import SPLIT_SHARES, content_hash, split_of

SPLITS = tuple(SPLIT_SHARES)
NAMES = ("countdown", "arithmetic", "arithmetic-clean")


def content(question):
    """What makes a question the same question: its words in any order, and its target."""
    if question.task == "countdown":
        return tuple(sorted(question.metadata["numbers"])), question.metadata["target"]
    return question.text


@pytest.mark.parametrize("name", NAMES)
def test_splits_share_no_question_whatever_the_seeds(name):
    task = tasks.load(name)
    drawn = {split: {content(q) for seed in (0, 1) for q in task.questions(split, 300, seed)} for split in SPLITS}
    for first in SPLITS:
        for second in SPLITS:
            if first != second:
                assert not drawn[first] & drawn[second]


@pytest.mark.parametrize("name", NAMES)
def test_demonstrations_come_from_the_train_split_alone(name):
    task = tasks.load(name)
    taught = {content(question) for question, _ in task.demonstrations(2000)}
    for split in ("prm", "validation", "test"):
        assert not taught & {content(question) for question in task.questions(split, 500)}


@pytest.mark.parametrize("name", NAMES)
def test_fewer_questions_are_a_prefix_of_more(name):
    task = tasks.load(name)
    assert task.questions("test", 40, seed=3) == task.questions("test", 100, seed=3)[:40]


@pytest.mark.parametrize("name", NAMES)
def test_questions_of_one_call_are_distinct(name):
    questions = tasks.load(name).questions("validation", 400)
    assert len({content(question) for question in questions}) == len({question.id for question in questions}) == 400


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_asks_other_questions(name):
    task = tasks.load(name)
    assert task.questions("test", 20, seed=0) != task.questions("test", 20, seed=1)


@pytest.mark.parametrize("name", NAMES)
def test_references_are_right_answers(name):
    task = tasks.load(name)
    assert all(task.grade(question, question.reference) for question in task.questions("test", 200))


def test_both_variants_of_arithmetic_ask_the_same():
    with_slips, clean = (tasks.load(name).questions("test", 50) for name in ("arithmetic", "arithmetic-clean"))
    assert [q.text for q in with_slips] == [q.text for q in clean]


def test_hashes_do_not_change_between_versions():
    assert content_hash("2 4 7 > 15") == "d037595a0b60dbe8"
    assert split_of("2 4 7 > 15") == "train"


def test_splits_get_their_shares():
    count = Counter(split_of(str(number)) for number in range(20_000))
    assert {split: round(count[split] / 200) for split in SPLITS} == pytest.approx(SPLIT_SHARES, abs=1.5)


def test_an_unknown_split_is_a_user_error():
    with pytest.raises(UserError, match=r"no split 'dev'.*train, prm, validation, test"):
        tasks.load("countdown").questions("dev", 1)


def test_an_unknown_task_is_a_user_error_that_names_the_known():
    with pytest.raises(UserError, match="countdown"):
        tasks.load("chess")


def test_asking_for_more_questions_than_there_are_is_a_user_error(monkeypatch):
    monkeypatch.setattr("outlay.tasks.task.MAX_CONSECUTIVE_REJECTIONS", 2000)  # usually 200,000
    with pytest.raises(UserError, match="ask for at most"):
        Countdown(min_numbers=2, max_numbers=2).questions("validation", 5000)


def test_a_built_in_task_takes_no_argument():
    with pytest.raises(UserError, match="nothing after a colon"):
        tasks.load("countdown:easy")


def test_jsonl_wants_a_path():
    with pytest.raises(UserError, match="jsonl:PATH"):
        tasks.load("jsonl")
