import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.tasks.straight_line import (
    FAILED,
    MAX_MAGNITUDE,
    OPERATIONS,
    Line,
    Program,
    dual_agreement,
    program_of,
    whole_number,
    written,
)

INPUTS = [(3, 2), (1, 1), (12, 5), (7, 0), (-4, 9)]
WORDS = [
    *OPERATIONS,
    "x",
    "y",
    "a",
    "b",
    "c",
    "d",
    "=",
    ";",
    "test",
    ">",
    "0",
    "3",
    "-3",
    "99",
    "100",
    "²",
    "<end>",
    "9" * 5000,
]
RESULTS = "abcd"


@st.composite
def programs(draw):
    """Well-formed programs of one to four lines."""
    lines = []
    for result in RESULTS[: draw(st.integers(1, 4))]:
        operands = st.one_of(st.integers(0, 9), st.sampled_from(["x", "y", *(line.result for line in lines)]))
        lines.append(Line(draw(operands), draw(st.sampled_from(list(OPERATIONS))), draw(operands), result))
    return Program(tuple(lines))


def text_of(program):
    return " " + " ; ".join(f"{line.left} {line.operator} {line.right} = {line.result}" for line in program.lines)


def python_output(program, x, y):
    """What Python itself makes of the same lines: an independent second implementation."""
    names = {"x": x, "y": y}
    for line in program.lines:
        call = line.operator in ("min", "max")
        source = f"{line.operator}({line.left}, {line.right})" if call else f"{line.left} {line.operator} {line.right}"
        try:
            names[line.result] = eval(source, {"__builtins__": {}, "min": min, "max": max}, names)
        except ZeroDivisionError:
            return None
        if abs(names[line.result]) > MAX_MAGNITUDE:
            return None
    return names[program.lines[-1].result]


@given(programs(), st.integers(-20, 20), st.integers(-20, 20))
def test_a_program_computes_what_python_computes(program, x, y):
    assert program.outputs([(x, y)]) == [python_output(program, x, y)]


@given(programs())
def test_a_written_program_reads_back_as_itself(program):
    assert program_of(text_of(program)) == program


@given(programs())
def test_inputs_do_not_disturb_each_other(program):
    assert program.outputs(INPUTS) == [program.outputs([given_input])[0] for given_input in INPUTS]


@given(st.lists(st.sampled_from(WORDS), max_size=24))
def test_no_sequence_of_words_raises(words):
    text = " ".join(words)
    found = written(text)
    if found is not None:
        assert len(found.program.behaviour(INPUTS).split()) == len(INPUTS)
    dual_agreement([text])


@given(programs(), st.permutations(RESULTS))
def test_renamed_results_behave_the_same(program, names):
    renamed = dict(zip(RESULTS, names, strict=True))
    lines = tuple(
        Line(
            renamed.get(line.left, line.left), line.operator, renamed.get(line.right, line.right), renamed[line.result]
        )
        for line in program.lines
    )
    assert Program(lines).behaviour(INPUTS) == program.behaviour(INPUTS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " x + y",
        " x + y = ",
        " x + y = x",  # an input is not to be written to
        " x + y = e",
        " x ** y = a",
        " x + a = a",  # a name before it has a value
        " x + 100 = a",  # a constant beyond the bound
        " x + -1 = a",
        " x + 1.5 = a",
        " x + y = a ;",
        " x + y = a b",
        " test 1 2 > 3",  # no program
        " test 1 2 > 3 ; x + y = a",  # a test before the program
        " x + y = a ; test 1 2 > 3 ; a + y = b",
        " x + y = a ; test 1 2 3",
        " x + y = a ; test 1 2 > 3 4",
        " x + y = a" + " ; a + y = a" * 4,  # five lines
        " x + y = a" + " ; test 1 2 > 3" * 5,
    ],
)
def test_what_cannot_be_read_is_none(text):
    assert written(text) is None


def test_a_result_may_be_written_over():
    assert program_of(" x + 1 = a ; a * 2 = a").outputs([(3, 0)]) == [8]


def test_traced_values_are_a_remark():
    assert program_of(" x + y = a 99 98 ; a * 2 = b -1") == program_of(" x + y = a ; a * 2 = b")


@pytest.mark.parametrize("line", ["x // y", "x % y"])
def test_a_division_by_zero_fails_on_that_input_alone(line):
    assert program_of(f" {line} = a").outputs([(6, 0), (6, 4)])[0] is None
    assert program_of(f" {line} = a").outputs([(6, 0), (6, 4)])[1] is not None


def test_a_failure_is_never_undone():
    assert program_of(" x // y = a ; x + 1 = b").outputs([(6, 0)]) == [None]


def test_a_value_beyond_the_bound_fails():
    assert program_of(" x * x = a").behaviour([(99, 1), (100, 1), (-100, 1)]) == f"9801 {FAILED} {FAILED}"


def test_self_written_tests_are_read():
    assert written(" x + y = a ; test 1 2 > 3 ; test 4 -2 > 2").tests == ((1, 2, 3), (4, -2, 2))


@pytest.mark.parametrize(
    ("word", "number"), [("0", 0), ("-7", -7), ("+7", None), ("1_0", None), ("", None), ("²", None)]
)
def test_whole_numbers(word, number):
    assert whole_number(word) == number


def test_dual_agreement_groups_by_outputs_and_counts_passed_tests():
    texts = [
        " x + y = a ; test 1 2 > 3",
        " y + x = b ; test 2 2 > 4",
        " x * y = a ; test 2 2 > 4",  # the same test once more counts once
        " x * y = a ; test 2 2 > 5",  # a wrong test, which nobody passes
        " nonsense",
    ]
    assert dual_agreement(texts) == ([0, 0, 1, 1, -1], [2, 2, 1, 1, 0])


def test_dual_agreement_puts_given_examples_to_every_program():
    assert dual_agreement([" x + y = a", " x * y = a"], examples=[(2, 2, 4), (1, 3, 4)]) == ([0, 1], [2, 1])


def test_programs_that_their_tests_cannot_tell_apart_share_a_class():
    assert dual_agreement([" x + y = a ; test 2 2 > 4", " x * y = a"])[0] == [0, 0]
