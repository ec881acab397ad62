import pytest

from outlay.errors import UserError
from outlay.models.openai.address import Key, find_key, parse


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in ("OUTLAY_API_KEY", "OUTLAY_API_KEY_FILE", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://h:8000/v1#org/model", ("http://h:8000/v1", "org/model", "")),
        ("https://h/v1/", ("https://h/v1", "", "")),
        ("http://h/v1/completions#m", ("http://h/v1", "m", "completions")),
        ("http://h/v1/chat/completions#m#2", ("http://h/v1", "m#2", "chat")),
    ],
)
def test_an_address_is_a_url_and_a_model_and_is_written_as_it_was_read(text, parts):
    address = parse(text)
    assert (address.url, address.model, address.api) == parts
    assert parse(str(address).removeprefix("openai:")) == address


def test_the_servers_own_pages_are_beside_its_api():
    assert parse("http://h:8000/v1#m").root == "http://h:8000"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gpt-4", "names no server: write openai:URL#MODEL"),
        ("ftp://h/v1#m", "names no server"),
        ("http:///v1#m", "names no server"),
        ("http://user:sk-secret@h/v1#m", "holds a password or a query"),
        ("http://h/v1?key=sk-secret#m", "holds a password or a query"),
    ],
)
def test_what_is_no_address_is_refused_and_no_secret_is_repeated(text, says):
    with pytest.raises(UserError, match=says) as error:
        parse(text)
    assert "sk-secret" not in str(error.value)


def test_the_key_comes_from_a_file_before_the_environment(tmp_path, monkeypatch):
    (tmp_path / "one").write_text("from-one\n")
    (tmp_path / "two").write_text("from-two")
    monkeypatch.setenv("OUTLAY_API_KEY_FILE", str(tmp_path / "two"))
    assert find_key("http://h/v1").value == "from-two"
    monkeypatch.setenv("OUTLAY_API_KEY", "from-environment")
    assert find_key("http://h/v1").value == "from-environment"
    assert find_key("http://h/v1", tmp_path / "one").value == "from-one"


def test_openais_own_key_is_shown_to_openai_and_to_the_server_that_stands_for_it_alone(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    assert find_key("https://api.openai.com/v1").value == "sk-openai"
    assert find_key("http://stranger:8000/v1").value == ""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://gateway:8000/v1")
    assert find_key("http://gateway:8000/v1").value == "sk-openai"


def test_a_key_file_that_is_not_there_or_empty_or_no_key_is_told_of(tmp_path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two lines").write_text("sk-secret\nsk-secret")
    for name, says in (("none", "cannot be read"), ("empty", "is empty"), ("two lines", "is no key")):
        with pytest.raises(UserError, match=says) as error:
            find_key("http://h/v1", tmp_path / name)
        assert name in str(error.value)
        assert "sk-secret" not in str(error.value)


def test_a_key_is_not_shown_and_taken_out_of_texts():
    key = Key("sk-secret")
    assert "sk-secret" not in repr(key)
    assert key.hidden("wrong key sk-secret!") == "wrong key ...!"
    assert Key().hidden("as it is") == "as it is"


def test_without_the_client_it_is_said_what_to_install(monkeypatch):
    import outlay
    from outlay.models.openai import model

    monkeypatch.setattr(model, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"need the package openai: install it with pip install \"outlay\[openai\]\""):
        outlay.models.load("openai:http://h/v1#m")


def test_loading_sends_nothing_and_imports_no_client():
    import subprocess
    import sys

    code = "import sys, outlay; outlay.models.load('openai:http://localhost:9/v1#m'); print('openai' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
