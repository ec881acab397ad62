import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.tasks.countdown import MAX_NUMBER, MAX_VALUE, Countdown
from outlay.types import Question

TASK = Countdown()


def question(numbers, target):
    text = " ".join(map(str, numbers)) + f" > {target} |"
    return Question("q", text, metadata={"numbers": list(numbers), "target": target, "steps": len(numbers) - 1})


GRADED = [
    ((4, 7, 2), 13, " 4 + 7 = 11 ; 11 + 2 = 13 <end>", True),
    ((4, 7, 2), 13, " 4 + 7 = 11 ; 11 + 2 = 13", True),
    ((4, 7, 2), 13, " 7 + 2 = 9 ; 4 + 9 = 13 <end>", True),
    ((4, 7, 2), 13, " 4 + 7 = 12 ; 11 + 2 = 13 <end>", False),  # wrong arithmetic
    ((4, 7, 2), 13, " 4 + 7 = 12 ; 12 + 2 = 13 <end>", False),  # wrong arithmetic that lands on the target
    ((4, 7, 2), 13, " 4 + 7 = 11 ; 11 - 2 = 9 <end>", False),  # misses the target
    ((4, 7, 2), 11, " 4 + 7 = 11 <end>", False),  # a number left over
    ((4, 7, 2), 15, " 4 + 7 = 11 ; 11 + 4 = 15 <end>", False),  # a number used twice
    ((4, 7, 2), 13, " 4 + 9 = 13 <end>", False),  # a number that was not given
    ((4, 7, 2, 1), 13, " 4 + 7 = 11 ; 2 * 1 = 2 <end>", False),  # two ends, none joined
    ((4, 7, 2, 1), 13, " 4 + 7 = 11 ; 2 * 1 = 2 ; 11 + 2 = 13 <end>", True),
    ((3, 3, 5), 1, " 3 / 3 = 1 ; 5 - 1 = 4 <end>", False),
    ((3, 3, 5), 4, " 3 / 3 = 1 ; 5 - 1 = 4 <end>", True),
    ((7, 2, 1), 3, " 7 / 2 = 3 ; 3 * 1 = 3 <end>", False),  # a division that is not exact
    ((2, 2, 5), 5, " 2 - 2 = 0 ; 5 + 0 = 5 <end>", True),
    ((2, 2, 5), 5, " 2 - 2 = 0 ; 5 / 0 = 5 <end>", False),  # a division by zero
    ((2, 7, 9), 4, " 2 - 7 = 5 ; 9 - 5 = 4 <end>", False),  # a difference below zero
    ((3, 1, 1), 4, " 3 * 1 = 3 ; 3 + 1 = 4 <end>", True),  # a result equal to a given number
]


@pytest.mark.parametrize(("numbers", "target", "text", "right"), GRADED)
def test_grading(numbers, target, text, right):
    assert TASK.grade(question(numbers, target), TASK.extract(text)) is right


@pytest.mark.parametrize(
    "text", ["", " <end>", " 4 + 7 =", " 4 + 7 = 11 ;", " 4 7 + = 11 <end>", " 4 + 7 = 11 11 + 2 = 13"]
)
def test_a_text_that_is_not_a_derivation_has_no_answer(text):
    assert TASK.extract(text) is None


def test_the_same_derivation_in_another_order_is_the_same_answer():
    first = TASK.extract(" 4 + 7 = 11 ; 2 * 1 = 2 ; 11 + 2 = 13 <end>")
    second = TASK.extract(" 1 * 2 = 2 ; 7 + 4 = 11 ; 2 + 11 = 13 <end>")
    assert TASK.equivalent(first, second)


def test_another_derivation_of_the_same_number_is_another_answer():
    assert not TASK.equivalent(TASK.extract(" 4 + 7 = 11 ; 11 + 2 = 13"), TASK.extract(" 7 + 2 = 9 ; 4 + 9 = 13"))


def test_answers_do_not_vote():
    assert not TASK.answers_can_vote


def test_every_demonstration_is_right_and_within_bounds():
    for asked, text in TASK.demonstrations(500, seed=1):
        assert TASK.grade(asked, TASK.extract(text))
        assert len(text.split()) <= TASK.max_solution_tokens
        assert 1 <= asked.metadata["target"] <= MAX_VALUE
        assert all(1 <= number <= MAX_NUMBER for number in asked.metadata["numbers"])
        assert all(int(word) <= MAX_VALUE for word in text.split() if word.isdigit())


def test_question_text_shows_the_numbers_and_the_target():
    asked = TASK.questions("test", 1)[0]
    numbers, _, target = asked.text.removesuffix(" |").partition(" > ")
    assert sorted(map(int, numbers.split())) == sorted(asked.metadata["numbers"])
    assert int(target) == asked.metadata["target"]


@given(st.integers(0, 10_000))
def test_changing_one_result_makes_a_solution_wrong(seed):
    generator = random.Random(seed)
    asked, text = next(iter(TASK.demonstrations(1, seed)))
    lines = text.removesuffix(" <end>").split(" ; ")
    changed = generator.randrange(len(lines))
    words = lines[changed].split()
    words[-1] = str(int(words[-1]) + 1)
    lines[changed] = " ".join(words)
    assert not TASK.grade(asked, TASK.extract(" " + " ; ".join(lines)))
