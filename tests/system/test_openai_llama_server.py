"""The llama.cpp server as a real one: what is found out about it, and that its costs are right although it counts wrongly."""

import asyncio
import json
import urllib.request

import pytest

import outlay
from outlay.errors import UserError
from outlay.models.openai import OpenAIModel
from outlay.strategies import BeamSearch, BudgetForcing
from outlay.types import Budget

pytest.importorskip("xllamacpp")
pytest.importorskip("gguf")

from llama_server import CONTEXT, SLOTS, LlamaServer

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server():
    with LlamaServer() as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OUTLAY_API_KEY", raising=False)


def together(server, *requests, path=""):
    """What one model gives for requests, each a dictionary of arguments, in one event loop; and the model."""

    async def work():
        model = OpenAIModel.load(server.address.removeprefix("openai:") + path)
        found = [
            await model.sample(
                **{"n": 1, "max_tokens": 24, "temperature": 1.0, "stop": (), "seed": 1, "prompt": "red?"} | request
            )
            for request in requests
        ]
        await model.close()
        return found, model

    return asyncio.run(work())


def direct(server, path, **body):
    """An answer of the server, asked without us."""
    request = urllib.request.Request(
        server.url + path, json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())


def test_what_it_does_is_found_out(server):
    (_,), model = together(server, {})
    found = model._known
    assert found.server.startswith("llama.cpp")
    assert (found.api, found.n, found.seed, found.logprobs, found.stream, found.cancel) == (
        "chat",
        True,
        True,
        True,
        True,
        True,
    )
    assert (found.prefix, found.repeats_prefix, found.stop, found.usage) == ("assistant", True, "silent", "first")
    assert (found.context, found.count, found.models) == (CONTEXT, "content", (server.model,))
    assert model.parameters > 10_000


def test_with_more_choices_than_its_usage_counts_the_ledger_is_right(server):
    trace = outlay.solve("red?", strategy="majority", model=server.address, budget=Budget(generations=3), seed=5)
    (drawn,), model = together(server, {"n": 3, "seed": 5})
    alone = [
        direct(
            server,
            "/chat/completions",
            messages=[{"role": "user", "content": "red?"}],
            max_tokens=24,
            seed=5 + index,
            temperature=1.0,
            top_p=1.0,
            top_k=0,
            min_p=0.0,
        )
        for index in range(3)
    ]
    assert [one.text for one in drawn] == [one["choices"][0]["message"]["content"] for one in alone]
    counts = [one["usage"]["completion_tokens"] for one in alone]
    assert [one.generated_tokens for one in drawn] == counts
    assert model.spent.generated_tokens == sum(counts)
    assert drawn[0].prompt_tokens == alone[0]["usage"]["prompt_tokens"]
    assert trace.cost.generated_tokens == sum(solution.tokens for solution in trace.solutions) > 0


def test_more_choices_than_it_has_slots_are_drawn_in_several_calls(server):
    (drawn, again), model = together(server, {"n": 2 * SLOTS + 1}, {"n": 2 * SLOTS + 1})
    assert len(drawn) == len({one.text for one in drawn}) == 2 * SLOTS + 1
    assert [one.text for one in again] == [one.text for one in drawn]
    assert model.spent.generated_tokens == sum(one.generated_tokens for one in drawn + again)


def test_a_beginning_is_gone_on_from(server):
    ((whole,),), _ = together(server, {"temperature": 0.0})
    begun = "".join(whole.token_texts[:6])
    ((rest,),), _ = together(server, {"temperature": 0.0, "prefix": begun, "max_tokens": 24 - 6})
    assert begun + rest.text == whole.text
    assert rest.generated_tokens == whole.generated_tokens - 6


def test_a_raw_completion_goes_on_from_a_beginning_too(server):
    ((whole,),), model = together(server, {"temperature": 0.0}, path="/completions")
    begun = "".join(whole.token_texts[:6])
    ((rest,),), _ = together(server, {"temperature": 0.0, "prefix": begun, "max_tokens": 24 - 6}, path="/completions")
    assert model._known.api == "completions"
    assert begun + rest.text == whole.text


def test_a_stop_string_is_in_the_text_and_what_came_after_it_is_cancelled(server):
    ((whole,),), _ = together(server, {"seed": 3, "max_tokens": 200})
    stop = next(token for token in whole.token_texts[2:] if whole.token_texts.index(token) > 1)
    ((one,),), model = together(server, {"seed": 3, "max_tokens": 200, "stop": [stop]})
    assert one.finish_reason == "stop"
    assert one.text == whole.text[: whole.text.index(stop) + len(stop)]
    assert one.generated_tokens == len(one.token_texts)
    assert model.spent.cancelled == model.spent.generated_tokens - one.generated_tokens


@pytest.mark.parametrize("strategy", [BeamSearch(width=2), BudgetForcing(temperature=1.0)], ids=lambda one: one.name)
def test_strategies_that_go_on_from_a_prefix_work_and_are_the_same_again(server, strategy):
    first, second = (
        outlay.solve(
            "red?",
            strategy=strategy,
            model=server.address,
            verifier="random:1",
            budget=Budget(generations=4),
            seed=2,
            steps="newline",
        )
        for _ in range(2)
    )
    texts, again = ([solution.text for solution in trace.solutions] for trace in (first, second))
    assert texts == again  # to the letter; log-probabilities move in their last places with what else is in the batch
    assert first.cost.generated_tokens == second.cost.generated_tokens
    assert first.cost.generations <= 4
    assert any(len(solution.steps) > 1 for solution in first.solutions)
    words = {*["red", "green", "blue", "apple", "pear", "one", "two", "three", "four", ".", "Wait"]}
    steps = [step for solution in first.solutions for step in solution.steps]
    assert all({*step.text.split()} <= words for step in steps)


def test_a_question_that_is_too_long_and_a_model_that_is_not_there_are_told_of(server):
    with pytest.raises(UserError, match=r"longer than the context .* at http://.*exceeds the available context size"):
        together(server, {"prompt": "red " * CONTEXT})
    with pytest.raises(UserError, match=rf'has no model "other": it has {server.model}'):
        together(server, {}, path="#other")
