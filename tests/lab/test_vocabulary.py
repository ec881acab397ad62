import pytest

from outlay import tasks
from outlay.errors import UserError
from outlay.lab.vocabulary import vocabulary_of

NAMES = ("countdown", "arithmetic", "arithmetic-clean", "halving", "knowledge", "programs")


@pytest.mark.parametrize("name", NAMES)
def test_every_question_and_solution_survives_a_round_trip(name):
    vocabulary = vocabulary_of(name)
    for question, solution in tasks.load(name).demonstrations(200):
        assert vocabulary.decode(vocabulary.encode(question.text + solution)) == f" {question.text}{solution}"


@pytest.mark.parametrize("name", NAMES)
def test_words_are_distinct(name):
    words = vocabulary_of(name).words
    assert len(set(words)) == len(words)


def test_an_unknown_word_is_a_user_error():
    with pytest.raises(UserError, match="'hello'"):
        vocabulary_of("countdown").encode("hello | 4")
