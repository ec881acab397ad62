"""Models of this machine behind the server: a Hugging Face folder and a GGUF file, asked by OpenAI's own client.

A small real model takes a second for a few words on a busy core: `OUTLAY_REAL_SERVERS=1` runs everything with it too.
"""

import gc
import os
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import openai
import pytest
from serving import VOTE, policy_file, serving
from test_passing import left, wait

from outlay.errors import UserError
from outlay.models.llamacpp.address import packaged
from outlay.traces import Store
from tests import tiny_models

SHORT = 4
ONE = {"outlay": {"budget": {"generations": 1}}}
TALK = [
    {"role": "system", "content": "Answer with one word."},
    {"role": "user", "content": "Is it Monday?"},
    {"role": "assistant", "content": "Yes"},
]
ASKED = {"role": "user", "content": [{"type": "text", "text": "And tomorrow?"}]}


def hf_address(folder):
    pytest.importorskip("torch", reason="hf: runs on torch (extra hf)")
    pytest.importorskip("transformers", reason="hf: runs on transformers (extra hf)")
    return f"hf:{tiny_models.save(folder, tiny_models.qwen(), tiny_models.tokenizer())}"


def gguf_address(_):
    if find_spec("xllamacpp") is None:
        pytest.skip("llamacpp: needs xllamacpp (extra llm)")
    try:
        packaged("smollm2")
    except UserError as absent:
        pytest.skip(str(absent))
    return "llamacpp:smollm2?context=256"


@pytest.fixture(scope="module", params=[hf_address, gguf_address], ids=["hf", "llamacpp"])
def server(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OUTLAY_LLAMACPP_SLOTS", "8")
        patch.setenv("OUTLAY_LLAMACPP_THREADS", "2")
        address = request.param(tmp_path_factory.mktemp("model"))
        folder = tmp_path_factory.mktemp("served")
        with serving(policy_file(folder, VOTE, model=address)) as running:
            running.store = folder / "served"
            yield running


@pytest.fixture
def quick_server(server):
    if "llamacpp" in server.service.model.name and not os.environ.get("OUTLAY_REAL_SERVERS"):
        pytest.skip("takes a while with a real model: OUTLAY_REAL_SERVERS=1")
    return server


@pytest.fixture
def slow(server):
    """A tiny model that takes its time for a token, so that its work is not done before its client has gone."""
    decoder = getattr(server.service.model, "_decoder", None)
    if decoder is None:
        yield
        return
    hook = decoder.model.register_forward_pre_hook(lambda *_: time.sleep(0.05))
    yield
    hook.remove()


def client_of(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def answer(server, text="Name a colour.", **more):
    options = {"model": "outlay", "messages": [{"role": "user", "content": text}], "max_tokens": SHORT, "seed": 5}
    return client_of(server).chat.completions.create(**options | more)


def test_four_samples_vote_and_usage_is_what_they_cost(server):
    said = answer(server, extra_body={"outlay": {"explain": True}})
    own = said.outlay
    assert own["generations"] == len(own["candidates"]) == 4
    assert said.usage.completion_tokens == sum(one["tokens"] for one in own["candidates"]) <= 4 * SHORT
    assert said.usage.prompt_tokens == own["cost"]["prompt_tokens"] > said.usage.prompt_tokens_details.cached_tokens
    assert said.choices[0].message.content in [one["text"] for one in own["candidates"]]
    trace = next(one for one in Store(server.store, create=False).traces() if one.seed == 5)
    assert trace.cost.generated_tokens == said.usage.completion_tokens


def test_several_at_once_get_what_each_gets_alone_and_a_stream_is_the_same(quick_server):
    server = quick_server

    def said(number):
        return answer(server, f"{number} + {number} =", extra_body=ONE).choices[0].message.content

    alone = [said(number) for number in range(3)]
    with ThreadPoolExecutor(6) as many:
        beside = list(many.map(lambda place: said(place % 3), range(6)))
    stream = answer(server, "2 + 2 =", extra_body=ONE, stream=True, stream_options={"include_usage": True})
    pieces = list(stream)
    assert "".join(choice.delta.content or "" for piece in pieces for choice in piece.choices) == alone[2]
    assert 0 < pieces[-1].usage.completion_tokens <= SHORT
    assert beside == alone * 2


def test_a_conversation_reaches_the_model_whole(quick_server):
    server = quick_server
    talk = answer(server, messages=[*TALK, ASKED], extra_body=ONE)
    bare = answer(server, messages=[ASKED], extra_body=ONE)
    assert talk.usage.prompt_tokens > bare.usage.prompt_tokens > 0
    assert talk.outlay["generations"] == 1


def test_a_client_that_goes_away_ends_the_work_and_it_is_in_the_ledger_as_cancelled(server, slow):
    gc.collect()
    drawing = []

    def made():
        return sum(getattr(one, "made", 0) or getattr(one, "generated", 0) for one in drawing)

    def begun():  # a token has been drawn, in either backend
        drawing[:] = [one for one in gc.get_objects() if type(one).__name__ in ("Watched", "Drawn")]
        return made() > 0

    body = {"model": "outlay", "stream": True, "seed": 77, "max_tokens": 230}
    left(server, body | {"messages": [{"role": "user", "content": "Tell me a very long story."}]}, begun)
    wait(lambda: server.service.metrics.gone._value.get() == 1)
    trace = next(one for one in Store(server.store, create=False).traces() if one.seed == 77)
    assert 0 < trace.cost.generated_tokens == trace.cost.cancelled < 4 * 230
    wait(lambda: server.service.admission.running == 0)
    joined = getattr(server.service.model, "_joined", None)
    wait(lambda: joined is None or not joined._one_at_a_time.locked())
    assert made() < 4 * 230  # nobody goes on drawing for nobody
    assert answer(server, extra_body=ONE).usage.completion_tokens > 0  # and the next is answered


def test_what_only_a_server_could_do_is_refused_in_a_sentence(server):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
    with pytest.raises(openai.BadRequestError, match="answers questions in plain text: leave out or change tools"):
        answer(server, tools=tools)
