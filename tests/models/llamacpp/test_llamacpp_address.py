"""What may follow `llamacpp:`."""

from pathlib import Path

import pytest

from outlay.errors import UserError
from outlay.models import load
from outlay.models.llamacpp.address import CONTEXT, parse


def test_a_path_alone_leaves_the_rest_to_the_file():
    found = parse("models/small.gguf")
    assert (found.path, found.template, found.ends, found.system, found.context) == (
        Path("models/small.gguf"),
        None,
        (),
        "",
        CONTEXT,
    )
    assert found.written == "llamacpp:models/small.gguf"


def test_options_follow_a_question_mark():
    found = parse("m.gguf?template=none&end=%0A&end=Question:&context=256")
    assert (found.template, found.ends, found.context) == ("none", ("\n", "Question:"), 256)
    assert parse(r"m.gguf?end=\n\n").ends == ("\n\n",)
    assert parse("m.gguf?system=Be%20brief%26kind").system == "Be brief&kind"


def test_a_file_whose_name_has_a_question_mark_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("odd?end=x").write_bytes(b"GGUF")
    assert parse("odd?end=x").path == Path("odd?end=x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("m.gguf?ends=x", 'no option "ends"; did you mean "end"'),
        ("m.gguf?end=", "the option end has no value"),
        ("m.gguf?end", "the option end has no value"),
        ("m.gguf?template=jinja", 'no template "jinja"'),
        ("m.gguf?context=long", 'whole number of tokens, not "long"'),
        ("m.gguf?context=0", 'whole number of tokens, not "0"'),
        ("m.gguf?context=1&context=2", "context is given twice"),
        ("m.gguf?template=none&system=x", "a system prompt belongs to a chat"),
    ],
)
def test_a_wrong_option_is_told(text, says):
    with pytest.raises(UserError, match=says):
        parse(text)


def test_a_file_is_looked_at_when_the_model_is_loaded_not_when_it_is_used(tmp_path):
    with pytest.raises(UserError, match=r"there is no file .*absent\.gguf"):
        load(f"llamacpp:{tmp_path}/absent.gguf?template=none")
