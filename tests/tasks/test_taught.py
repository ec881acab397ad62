"""No arithmetic question that is measured was taught, with its operands in whatever order."""

import pytest

from outlay.tasks.arithmetic import Arithmetic, _written, form_of, read_expression, taught_forms
from outlay.tasks.task import content_hash, split_of
from outlay.tasks.taught import Taught, shipped

TASK = Arithmetic()


def forms(split, count, seed=0):
    return [form_of(read_expression(question.text)) for question in TASK.questions(split, count, seed)]


def exchanged(expression):
    if isinstance(expression, int):
        return expression
    operator, left, right = expression
    left, right = exchanged(left), exchanged(right)
    return (operator, left, right) if operator == "-" else (operator, right, left)


def test_the_shipped_table_holds_what_the_streams_give():
    table = shipped("arithmetic")
    assert all(form in table for form in taught_forms(4000, 2000))


def test_a_table_holds_its_forms_and_few_others():
    table = Taught.of(str(number) for number in range(1000))
    assert all(str(number) in table for number in range(1000))
    assert not any(str(number) in table for number in range(1000, 3000))


def test_the_shipped_table_passes_over_at_most_one_fresh_form_in_ten():
    fresh = [f"nothing like a question {number}" for number in range(2000)]
    assert sum(form in shipped("arithmetic") for form in fresh) < 200


@pytest.mark.parametrize("split", ["validation", "test"])
def test_no_question_was_taught_with_operands_in_any_order(split):
    taught = set(taught_forms(20_000, 3000))
    assert not taught & set(forms(split, 300))


def test_the_hash_of_the_text_alone_would_have_let_taught_questions_in():
    texts = {
        _written(exchanged(read_expression(question.text))): question for question, _ in TASK.demonstrations(20_000)
    }
    assert sum(split_of(text) == "test" for text in texts) > 1000
    assert all(form_of(read_expression(text)) in shipped("arithmetic") for text in texts)


def test_validation_and_test_share_no_form_whatever_the_seeds():
    validation = {form for seed in (0, 1) for form in forms("validation", 300, seed)}
    assert not validation & {form for seed in (0, 1) for form in forms("test", 500, seed)}


def test_questions_that_are_measured_differ_in_form():
    assert len(set(forms("test", 500))) == 500


def test_reading_gives_back_what_was_written():
    question = TASK.questions("train", 1)[0]
    assert eval(question.text.removesuffix("|"), {"__builtins__": {}}) % 53 == value(read_expression(question.text))


def value(expression):
    if isinstance(expression, int):
        return expression
    operator, left, right = expression
    a, b = value(left), value(right)
    return {"+": a + b, "-": a - b, "*": a * b}[operator] % 53


def test_training_streams_are_those_that_the_shipped_models_read():
    demonstrations = [question.text + solution for question, solution in TASK.demonstrations(3000)]
    streams = [demonstrations, *([q.text for q in TASK.questions(split, 1000)] for split in ("prm", "train"))]
    assert [content_hash("\n".join(stream)) for stream in streams] == [
        "fa5b734888a9f2ee",
        "1ad4a5a236c9f998",
        "13046234a176d590",
    ]
