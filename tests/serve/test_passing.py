"""One sample, passed through: the upstream's reply byte for byte; and what becomes of an upstream that fails."""

import json
import socket
import time

import pytest
from serving import VOTE, policy_file, serving
from upstream import MODEL, TOOL_STREAM, Upstream, chunk

from outlay.traces import Store

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
ONE = {"budget": {"generations": 1}}


def policy_of(upstream, folder):
    return policy_file(folder, VOTE, model=upstream.address)


def asked(**fields):
    return {"model": "outlay", "messages": [{"role": "user", "content": "What is 2 + 2?"}]} | fields


def test_a_stream_with_tool_calls_passes_through_byte_for_byte(tmp_path):
    with Upstream(pieces=TOOL_STREAM, pause=0.002) as upstream, serving(policy_of(upstream, tmp_path)) as server:
        upstream.forget()
        _, headers, content = server.ask(asked(stream=True, tools=TOOLS, temperature=0.3))
        assert content == b"".join(TOOL_STREAM)
        assert headers["Content-Type"].startswith("text/event-stream") and headers["X-Outlay-Stopped-By"] == "passed"
        (sent,) = upstream.asked
        assert sent["model"] == MODEL and sent["tools"] == TOOLS and sent["temperature"] == 0.3 and "outlay" not in sent
    (trace,) = Store(tmp_path / "served", create=False).traces()
    assert (trace.cost.prompt_tokens, trace.cost.generated_tokens) == (11, 7)
    assert "weather" in trace.solutions[0].text


def test_a_body_that_needs_no_change_goes_upstream_as_the_very_same_bytes(tmp_path):
    raw = json.dumps(asked(model=MODEL, temperature=0.5, unheard_of={"a": [1, 2]}) | {"max_tokens": 9}, indent=2)
    policy = policy_file(tmp_path, VOTE | {"plans": VOTE["plans"][:1]}, model="")
    with Upstream() as upstream:
        policy = policy_file(tmp_path, VOTE | {"plans": VOTE["plans"][:1]}, model=upstream.address)
        with serving(policy) as server:
            upstream.forget()
            status, _, _ = server.ask(raw=raw)
            assert status == 200 and upstream.raw == [raw.encode()]


def test_the_policys_temperature_is_used_where_the_client_gives_none(tmp_path):
    with Upstream() as upstream, serving(policy_of(upstream, tmp_path)) as server:
        upstream.forget()
        server.ask(asked(outlay=ONE))
        server.ask(asked(outlay=ONE, temperature=0.9))
        assert [body["temperature"] for body in upstream.asked] == [0.0, 0.9]


def test_a_whole_reply_passes_through_with_its_log_probabilities_and_is_kept(tmp_path):
    with Upstream(answers=lambda body: "It is 4") as upstream, serving(policy_of(upstream, tmp_path)) as server:
        status, headers, content = server.ask(asked(outlay=ONE, logprobs=True))
        assert status == 200 and content["choices"][0]["logprobs"]["content"][0]["logprob"] == -0.25
        assert headers["X-Outlay-Strategy"] == "greedy"
        said = server.service.metrics.page()
        assert (
            b'outlay_stops_total{reason="passed"} 1.0' in said and b'outlay_tokens_total{kind="generated"} 3.0' in said
        )
        (trace,) = Store(tmp_path / "served", create=False).traces()
    assert (trace.answer, trace.cost.generated_tokens, trace.cost.generations) == ("It is 4", 3, 1.0)


def test_several_choices_pass_through_and_count(tmp_path):
    with Upstream() as upstream, serving(policy_of(upstream, tmp_path)) as server:
        content = server.chat("?", outlay=ONE, n=3)
        assert len(content["choices"]) == 3
    (trace,) = Store(tmp_path / "served", create=False).traces()
    assert trace.cost.generations == 3.0


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_call_that_fails_is_made_again(tmp_path, status):
    failing = {"now": False}

    def fails(number):
        return status if failing["now"] and number < 2 else None

    with Upstream(fails=fails) as upstream, serving(policy_of(upstream, tmp_path)) as server:
        upstream.forget()
        failing["now"] = True
        assert server.chat("?", outlay=ONE)["choices"][0]["message"]["content"] == "4"
        assert len(upstream.asked) == 3
        assert server.service.metrics.upstream_errors.labels("load" if status != 500 else "server")._value.get() == 2


def test_an_upstream_that_is_gone_is_a_502_without_its_address(tmp_path, monkeypatch):
    from outlay.models.openai import Patience
    from outlay.serve import passing

    monkeypatch.setattr(passing, "PATIENCE", Patience(tries=2, first_pause=0.01, longest_pause=0.01, connect=1.0))
    with Upstream() as upstream:
        context = serving(policy_of(upstream, tmp_path))
        server = context.__enter__()
    server.service.passing.patience = passing.PATIENCE
    try:
        status, _, content = server.ask(asked(outlay=ONE))
        assert (status, content["error"]["code"]) == (502, "upstream_error")
        assert "127.0.0.1" not in json.dumps(content)
    finally:
        context.__exit__(None, None, None)


def test_a_refusal_of_the_upstreams_passes_through(tmp_path):
    failing = {"now": False}
    upstream = Upstream(fails=lambda number: 422 if failing["now"] else None)
    with upstream, serving(policy_of(upstream, tmp_path)) as server:
        failing["now"] = True
        status, _, content = server.ask(asked(outlay=ONE))
        assert (status, content) == (422, {"error": {"message": "no"}})


def test_a_client_that_goes_away_ends_the_call_upstream_and_what_it_cost_is_in_the_ledger(tmp_path):
    words = " ".join(str(number) for number in range(2000))
    with Upstream(answers=lambda body: words, pause=0.01) as upstream, serving(policy_of(upstream, tmp_path)) as server:
        upstream.forget()
        left(server, asked(stream=True, outlay=ONE), lambda: upstream.sent > 10)
        wait(lambda: upstream.cancelled == 1)
        wait(lambda: len(list(Store(tmp_path / "served", create=False).traces())) == 1)
        (trace,) = Store(tmp_path / "served", create=False).traces()
        assert 0 < trace.cost.generated_tokens == trace.cost.cancelled < 2000
        assert trace.answer is None or trace.chosen is None
        assert server.service.metrics.gone._value.get() == 1
        assert server.service.admission.running == 0


def test_a_client_that_goes_away_ends_the_samples_of_a_policy_too(tmp_path):
    words = " ".join(str(number) for number in range(2000))
    with Upstream(answers=lambda body: words if len(upstream.asked) > 20 else "a b c", pause=0.01) as upstream:
        policy = policy_of(upstream, tmp_path)
        with serving(policy) as server:
            upstream.asked = [None] * 30
            upstream.cancelled = 0
            upstream.sent = 0
            # all four samples are under way, else the last of them may not have been asked for yet
            under_way = lambda: len(upstream.asked) == 34 and upstream.sent > 40  # noqa: E731
            left(server, asked(stream=True, outlay={"progress": True}), under_way)
            wait(lambda: upstream.cancelled == 4)
            wait(lambda: len(list(Store(tmp_path / "served", create=False).traces())) == 1)
            (trace,) = Store(tmp_path / "served", create=False).traces()
            assert 4 <= trace.cost.generated_tokens == trace.cost.cancelled < 8000
            assert server.service.metrics.tokens.labels("cancelled")._value.get() == trace.cost.cancelled


def test_four_samples_of_the_upstream_vote(tmp_path):
    def answers(body):
        return "So\n\n4" if body.get("seed", 0) % 2 else "So\n\n5"

    with Upstream(answers=answers) as upstream, serving(policy_of(upstream, tmp_path)) as server:
        said = server.chat("What is 2 + 2?", outlay={"explain": True})
        given = [one["answer"] for one in said["outlay"]["candidates"]]
        assert len(given) == 4 and given.count(said["outlay"]["answer"]) == max(map(given.count, given))
        assert said["usage"]["completion_tokens"] == said["outlay"]["cost"]["generated_tokens"]


def test_the_deadline_is_answered_with_the_best_so_far(tmp_path):
    slow = {"after": None}

    def answers(body):
        if slow["after"] is not None:
            slow["after"] += 1
            if slow["after"] > 2:
                return " ".join(["word"] * 3000)
        return "the answer is 4"

    with Upstream(answers=answers, pause=0.005) as upstream, serving(policy_of(upstream, tmp_path)) as server:
        slow["after"] = upstream.cancelled = 0
        said = server.chat("What is 2 + 2?", outlay={"explain": True, "deadline_seconds": 1.0})
        own = said["outlay"]
        assert own["stopped_by"] == "deadline" and own["answer"] == "the answer is 4" and len(own["candidates"]) == 2
        assert own["cost"]["cancelled"] > 0  # of the two that were cut off
        wait(lambda: upstream.cancelled == 2)


def test_the_deadline_ends_a_stream_that_passes_through_where_it_is(tmp_path):
    words = " ".join(str(number) for number in range(2000))
    with Upstream(answers=lambda body: words, pause=0.01) as upstream, serving(policy_of(upstream, tmp_path)) as server:
        upstream.cancelled = 0
        _, _, content = server.ask(asked(stream=True, outlay=ONE | {"deadline_seconds": 0.5}))
        assert content.startswith(chunk("0")) and content.endswith(b"data: [DONE]\n\n")
        assert json.loads(content.split(b"\n\n")[-3][6:])["choices"][0]["finish_reason"] == "length"
        wait(lambda: upstream.cancelled == 1)
        (trace,) = Store(tmp_path / "served", create=False).traces()
        assert 0 < trace.cost.generated_tokens < 2000


def test_a_conversation_reaches_the_upstream_whole(tmp_path):
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [{"type": "text", "text": "What is 2 + 2?"}]},
    ]
    with Upstream() as upstream, serving(policy_of(upstream, tmp_path)) as server:
        upstream.forget()
        server.ask({"model": "outlay", "messages": talk})
        assert len(upstream.asked) == 4
        for body in upstream.asked:
            assert body["messages"] == [*talk[:3], {"role": "user", "content": "What is 2 + 2?"}]


def left(server, body, enough):
    """Ask, read, and go away when it is `enough`."""
    content = json.dumps(body).encode()
    length = f"Content-Length: {len(content)}\r\n\r\n"
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.encode() + content)
        assert connection.recv(4096)
        wait(enough)


def wait(true, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
