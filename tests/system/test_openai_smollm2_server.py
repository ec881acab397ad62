"""The llama.cpp server with a real language model behind the `openai:` backend: the ledger beside what the server itself says."""

import asyncio
import json
import urllib.request

import pytest
from llama_server import LlamaServer

import outlay
from outlay.drive.solving import LastLine
from outlay.models.openai import OpenAIModel
from outlay.types import Budget
from tests.smollm2 import required

SMOLLM2 = required()

pytestmark = pytest.mark.system

QUESTION = "What is the capital of Germany?"
CHOICES = 4


@pytest.fixture(scope="module")
def server():
    with LlamaServer(SMOLLM2) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def nothing_remembered(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("servers")))
        patch.delenv("OUTLAY_API_KEY", raising=False)
        yield


def direct(server, **body):
    """An answer of the server, asked without us."""
    body = {
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 8,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
    } | body
    request = urllib.request.Request(
        server.url + "/chat/completions", json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        return json.loads(reply.read())


def test_the_ledger_counts_every_choice_where_the_servers_usage_counts_the_first(server):
    async def drawn():
        model = OpenAIModel.load(server.address.removeprefix("openai:"))
        found = await model.sample(QUESTION, n=CHOICES, max_tokens=8, temperature=1.0, stop=(), seed=3)
        await model.close()
        return found, model

    found, model = asyncio.run(drawn())
    alone = [direct(server, seed=3 + index, temperature=1.0) for index in range(CHOICES)]
    counts = [one["usage"]["completion_tokens"] for one in alone]
    together = direct(server, seed=3, temperature=1.0, n=CHOICES)
    assert together["usage"]["completion_tokens"] == counts[0] < sum(counts)
    assert [one.text for one in found] == [one["choices"][0]["message"]["content"] for one in alone]
    assert [one.generated_tokens for one in found] == counts
    assert model.spent.generated_tokens == sum(counts)
    assert model._known.usage == "first"


class Short(LastLine):
    max_solution_tokens = 12


def test_a_strategy_over_it_pays_for_each_of_its_solutions(server):
    trace = outlay.solve(
        QUESTION,
        strategy="majority",
        model=server.address,
        budget=Budget(generations=CHOICES, tokens=48),
        seed=1,
        task=Short(),
    )
    assert len(trace.solutions) == CHOICES
    assert trace.cost.generated_tokens == sum(one.tokens for one in trace.solutions) <= 48
    assert all(one.tokens > 0 and one.logprob < 0 for one in trace.solutions)
    assert trace.cost.prompt_tokens > 10
