import pytest

from outlay.errors import OutlayError, UserError
from outlay.tasks.equality import equality

COMPARED = [
    ("number", "1,200.0", "$1200", True),
    ("number", "18 apples", "18", True),
    ("number", "1/3", "0.33", False),
    ("number", "1e3", "1000", True),
    ("number", "none", "none", False),
    ("number", "1/0", "1/0", False),
    ("number", "0.1", "0.10", True),
    ("string", " a ", "a", True),
    ("string", "A", "a", False),
    ("string", "1.0", "1", False),
    ("text", "The Beatles!", "beatles", True),
    ("text", "an  apple, a day", "apple day", True),
    ("text", "1998", "1996", False),
    ("text", "theory", "ory", False),
    ("text", "---", "---", True),
    ("text", "---", "...", False),
    ("math", r"\frac{1}{2}", "0.5", True),
    ("math", "3 + 4 = 7", "7", True),
    ("math", "x=12", "x=13", False),
    ("operator:eq", "a", "a", True),
    ("operator:eq", "a", "b", False),
]


@pytest.mark.parametrize(("spec", "answer", "reference", "same"), COMPARED)
def test_answers_are_compared(spec, answer, reference, same):
    assert equality(spec).equal(answer, reference) is same


@pytest.mark.parametrize(
    ("spec", "one", "other"),
    [
        ("number", "1,200.0", "1200"),
        ("text", "The Beatles!", "beatles"),
        ("math", "0.5", r"\frac{1}{2}"),
        ("string", "a ", "a"),
    ],
)
def test_equal_answers_have_one_form(spec, one, other):
    form = equality(spec).form
    assert form(one) == form(other) is not None


def test_what_cannot_be_read_has_no_form():
    assert equality("math").form(r"\frac{1}{") is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [("numbr", 'did you mean "number"'), ("no.module:f", "cannot be imported"), ("math:pi", "no function")],
)
def test_a_wrong_equality_is_refused(spec, message):
    with pytest.raises(UserError, match=message):
        equality(spec)


def test_a_callable_that_fails_says_on_what():
    with pytest.raises(OutlayError, match="operator:truediv failed on 'a' and 'b'"):
        equality("operator:truediv").equal("a", "b")
