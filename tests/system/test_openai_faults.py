"""A server that fails in every way: each request ends as a result or as a named error, and the ledger is the server's own bill."""

import asyncio
import random
from dataclasses import replace

import pytest
from fault_server import MODEL, Behaviour, FaultServer

import outlay
from outlay.errors import OutlayError, UserError
from outlay.models.openai import OpenAIModel, Patience, ServerFailed
from outlay.types import Budget, Cost

pytestmark = pytest.mark.system

QUICK = Patience(connect=5.0, token=8.0, reply=8.0, tries=6, load=20.0, first_pause=0.002, longest_pause=0.02)
FAULTS = ("500", "503", "429", "timeout", "half", "invalid", "reset", "html", "slow", "502")


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OUTLAY_API_KEY", raising=False)
    monkeypatch.delenv("OUTLAY_API_KEY_FILE", raising=False)


def model_of(server, **options):
    return outlay.models.load(server.address, **{"patience": QUICK} | options)


async def asked(model, prompt, *, n=1, stop=(), seed=1, prefix=""):
    return await model.sample(prompt, n=n, max_tokens=40, temperature=1.0, stop=stop, seed=seed, prefix=prefix)


def of_all(completions):
    """What completions say that they cost, summed."""
    total = Cost()
    for one in completions:
        total += one.wasted
        total += Cost(prompt_tokens=one.prompt_tokens, cached_tokens=one.cached_tokens)
        total += Cost(generated_tokens=one.generated_tokens)
    return total


async def known(server, **options):
    """A model whose server has been found out about, with a fresh bill."""
    model = model_of(server, **options)
    await model.capabilities()
    async with asyncio.timeout(10):
        while server.out:  # a probe that was cancelled may still be written to, and billed
            await asyncio.sleep(0)
    server.forget()
    model.spent = Cost()
    return model


def test_of_a_thousand_requests_with_thirty_per_cent_failures_each_is_a_result_or_a_named_error_and_the_ledger_is_the_bill():
    dice = random.Random(5)
    weights = [0.05 if fault == "timeout" else 1 for fault in FAULTS]  # each of them takes the whole time limit
    faults = {number: dice.choices(FAULTS, weights)[0] for number in range(20_000) if dice.random() < 0.3}
    server = FaultServer()

    async def work():
        model = await known(server, patience=replace(QUICK, load=600.0))  # a busy machine takes long for a thousand
        server.faults = lambda number: faults.get(number, "")
        found = await asyncio.gather(
            *(asked(model, f"question {place}", n=1 + place % 3, seed=place) for place in range(1000)),
            return_exceptions=True,
        )
        await model.close()
        return model, found

    with server:
        model, found = asyncio.run(work())
    failed = [one for one in found if isinstance(one, BaseException)]
    assert all(isinstance(one, ServerFailed) and server.url in str(one) for one in failed), failed[:1]
    assert len(failed) < 10
    results = {f"question {place}": one for place, one in enumerate(found) if isinstance(one, list)}
    assert all(len(one) == 1 + int(what.split()[1]) % 3 for what, one in results.items())
    for what, completions in results.items():
        cost = of_all(completions)
        calls, prompt, generated = server.bill.of[what]
        assert (cost.prompt_tokens, cost.generated_tokens, cost.calls + 1) == (prompt, generated, calls), what
    nothing = (0, 0, 0)
    lost = sum(server.bill.of.get(f"question {place}", nothing)[0] for place, one in enumerate(found) if one in failed)
    assert (
        model.unknown == lost
    )  # of a request that never came to a result nobody can know the tokens; its calls are known
    assert model.spent.calls == server.bill.calls
    assert model.spent.retried == sum(of_all(one).retried for one in results.values()) > 0
    assert server.bill.spoilt.total() > 100
    assert set(server.bill.spoilt) == {"timeout", "half", "invalid", "reset", "html", "slow"}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_costs_one_more_call_and_no_result(fault):
    def worked_at():
        return fault in ("timeout", "half", "invalid", "reset", "html")

    async def work(server):
        model = await known(server)
        if fault == "timeout":
            model.calls.patience = replace(QUICK, reply=1.0)
        server.faults = lambda number: fault if number == 0 else ""
        (one,) = await asked(model, "what?")
        await model.close()
        return model, one

    with FaultServer() as server:
        model, one = asyncio.run(work(server))
    assert len(server.requests) == (1 if fault == "slow" else 2)
    assert one.wasted.retried == (one.generated_tokens if worked_at() else 0)
    assert one.wasted.calls == int(worked_at())
    assert (model.spent.prompt_tokens, model.spent.generated_tokens) == (server.bill.prompt, server.bill.generated)


def test_retry_after_is_waited_for_by_every_call():
    async def work(server):
        model = await known(server)
        server.retry_after = "0.3"
        server.faults = lambda number: "429" if number == 0 else ""
        loop = asyncio.get_running_loop()
        began = loop.time()
        first = asyncio.create_task(asked(model, "first"))
        while not model.calls.concurrency.held_until:
            await asyncio.sleep(0.005)
        await asked(model, "second")
        second_after = loop.time() - began
        await first
        await model.close()
        return second_after

    with FaultServer() as server:
        assert asyncio.run(work(server)) >= 0.3
    assert len(server.requests) == 3


def test_a_request_that_goes_on_failing_is_an_error_that_names_the_server_and_what_it_said():
    async def work(server):
        model = await known(server)
        server.faults = lambda number: "500"
        with pytest.raises(ServerFailed, match=rf"{server.url} failed 6 times in a row.*500.*try later"):
            await asked(model, "what?")
        await model.close()

    with FaultServer() as server:
        asyncio.run(work(server))
    assert len(server.requests) == 6


@pytest.mark.parametrize("usage", ["all", "first", "none"])
@pytest.mark.parametrize("logprobs", [True, False])
@pytest.mark.parametrize("n", [True, False])
def test_the_ledger_is_right_whatever_the_server_leaves_out(usage, logprobs, n):
    async def work(server):
        model = await known(server)
        completions = await asked(model, "what is it?", n=5)
        await model.close()
        return model, completions

    with FaultServer(Behaviour(n=n, usage=usage, logprobs=logprobs)) as server:
        model, completions = asyncio.run(work(server))
    assert len(completions) == 5
    assert len({one.text for one in completions}) == 5
    cost = of_all(completions)
    assert (cost.prompt_tokens, cost.generated_tokens) == (server.bill.prompt, server.bill.generated)
    assert model.spent.generated_tokens == cost.generated_tokens
    assert model.spent.calls == server.bill.calls == (1 if n else 5)


def test_an_n_that_is_suddenly_ignored_is_made_up_for():
    async def work(server):
        model = await known(server)
        server.behaviour.n = False
        completions = await asked(model, "what is it?", n=5)
        await model.close()
        return completions

    with FaultServer() as server:
        completions = asyncio.run(work(server))
    assert len(completions) == 5
    assert of_all(completions).generated_tokens == server.bill.generated


def test_a_stream_that_breaks_off_is_begun_again_and_what_had_come_is_charged():
    async def work(server):
        model = await known(server)
        server.faults = lambda number: "reset" if number == 0 else ""
        (one,) = await asked(model, "what is it?", stop=["never"])
        await model.close()
        return model, one

    with FaultServer(Behaviour(stop="silent")) as server:
        model, one = asyncio.run(work(server))
    assert one.wasted.retried > 0
    assert (model.spent.prompt_tokens, model.spent.generated_tokens) == (server.bill.prompt, server.bill.generated)


def test_a_stop_that_the_reply_does_not_show_is_found_in_the_stream_which_is_cancelled():
    async def work(server):
        model = await known(server)
        (whole,) = await asked(model, "what is it?", seed=4)
        server.forget()
        model.spent = Cost()
        stop = whole.token_texts[3]
        (one,) = await asked(model, "what is it?", seed=4, stop=[stop])
        await model.close()
        return model, whole, one, stop

    with FaultServer(Behaviour(stop="silent", longest=40)) as server:
        model, whole, one, stop = asyncio.run(work(server))
        assert server.requests[0].get("stop") is None
    assert one.finish_reason == "stop"
    assert one.text == whole.text[: whole.text.index(stop) + len(stop)]
    assert one.generated_tokens == len(one.token_texts) < whole.generated_tokens
    assert one.generated_tokens <= model.spent.generated_tokens <= server.bill.generated < whole.generated_tokens


def test_a_cancelled_request_gives_its_turn_to_another():
    async def work(server):
        model = await known(server, concurrency=outlay.models.openai.Concurrency(start=1, most=1))
        server.behaviour.latency = 5.0
        slow = asyncio.create_task(asked(model, "slow"))
        while not server.out:
            await asyncio.sleep(0.005)
        waiting = asyncio.create_task(asked(model, "waits"))
        await asyncio.sleep(0)
        waiting.cancel()
        slow.cancel()
        server.behaviour.latency = 0.0
        await asyncio.gather(slow, waiting, return_exceptions=True)
        found = await asked(model, "next")
        await model.close()
        return model, found

    with FaultServer() as server:
        model, found = asyncio.run(work(server))
    assert len(found) == 1
    assert (model.calls.concurrency.out, model.calls.concurrency.waiting) == (0, 0)


def test_one_model_serves_call_after_call_of_solve():
    with FaultServer() as server:
        model = model_of(server)
        first, second = (
            outlay.solve("which?", strategy="majority", model=model, budget=Budget(generations=4)) for _ in range(2)
        )
    assert first.solutions == second.solutions
    assert first.cost.generated_tokens == sum(solution.tokens for solution in first.solutions)


BAD = {
    "model": ({}, "#nothing", r'http://127.* has no model "nothing": it has test/words, other'),
    "context": (
        {"context": 30},
        f"#{MODEL}",
        r"longer than the context of test/words at http://127.*maximum context length is 30",
    ),
    "key": ({"key": "right"}, f"#{MODEL}", r"http://127.* refuses the key .*OUTLAY_API_KEY"),
    "no list": ({"lists_models": False}, "#nothing", r'has no model "nothing"'),
    "no model": ({}, "", r"names no model: write #MODEL after the URL \(it has test/words, other\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_that_names_the_url(case):
    fields, model, says = BAD[case]
    behaviour = Behaviour(**{"models": (MODEL, "other")} | fields)
    with FaultServer(behaviour) as server, pytest.raises(UserError, match=says) as error:
        outlay.solve("which?", strategy="greedy", model=f"openai:{server.url}{model}")
    assert server.url in str(error.value)
    assert error.value.__cause__ is None or isinstance(error.value.__cause__, OutlayError)


def test_a_server_that_is_not_there_is_named():
    with FaultServer() as server:
        gone = server.address
    with pytest.raises(UserError, match=r"no server answers at http://127.0.0.1:\d+/v1"):
        outlay.solve("which?", strategy="greedy", model=gone)


def test_a_url_without_its_v1_is_told_of():
    with FaultServer() as server, pytest.raises(UserError, match=r"there is no such API at http.* most end in /v1"):
        outlay.solve("which?", strategy="greedy", model=f"openai:{server.url.removesuffix('/v1')}#{MODEL}")


def test_it_is_a_model_as_any_other():
    from outlay.models.model import Model

    assert isinstance(OpenAIModel.load("http://localhost:1/v1#m"), Model)
