"""`transformers serve` as a real server: it ignores `n`, has no log-probabilities and one seed for all; all is made up for.

Starting it takes half a minute, so these run where OUTLAY_REAL_SERVERS=1 says so (they need `transformers[serving]`).
"""

import asyncio
import json
import os
import urllib.request
from importlib.util import find_spec

import pytest
from transformers_server import TransformersServer

import outlay
from outlay import models, tasks
from outlay.models.openai import OpenAIModel
from outlay.types import Budget

if os.environ.get("OUTLAY_REAL_SERVERS") != "1":
    pytest.skip("a server that takes long to start: set OUTLAY_REAL_SERVERS=1", allow_module_level=True)
for package in ("torch", "transformers", "accelerate", "fastapi", "uvicorn"):
    if find_spec(package) is None:
        pytest.skip(f"transformers serve needs {package}", allow_module_level=True)

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server():
    with TransformersServer("countdown-small") as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OUTLAY_API_KEY", raising=False)


def drawn(server, *requests, path=""):
    async def work():
        model = OpenAIModel.load(server.address.removeprefix("openai:").replace("/v1#", f"/v1{path}#"))
        found = [
            await model.sample(
                **{"n": 1, "max_tokens": 24, "temperature": 0.0, "stop": (), "seed": 1, "prompt": "2 3 4 > 24 |"}
                | request
            )
            for request in requests
        ]
        await model.close()
        return found, model

    return asyncio.run(work())


def test_what_it_does_is_found_out(server):
    _, model = drawn(server, {})
    found = model._known
    assert (found.api, found.n, found.logprobs, found.usage, found.stream) == ("chat", False, False, "all", True)
    assert found.models == (server.model,)


def test_an_ignored_n_is_made_up_for_and_all_calls_are_in_the_ledger(server):
    (several,), model = drawn(server, {"n": 3, "temperature": 1.0})
    assert len(several) == 3
    assert model.spent.calls == 3
    assert model.spent.generated_tokens == sum(one.generated_tokens for one in several)
    assert model.spent.prompt_tokens == 3 * len(["2", "3", "4", ">", "24", "|"])


@pytest.mark.parametrize("path", ["", "/completions"])
def test_greedy_texts_are_those_of_the_embedded_engine(server, path):
    embedded = models.load("embedded:countdown-small")
    asked = tasks.load("countdown").questions("validation", 4)
    texts, _ = drawn(server, *({"prompt": one.text} for one in asked), path=path)
    for question, (one,) in zip(asked, texts, strict=True):
        ours = outlay.solve(question, strategy="greedy", model=embedded).solutions[0]
        assert one.text.split() == ours.text.split()
        assert one.generated_tokens in (ours.tokens, ours.tokens - 1)  # with or without the end token


def test_a_run_costs_what_the_server_says(server):
    question = tasks.load("countdown").questions("validation", 1)[0]
    trace = outlay.solve(
        question,
        strategy="best_of_n",
        model=server.address,
        verifier="embedded:countdown-prm",
        budget=Budget(generations=4),
    )
    assert trace.correct is not None and len(trace.solutions) == 4
    assert trace.cost.generated_tokens == sum(solution.tokens for solution in trace.solutions)
    body = {"model": server.model, "prompt": question.text, "max_tokens": 1}
    request = urllib.request.Request(
        f"{server.url}/completions", json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        once = json.loads(reply.read())["usage"]["prompt_tokens"]
    assert trace.cost.prompt_tokens == 4 * once


def test_a_beginning_is_gone_on_from(server):
    ((whole,),), _ = drawn(server, {}, path="/completions")
    words = whole.text.split(" ")
    begun = " " + " ".join(words[:4]).strip()
    ((rest,),), _ = drawn(server, {"prefix": begun, "max_tokens": 20}, path="/completions")
    assert (begun + " " + rest.text).split() == whole.text.split()
