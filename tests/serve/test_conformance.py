"""OpenAI's own client against the server, and every malformed request we could think of in OpenAI's error format."""

import asyncio
import json

import openai
import pytest
from serving import ONE as PLAN_OF_ONE
from serving import PILOT, QUESTION, VOTE, policy_file, serving
from upstream import MODEL, TOOL_STREAM, Upstream

ONE = {"outlay": {"budget": {"generations": 1}}}
ASKED = [{"role": "user", "content": QUESTION}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(policy_file(tmp_path_factory.mktemp("served"), PILOT)) as running:
        yield running


@pytest.fixture(scope="module")
def upstream():
    with Upstream(answers=lambda body: "It is 4") as running:
        yield running


@pytest.fixture(scope="module")
def passing(upstream, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    with serving(policy_file(tmp_path_factory.mktemp("served"), VOTE, model=upstream.address)) as running:
        yield running
    patch.undo()


def client_of(server, **options):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, **options)


def test_the_client_gets_an_answer_by_the_policy(server):
    said = client_of(server).chat.completions.create(model="outlay", messages=ASKED, seed=1)
    assert said.choices[0].message.content and said.choices[0].finish_reason == "stop"
    assert said.usage.total_tokens == said.usage.prompt_tokens + said.usage.completion_tokens > 0
    assert said.usage.prompt_tokens_details.cached_tokens > 0
    assert said.outlay["generations"] >= 4


def test_the_client_streams_with_usage(server):
    stream = client_of(server).chat.completions.create(
        model="outlay", messages=ASKED, seed=1, stream=True, stream_options={"include_usage": True}
    )
    pieces = list(stream)
    text = "".join(choice.delta.content or "" for piece in pieces for choice in piece.choices)
    whole = client_of(server).chat.completions.create(model="outlay", messages=ASKED, seed=1)
    assert text == whole.choices[0].message.content
    assert pieces[-1].usage == whole.usage


def test_the_asynchronous_client_gets_many_answers_at_once(server):
    async def many():
        client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
        try:
            return await asyncio.gather(
                *(client.chat.completions.create(model="outlay", messages=ASKED, seed=seed) for seed in range(12))
            )
        finally:
            await client.close()

    said = asyncio.run(many())
    assert len({one.id for one in said}) == 12 and all(one.choices[0].message.content for one in said)


def test_several_choices_stops_and_lengths(server):
    client = client_of(server)
    said = client.chat.completions.create(model="outlay", messages=ASKED, n=3, stop=[" ;"])
    assert [choice.index for choice in said.choices] == [0, 1, 2]
    assert all(" ;" not in choice.message.content for choice in said.choices)
    short = client.chat.completions.create(model="outlay", messages=ASKED, max_completion_tokens=2)
    assert short.choices[0].finish_reason == "length"


def test_raw_completions(server, passing):
    said = client_of(server).completions.create(model="outlay", prompt=QUESTION, n=2)
    assert len(said.choices) == 2 and all(choice.text for choice in said.choices)
    said = client_of(passing).completions.create(model="outlay", prompt="2 + 2 =", extra_body=ONE)
    assert said.choices[0].text == "It is 4"


def test_tools_whole_and_streamed_pass_through(passing, upstream):
    upstream.pieces = TOOL_STREAM
    try:
        stream = client_of(passing).chat.completions.create(model="outlay", messages=ASKED, tools=TOOLS, stream=True)
        called = [call for piece in stream for choice in piece.choices for call in choice.delta.tool_calls or ()]
    finally:
        upstream.pieces = None
    assert (
        called[0].function.name == "weather"
        and "".join(one.function.arguments or "" for one in called) == '{"city": "Köln"}'
    )


def test_log_probabilities_pass_through(passing):
    said = client_of(passing).chat.completions.create(model="outlay", messages=ASKED, logprobs=True, extra_body=ONE)
    assert said.choices[0].logprobs.content[0].logprob == -0.25


def test_models_are_listed_and_each_name_works(passing, upstream):
    client = client_of(passing)
    names = [model.id for model in client.models.list()]
    assert names == ["outlay", upstream.address, MODEL]
    for name in names:
        assert client.models.retrieve(name).id == name
        assert client.chat.completions.create(model=name, messages=ASKED).choices[0].message.content == "It is 4"


def test_an_error_is_the_clients_own_class(server):
    with pytest.raises(openai.NotFoundError, match="no model of that name"):
        client_of(server).chat.completions.create(model="gpt-unknown", messages=ASKED)
    with pytest.raises(openai.BadRequestError, match="cannot read"):
        client_of(server).chat.completions.create(model="outlay", messages=[{"role": "user", "content": "Hello"}])


GOOD = {"model": "outlay", "messages": ASKED}
CHAT = "/v1/chat/completions"
MALFORMED = [
    # path, body (bytes as they are, else JSON), status, code, param
    (CHAT, b"", 400, "missing_required_parameter", None),
    (CHAT, b"{", 400, "invalid_json", None),
    (CHAT, b"[]", 400, None, None),
    (CHAT, b"null", 400, None, None),
    (CHAT, b'"text"', 400, None, None),
    (CHAT, b"\xff\xfe", 400, None, None),
    (CHAT, b"[" * 50_000, 400, None, None),
    (CHAT, {}, 400, "missing_required_parameter", "model"),
    (CHAT, {"model": "outlay"}, 400, "missing_required_parameter", "messages"),
    (CHAT, {"messages": ASKED}, 400, "missing_required_parameter", "model"),
    (CHAT, GOOD | {"model": 7}, 400, "invalid_type", "model"),
    (CHAT, GOOD | {"model": "nothing"}, 404, "model_not_found", "model"),
    (CHAT, GOOD | {"model": "../../etc/passwd"}, 404, "model_not_found", "model"),
    (CHAT, GOOD | {"messages": []}, 400, None, "messages"),
    (CHAT, GOOD | {"messages": "hello"}, 400, "invalid_type", "messages"),
    (CHAT, GOOD | {"messages": [{"role": "king", "content": "?"}]}, 400, None, "messages.0.role"),
    (CHAT, GOOD | {"messages": [{"content": "?"}]}, 400, "missing_required_parameter", "messages.0.role"),
    (CHAT, GOOD | {"messages": [{"role": "user"}]}, 400, None, "messages"),
    (CHAT, GOOD | {"messages": [{"role": "user", "content": 5}]}, 400, None, None),
    (CHAT, GOOD | {"messages": [{"role": "user", "content": ""}]}, 400, None, "messages"),
    (CHAT, GOOD | {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, None, "messages"),
    (CHAT, GOOD | {"messages": [{"role": "system", "content": "Be brief."}, *ASKED]}, 400, None, "messages"),
    (CHAT, b'{"model":"outlay","messages":[{"role":"user","content":"\\ud800"}]}', 400, None, None),
    (CHAT, b'{"model":"outlay","messages":[{"role":"user","content":"a\\u0000b"}]}', 400, None, None),
    (CHAT, GOOD | {"n": 0}, 400, "invalid_value", "n"),
    (CHAT, GOOD | {"n": 129}, 400, "invalid_value", "n"),
    (CHAT, GOOD | {"n": "2"}, 400, "invalid_type", "n"),
    (CHAT, GOOD | {"n": 1.5}, 400, "invalid_type", "n"),
    (CHAT, GOOD | {"temperature": -1}, 400, "invalid_value", "temperature"),
    (CHAT, GOOD | {"temperature": 3}, 400, "invalid_value", "temperature"),
    (
        CHAT,
        b'{"model":"outlay","messages":[{"role":"user","content":"1"}],"temperature":NaN}',
        400,
        None,
        "temperature",
    ),
    (CHAT, b'{"model":"outlay","messages":[{"role":"user","content":"1"}],"top_p":1e999}', 400, None, "top_p"),
    (CHAT, GOOD | {"top_p": 0}, 400, "invalid_value", "top_p"),
    (CHAT, GOOD | {"max_tokens": 0}, 400, "invalid_value", "max_tokens"),
    (CHAT, GOOD | {"max_completion_tokens": -5}, 400, "invalid_value", "max_completion_tokens"),
    (CHAT, GOOD | {"stop": ["a", "b", "c", "d", "e"]}, 400, "invalid_value", None),
    (CHAT, GOOD | {"stop": 5}, 400, None, None),
    (CHAT, GOOD | {"seed": "x"}, 400, "invalid_type", "seed"),
    (CHAT, GOOD | {"stream": "yes"}, 400, "invalid_type", "stream"),
    (CHAT, GOOD | {"stream_options": {"include_usage": True}}, 400, "invalid_value", None),
    (CHAT, GOOD | {"tools": TOOLS}, 400, "invalid_value", "tools"),
    (CHAT, GOOD | {"response_format": {"type": "json_object"}}, 400, "invalid_value", "response_format"),
    (CHAT, GOOD | {"outlay": 5}, 400, None, "outlay"),
    (CHAT, GOOD | {"outlay": {"budjet": 5}}, 400, "invalid_value", "outlay"),
    (CHAT, GOOD | {"outlay": {"budget": {"generations": 0}}}, 400, "invalid_value", "outlay.budget.generations"),
    (CHAT, GOOD | {"outlay": {"budget": {"generations": 10**9}}}, 400, "invalid_value", "outlay.budget.generations"),
    (CHAT, GOOD | {"outlay": {"budget": {"generations": 64}}}, 400, "budget_too_large", "outlay.budget.generations"),
    (CHAT, GOOD | {"outlay": {"target_confidence": 1.5}}, 400, "invalid_value", "outlay.target_confidence"),
    (CHAT, GOOD | {"outlay": {"max_cost_usd": 0.01}}, 400, "invalid_value", "outlay.max_cost_usd"),
    (CHAT, GOOD | {"outlay": {"deadline_seconds": 0}}, 400, "invalid_value", "outlay.deadline_seconds"),
    (CHAT, GOOD | {"messages": [{"role": "user", "content": "no such words"}]}, 400, "invalid_question", None),
    ("/v1/completions", {"model": "outlay"}, 400, "missing_required_parameter", "prompt"),
    ("/v1/completions", {"model": "outlay", "prompt": []}, 400, None, "prompt"),
    ("/v1/completions", {"model": "outlay", "prompt": [1, 2, 3]}, 400, None, None),
    ("/v1/completions", {"model": "outlay", "prompt": [QUESTION] * 100, "n": 2}, 400, None, "n"),
    ("/v1/nothing", {}, 404, "not_found", None),
    ("/v1/models", {}, 405, "method_not_allowed", None),
]


@pytest.mark.parametrize(("path", "body", "status", "code", "param"), MALFORMED)
def test_a_malformed_request_gets_openais_error_with_the_right_status(server, path, body, status, code, param):
    raw = body if isinstance(body, bytes) else json.dumps(body)
    got, headers, content = server.ask(path=path, raw=raw)
    assert got == status, content
    assert headers["Content-Type"] == "application/json" and set(content) == {"error"}
    error = content["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    assert error["type"] == ("not_found_error" if status == 404 else "invalid_request_error")
    if code is not None:
        assert error["code"] == code, error
    if param is not None:
        assert error["param"] == param, error


def test_no_malformed_request_was_the_servers_own_failure(server):
    assert 'status="5' not in server.service.metrics.page().decode()


def test_a_policy_of_one_plan_refuses_a_budget_below_it_before_it_serves(tmp_path):
    from outlay.errors import UserError

    policy = policy_file(tmp_path, PILOT, plans=[plan for plan in PILOT["plans"] if plan is not PLAN_OF_ONE])
    with pytest.raises(UserError, match="least budget is 16"), serving(policy, budget=4):
        pass
