import pytest

from outlay.errors import OutlayError, UserError
from outlay.tasks.extraction import extractor

FOUND = [
    ("last_number", "She has 3 apples and buys 1,234.50 dollars' worth.", "1234.50"),
    ("last_number", "It is -7.", "-7"),
    ("last_number", "Minus −3 degrees", "-3"),
    ("last_number", "He ate 3/4 of it", "3/4"),
    ("last_number", "x2 is a name, and none follows", None),
    ("last_number", "$18", "18"),
    ("last_number", "1,2", "2"),
    ("last_number", "the answer is .5", ".5"),
    ("last_number", "18.", "18"),
    ("number_stated", "2 + 2 = 4\n#### 4\n\nQuestion: 99", "4"),
    ("number_stated", "so it is 12", "12"),
    ("number_stated", "Answer: none", None),
    ("boxed", r"\boxed{1} and \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
    ("boxed", "Answer: 5", None),
    ("stated", "<answer> (3, 4) </answer", "(3, 4)"),
    ("stated", "<answer>7", "7"),
    ("last_line", "a\n\n b \n", "b"),
    ("last_line", "\n", None),
    ("whole", " a\nb ", "a\nb"),
    ("choice", "(A) is too small. The answer is (C).", "C"),
    ("choice", "The correct option: **d**", "D"),
    ("choice", r"\boxed{\text{B}}", "B"),
    ("choice", "e", "E"),
    ("choice", "Answer: C) 12", "C"),
    ("choice", "A man walks. Distance grows.", None),
    ("choice", "I think the answer is a man", None),
    ("code", "Text\n```python\ndef f():\n    return 1\n```\n", "def f():\n    return 1"),
    ("code", "```\nx\n```\nthen\n```py\ny\n```", "y"),
    ("code", "    return 1\n", "    return 1"),
    ("code", "```python\ndef f(): pass", "def f(): pass"),
    ("code", "```\n\n```", None),
    ("json:answer", 'Sure: {"reasoning": "a {b}", "answer": 42}', "42"),
    ("json:answer", '```json\n{"answer": "\\\\frac{1}{2}"}\n```', r"\frac{1}{2}"),
    ("json:answer", '{"reasoning": "\\( x \\)", "answer": "7"', "7"),
    ("json:result.value", '{"result": {"value": "x"}}', "x"),
    ("json:answer", "{}", None),
    (r"regex:The answer is (\w+)", "The answer is no. The answer is yes.", "yes"),
    (r"regex:\d+", "12 and 13", "13"),
    ("regex:z", "a", None),
    ("posixpath:basename", "a/b", "b"),
]


@pytest.mark.parametrize(("spec", "text", "answer"), FOUND)
def test_the_answer_is_found(spec, text, answer):
    assert extractor(spec)(text) == answer


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("last_numbr", 'did you mean "last_number"'),
        ("regex:(", "no regular expression"),
        ("regex:", "no way to extract"),
        ("no.such.module:f", "cannot be imported"),
        ("math:nothing", "cannot be imported"),
        ("math:pi", "is no function"),
    ],
)
def test_a_wrong_extractor_is_refused_in_one_sentence(spec, message):
    with pytest.raises(UserError, match=message) as refused:
        extractor(spec, "q.yaml, `extract`")
    assert str(refused.value).startswith("q.yaml, `extract`: ")


def test_a_callable_that_fails_says_on_what():
    with pytest.raises(OutlayError, match=r"ast:literal_eval failed on '\(' \(SyntaxError"):
        extractor("ast:literal_eval")("(")
