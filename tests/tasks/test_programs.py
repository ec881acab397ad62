import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay import tasks
from outlay.errors import UserError
from outlay.tasks.programs import MAX_SHOWN, MIN_SHOWN, MISS_SHARE, PROBES, SHOWN, Programs, shown_examples
from outlay.tasks.straight_line import program_of
from outlay.types import Question

TASK = Programs()
SPLITS = ("train", "prm", "validation", "test")
SUM = Question("q", "x 3 5 4 y 2 1 4 > 5 6 8 |", reference=program_of(" x + y = a").behaviour(PROBES))


def test_the_name_loads_the_task():
    assert tasks.load("programs") == TASK


def parts_of(text):
    """The operators and constants of the program in a solution, as a question tells them."""
    lines = program_of(text.removesuffix("<end>")).lines
    constants = sorted(leaf for line in lines for leaf in (line.left, line.right) if isinstance(leaf, int))
    return sorted(line.operator for line in lines), constants


def told_parts(question):
    words = question.text.split(",")[1].removesuffix("|").split()
    return sorted(w for w in words if not w.isdigit()), sorted(int(w) for w in words if w.isdigit())


def test_a_quarter_of_the_demonstrations_miss_and_the_others_pass_their_examples():
    pairs = list(TASK.demonstrations(4000))
    right = [TASK.grade(question, TASK.extract(text)) for question, text in pairs]
    # A program put together anew can be right again, so a little more than three in four are.
    assert 1 - MISS_SHARE - 0.02 < sum(right) / len(right) < 1 - MISS_SHARE / 2
    for (question, text), is_right in zip(pairs, right, strict=True):
        assert not is_right or TASK.examples_passed(question, text) == TASK.examples


@given(st.integers(0, 10_000))
def test_demonstrations_are_made_of_the_parts_that_the_question_tells(seed):
    for question, text in TASK.demonstrations(4, seed):
        assert parts_of(text) == told_parts(question)


@given(st.integers(0, 10_000))
def test_demonstrations_trace_their_programs_on_the_examples(seed):
    question, text = next(TASK.demonstrations(1, seed))
    inputs = [test[:2] for test in shown_examples(question.text)]
    lines = [part.split() for part in text.split(";")[:-1]]
    claimed = [[int(word) for word in words[5:]] for words in lines]
    assert claimed == program_of(text.removesuffix("<end>")).traces(inputs)


@given(st.integers(0, 10_000))
def test_demonstrations_end_in_a_right_test_on_an_input_that_is_not_shown(seed):
    question, text = next(TASK.demonstrations(1, seed))
    (test,) = TASK.self_written_tests(text)
    assert program_of(text.removesuffix("<end>")).passes(test)
    assert test[:2] not in [shown[:2] for shown in shown_examples(question.text)]


def test_demonstrations_keep_within_length_and_numbers():
    for question, text in TASK.demonstrations(300):
        assert len(text.split()) <= TASK.max_solution_tokens
        words = f"{question.text}{text}".split()
        assert all(MIN_SHOWN <= int(word) <= MAX_SHOWN for word in words if word.lstrip("-").isdigit())
        assert 1 <= question.metadata["operations"] <= 3


GRADED = [
    (" x + y = a 5 6 8 <end>", True),
    (" y + x = d", True),  # operands in the other order, another name
    (" x + 1 = a ; a + y = b ; b - 1 = c <end>", True),  # a longer way
    (" x + y = a 9 9 9 ; test 1 1 > 9 <end>", True),  # wrong remarks about a right program
    (" x - y = a <end>", False),
    (" x + y = a ; x + y = b ; b // 1 = c ; c % 13 = d <end>", False),  # right on the examples, wrong on large inputs
    (" x // 0 = a <end>", False),  # fails everywhere
]


@pytest.mark.parametrize(("text", "right"), GRADED)
def test_grading(text, right):
    assert TASK.grade(SUM, TASK.extract(text)) is right


def test_a_program_that_fits_the_examples_alone_is_wrong():
    text = " x + y = a ; a % 9 = b <end>"
    assert TASK.examples_passed(SUM, text) == 3
    assert not TASK.grade(SUM, TASK.extract(text))


@pytest.mark.parametrize("text", ["", " <end>", " x + y", " x + y = a ;", " x + z = a <end>", " import os"])
def test_a_text_that_is_no_program_has_no_answer_and_passes_nothing(text):
    assert TASK.extract(text) is None
    assert TASK.examples_passed(SUM, text) == 0
    assert TASK.self_written_tests(text) == ()


def test_examples_passed_counts():
    assert TASK.examples_passed(SUM, " x + 1 = a <end>") == 1


def test_equal_behaviour_is_the_same_answer_and_other_behaviour_another():
    once, twice = TASK.extract(" x + x = a"), TASK.extract(" x * 2 = b 1 2 3 <end>")
    assert TASK.equivalent(once, twice)
    assert not TASK.equivalent(once, TASK.extract(" x * 3 = a"))


def test_a_failing_run_is_an_answer_of_its_own():
    assert not TASK.equivalent(TASK.extract(" 9 // 0 = a"), TASK.extract(" x * 0 = a"))


def test_hidden_inputs_are_never_shown():
    assert not set(PROBES) & set(SHOWN)
    for question in TASK.questions("validation", 80):
        assert all(test[:2] in SHOWN for test in shown_examples(question.text))


def test_hidden_inputs_hold_every_value_of_x_and_of_y():
    assert {x for x, _ in PROBES} == {y for _, y in PROBES} == set(range(1, 10))


def test_splits_share_no_behaviour_whatever_the_seeds():
    drawn = {split: {q.reference for seed in (0, 1) for q in TASK.questions(split, 60, seed)} for split in SPLITS}
    assert len(set().union(*drawn.values())) == sum(map(len, drawn.values()))


def test_demonstrations_come_from_the_train_split_alone():
    taught = {question.reference for question, _ in TASK.demonstrations(2000)}
    for split in ("prm", "validation", "test"):
        assert not taught & {question.reference for question in TASK.questions(split, 100)}


def test_questions_of_one_call_do_different_things():
    questions = TASK.questions("test", 100)
    assert len({q.reference for q in questions}) == len({q.id for q in questions}) == 100


def test_fewer_questions_are_a_prefix_of_more():
    assert TASK.questions("test", 20, seed=3) == TASK.questions("test", 50, seed=3)[:20]


def test_another_seed_asks_other_questions():
    assert TASK.questions("test", 20, seed=0) != TASK.questions("test", 20, seed=1)


def test_no_question_is_trivial():
    for question in TASK.questions("validation", 80):
        outputs = question.reference.split()
        assert "!" not in outputs
        assert len(set(outputs)) >= 3
        assert outputs not in ([str(x) for x, _ in PROBES], [str(y) for _, y in PROBES])


@pytest.mark.parametrize("operations", [1, 2, 3])
def test_operations_are_a_knob(operations):
    task = Programs(min_operations=operations, max_operations=operations)
    assert {q.metadata["operations"] for q in task.questions("train", 12)} == {operations}


def test_examples_are_a_knob():
    assert {len(shown_examples(q.text)) for q in Programs(examples=5).questions("validation", 20)} == {5}


def test_parts_are_no_examples():
    assert shown_examples("x 3 5 y 2 1 > 8 11 , * + 2 |") == shown_examples("x 3 5 y 2 1 > 8 11 |")


@pytest.mark.parametrize(
    "text", ["x 3 y 2 > 5 , |", "", "x 3 y 2 > 5", "x 3 4 y 2 > 5 |", "x 3 y 2 5 |", "x 3 y 2 > - |", "3 2 > 5 |"]
)
def test_a_text_that_is_no_question_shows_no_examples(text):
    assert shown_examples(text) == ()


def test_answers_vote():
    assert TASK.answers_can_vote


def test_an_unknown_split_is_a_user_error():
    with pytest.raises(UserError, match="no split 'dev'"):
        TASK.questions("dev", 1)


def test_more_questions_than_there_are_is_a_user_error(monkeypatch):
    monkeypatch.setattr(tasks.task, "MAX_CONSECUTIVE_REJECTIONS", 100)
    with pytest.raises(UserError, match="ask for at most"):
        Programs(max_operations=1).questions("validation", 2000)
