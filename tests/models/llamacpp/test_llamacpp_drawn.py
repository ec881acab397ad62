"""Pieces of a streamed reply, as llama.cpp's `/completion` sends them, put together."""

import pytest

from outlay.models.llamacpp.drawn import Drawn


def token(text, logprob=-0.5, count=1, **more):
    told = [{"id": 7, "token": text, "logprob": logprob, "top_logprobs": [{"token": text, "logprob": logprob}]}]
    return {
        "content": text,
        "tokens": [7],
        "stop": False,
        "tokens_predicted": count,
        "completion_probabilities": told,
    } | more


def last(stop_type, count, **more):
    return {
        "content": "",
        "tokens": [],
        "stop": True,
        "stop_type": stop_type,
        "stopping_word": "",
        "tokens_predicted": count,
        "tokens_evaluated": 9,
        "timings": {"cache_n": 4},
    } | more


def put_together(*pieces, ends=(), first=True, alternatives=False, before=""):
    drawn = Drawn()
    for piece in pieces:
        drawn.take(piece)
    return drawn.completion(ends, first=first, alternatives=alternatives, before=before)


def test_an_answer_that_the_model_ended_counts_its_end_token():
    found = put_together(token(" Par", -1.0, 1), token("is", -0.25, 2), token("", -0.5, 3), last("eos", 3))
    assert (found.text, found.finish_reason, found.generated_tokens) == (" Paris", "end", 3)
    assert found.logprobs == (-1.0, -0.25, -0.5)
    assert found.token_texts == (" Par", "is", "")
    assert (found.prompt_tokens, found.cached_tokens) == (9, 4)


def test_a_stop_string_is_in_the_text_and_an_end_string_is_not():
    pieces = token("Yes", count=1), token("", count=2), last("word", 2, stopping_word="\n")
    stopped, ended = put_together(*pieces), put_together(*pieces, ends=("\n",))
    assert (stopped.text, stopped.finish_reason, stopped.token_texts) == ("Yes\n", "stop", ("Yes", "\n"))
    assert (ended.text, ended.finish_reason, ended.generated_tokens) == ("Yes", "end", 2)


def test_at_the_limit_it_is_cut_off():
    assert put_together(token("a", count=1), last("limit", 1)).finish_reason == "length"


def test_only_the_first_choice_of_a_call_has_the_prompt():
    found = put_together(token("a", count=1), last("eos", 1), first=False)
    assert (found.prompt_tokens, found.cached_tokens, found.generated_tokens) == (0, 0, 1)


def test_tokens_that_are_parts_of_a_letter_count_and_leave_the_log_probabilities_out():
    found = put_together(token("é", count=3), token("", count=4), last("eos", 4))  # two tokens came without a piece
    assert (found.text, found.generated_tokens, found.logprobs, found.token_texts) == ("é", 4, None, None)


@pytest.mark.parametrize("asked", [True, False])
def test_the_likeliest_tokens_are_told_where_they_are_asked_for(asked):
    both = [{"token": "Yes", "logprob": -0.1}, {"token": "No", "logprob": -2.0}, {"token": "Yes", "logprob": -9.0}]
    piece = token("Yes", -0.1)
    piece["completion_probabilities"][0]["top_logprobs"] = both
    found = put_together(piece, last("limit", 1), alternatives=asked)
    assert found.top_logprobs == (({"Yes": -0.1, "No": -2.0},) if asked else None)


def test_an_end_that_began_in_what_was_gone_on_from_leaves_nothing():
    pieces = token("\n", count=1), token("17", count=2), last("word", 3, stopping_word="\n")
    ended = put_together(*pieces, ends=("\n\n",), before="12\n")
    going_on = put_together(*pieces, ends=("\n\n",), before="12")
    assert (ended.text, ended.finish_reason, ended.generated_tokens) == ("", "end", 3)
    assert (going_on.text, going_on.finish_reason) == ("\n17\n", "stop")
