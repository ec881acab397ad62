import pytest

from outlay.models.openai.cutting import Cut
from outlay.models.openai.failures import Failure, Refused, ServerFailed, lasting, of_status, said, wait_asked_for
from outlay.models.openai.replies import Usage, fitting, read

CHAT = {
    "choices": [
        {"index": 1, "message": {"content": "b"}, "finish_reason": "length"},
        {
            "index": 0,
            "message": {"content": "a."},
            "finish_reason": "stop",
            "stop_reason": ".",
            "logprobs": {"content": [{"token": "a", "logprob": -1.0}, {"token": ".", "logprob": -2.0}]},
        },
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
}


def test_choices_come_in_the_order_of_their_index_with_all_that_is_said_of_them():
    reply = read(CHAT)
    first, second = reply.choices
    assert (first.text, first.finish, first.stopped_at) == ("a.", "stop", ".")
    assert (first.tokens, first.logprobs) == (("a", "."), (-1.0, -2.0))
    assert (second.text, second.finish, second.stopped_at, second.logprobs) == ("b", "length", None, None)
    assert reply.usage == Usage(prompt=9, cached=4, generated=3)


def test_a_raw_completion_has_its_log_probabilities_in_another_shape():
    raw = {"tokens": ["a", " b"], "token_logprobs": [None, -0.5]}
    (one,) = read({"choices": [{"text": "a b", "logprobs": raw}]}).choices
    assert (one.text, one.tokens, one.logprobs) == ("a b", ("a", " b"), (0.0, -0.5))


@pytest.mark.parametrize("content", [{}, [], {"choices": []}, {"choices": None}])
def test_a_reply_without_choices_is_none(content):
    with pytest.raises(ValueError, match="without choices"):
        read(content)


def test_null_content_is_an_empty_text_and_null_usage_none():
    reply = read({"choices": [{"message": {"content": None}, "finish_reason": "stop"}], "usage": None})
    assert (reply.choices[0].text, reply.usage) == ("", None)


@pytest.mark.parametrize(
    ("text", "tokens", "fitted"),
    [
        ("a b", ("a", " b"), ("a", " b")),
        ("a b", ("a", " b", "</s>"), ("a", " b", "")),
        ("a b", ("a", " b\n\n"), ("a", " b")),
        ("a b", ("x", "y"), None),
        ("a b", None, None),
    ],
)
def test_token_texts_fit_the_text_or_are_none(text, tokens, fitted):
    assert fitting(text, tokens) == fitted


def pieces(*texts, finish="stop"):
    for text in texts:
        yield {"choices": [{"delta": {"content": text}, "logprobs": {"content": [{"token": text, "logprob": -1.0}]}}]}
    yield {"choices": [{"delta": {}, "finish_reason": finish}]}
    yield {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": len(texts)}}


def taken(stops, *texts):
    cut, count = Cut(stops), 0
    for piece in pieces(*texts):
        count += 1
        if cut.take(piece):
            break
    return cut, count


def test_a_stream_is_cut_behind_its_first_stop_even_where_that_comes_in_parts():
    cut, count = taken(("\n\n", "END"), "one", "\n", "\n", " two")
    choice, _, beyond = cut.cut()
    assert (choice.text, choice.stopped_at, choice.logprobs) == ("one\n\n", "\n\n", (-1.0, -1.0, -1.0))
    assert (count, beyond, cut.generated) == (3, 0, 3)


def test_what_a_piece_holds_beyond_the_stop_is_thrown_away_and_counted():
    cut = Cut((".",))
    tokens = [{"token": token, "logprob": -1.0} for token in ("a", ".", " b", " c")]
    assert cut.take({"choices": [{"delta": {"content": "a. b c"}, "logprobs": {"content": tokens}}]})
    choice, _, beyond = cut.cut()
    assert (choice.text, beyond, len(choice.logprobs)) == ("a.", 2, 2)


def test_a_stream_without_the_stop_is_whole():
    cut, _ = taken(("never",), "one", " two")
    choice, usage, beyond = cut.cut()
    assert (choice.text, choice.stopped_at, choice.finish, beyond) == ("one two", "", "stop", 0)
    assert usage == Usage(5, 0, 2)
    assert cut.ended


def test_a_stream_that_breaks_off_has_not_ended():
    cut = Cut(("never",))
    cut.take(next(pieces("one")))
    assert (cut.ended, cut.generated) == (False, 1)


def test_retry_after_is_a_number_or_a_date_and_nothing_else():
    assert wait_asked_for("1500", "9") == 1.5
    assert wait_asked_for(None, "Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
    assert wait_asked_for(None, "inf") is None
    assert wait_asked_for(None, None) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": {"message": "no\\n room"}}', "no room"),
        ('{"detail": "Not Found"}', "Not Found"),
        ('{"error": "busy"}', "busy"),
        ("<html>502</html>", ""),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_the_servers_words_are_found_in_any_body(body, words):
    assert said(body) == words


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_transient_and_not_billed(status):
    failure = of_status(status, "", {"retry-after": "2"})
    assert (failure.transient, failure.billed, failure.retry_after) == (True, False, 2.0)
    assert failure.load == (status in (429, 503))
    assert type(lasting(failure, "http://h/v1", "m")) is ServerFailed


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_will_not_pass_is_told_at_once(status):
    failure = of_status(status, '{"error": {"message": "seed is not supported"}}', {})
    assert not failure.transient
    assert isinstance(lasting(failure, "http://h/v1", "m"), Refused) or status == 404


def test_a_reply_that_never_began_is_a_server_that_is_not_there():
    told = lasting(Failure("ConnectError", transient=True), "http://h/v1", "m")
    assert "no server answers at http://h/v1" in str(told)
