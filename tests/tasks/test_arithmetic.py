import re
from collections import Counter

import pytest

from outlay.tasks.arithmetic import (
    FORGOTTEN_SIGN,
    MODULUS,
    OFF_BY_ONE,
    SLIPPED_ROW,
    WRONG_WRAP,
    Arithmetic,
    written_result,
)

SLIPS, CLEAN = Arithmetic(), Arithmetic(clean=True)
LINE = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)")


def true_value(text):
    """The expression's value by Python's own parser: an independent second implementation."""
    return eval(text.removesuffix("|"), {"__builtins__": {}}) % MODULUS


def lines(text):
    return [(int(a), operator, int(b), int(c)) for a, operator, b, c in LINE.findall(text)]


def kind(a, operator, b):
    if operator == "-" and a < b:
        return "forgotten sign"
    if operator == "*" and a >= 10 and b >= 10:
        return "slipped row"
    if operator == "+" and a + b >= MODULUS:
        return "wrong wrap"
    return "other"


def test_references_are_the_true_values():
    assert all(int(q.reference) == true_value(q.text) for q in SLIPS.questions("test", 300))


def test_clean_demonstrations_are_right_line_by_line():
    for question, text in CLEAN.demonstrations(300):
        assert CLEAN.grade(question, CLEAN.extract(text))
        assert all(c == written_result(operator, a, b, None) for a, operator, b, c in lines(text))


def test_slips_occur_at_the_stated_rates():
    seen, slipped = Counter(), Counter()
    for _, text in SLIPS.demonstrations(20_000):
        for a, operator, b, c in lines(text):
            seen[kind(a, operator, b)] += 1
            slipped[kind(a, operator, b)] += c != written_result(operator, a, b, None)
    rates = {name: slipped[name] / seen[name] for name in seen}
    stated = {
        "forgotten sign": FORGOTTEN_SIGN,
        "slipped row": SLIPPED_ROW,
        "wrong wrap": WRONG_WRAP,
        "other": OFF_BY_ONE,
    }
    assert min(seen.values()) > 1000
    assert rates == pytest.approx(stated, abs=0.04)


def test_slips_are_carried_to_the_end():
    for _, text in SLIPS.demonstrations(200):
        written = [c for *_, c in lines(text)]
        for a, _, b, _ in lines(text):
            assert all(operand <= 9 or operand in written for operand in (a, b))


def test_slips_leave_questions_and_references_true():
    assert all(int(question.reference) == true_value(question.text) for question, _ in SLIPS.demonstrations(300))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" 6 + 3 = 9 <end>", "9"),
        (" 6 + 3 = 9", "9"),
        (" 6 + 3 = 9 ; 9 * 2 = 18 <end>", "18"),
        (" 6 + 3 = <end>", None),
        (" 6 + 3", None),
        (" = -", None),
        ("", None),
    ],
)
def test_the_answer_is_the_last_number(text, answer):
    assert SLIPS.extract(text) == answer


def test_grading_compares_with_the_truth():
    question = SLIPS.questions("test", 1)[0]
    assert SLIPS.grade(question, question.reference)
    assert not SLIPS.grade(question, str((int(question.reference) + 1) % MODULUS))


def test_solutions_fit_the_stated_length_and_show_every_step():
    for question, text in SLIPS.demonstrations(300):
        assert len(text.split()) == 6 * question.metadata["steps"] <= SLIPS.max_solution_tokens
        assert 2 <= question.metadata["steps"] <= 8


def test_answers_vote():
    assert SLIPS.answers_can_vote
