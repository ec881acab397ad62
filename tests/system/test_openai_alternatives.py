"""The likeliest tokens at a place, from servers: a self-judge and a model that answers with + or - read them."""

import asyncio
import math

import pytest
from fault_server import Behaviour, FaultServer

import outlay
from outlay import verifiers
from outlay.drive.recorded import Record
from outlay.errors import OutlayError
from outlay.models.openai import OpenAIModel
from outlay.types import Budget, Question, Solution, Step
from outlay.verifiers.self_judge import SelfJudge
from outlay.verifiers.token_scores import Served

pytestmark = pytest.mark.system

YES_AND_NO = {" Yes": math.log(0.3), " No": math.log(0.1), " red": math.log(0.6)}
QUESTION = Question("q", "What is 2 + 3?")
SOLUTION = Solution((Step("Add them.\n\n", 3), Step("It is 5.", 3)), finished=True)


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OUTLAY_API_KEY", raising=False)


def scored(server, make, path=""):
    async def work():
        model = OpenAIModel.load(server.address.removeprefix("openai:").replace("/v1#", f"/v1{path}#"))
        verifier = make(model)
        try:
            return await verifier.score(QUESTION, [SOLUTION]), verifier.model
        finally:
            await model.close()

    return asyncio.run(work())


@pytest.mark.parametrize("path", ["", "/completions"])
def test_a_self_judge_reads_yes_against_no(path):
    with FaultServer(Behaviour(alternatives=YES_AND_NO)) as server:
        given, _ = scored(server, SelfJudge, path)
        asked = server.requests[-1]
    assert given[0] == (pytest.approx(0.75),)
    assert asked.get("top_logprobs", asked["logprobs"]) == 20
    assert given.spent.verifier_prompt_tokens > 0 and given.spent.calls == 1


@pytest.mark.parametrize("most", [5, 1])
def test_a_server_that_tells_fewer_is_asked_for_fewer(most):
    with FaultServer(Behaviour(alternatives=YES_AND_NO, most_alternatives=most)) as server:
        given, model = scored(server, SelfJudge)
    assert model.alternatives == most
    assert given[0] == (pytest.approx(0.75 if most == 5 else 1.0),)


def test_where_nothing_is_told_there_is_no_score():
    with FaultServer(Behaviour(logprobs=False)) as server:
        given, _ = scored(server, SelfJudge)
    assert given == [()]


def test_an_ordinary_draw_asks_for_no_more_than_it_needs():
    with FaultServer(Behaviour(alternatives=YES_AND_NO)) as server:
        outlay.solve("What?", strategy="majority", model=server.address, budget=Budget(generations=2))
        assert {body.get("top_logprobs") for body in server.requests if "top_logprobs" in body} == {1}


def test_plus_against_minus_after_each_step():
    with FaultServer(Behaviour(alternatives={" +": math.log(0.2), " -": math.log(0.6)})) as server:
        given, _ = scored(server, lambda model: Served("tokens:math-shepherd:served", model), "/completions")
        shown = sorted((body["prompt"] for body in server.requests if "ки" in str(body.get("prompt"))), key=len)
    assert given[0] == pytest.approx((0.25, 0.25))
    assert shown == ["What is 2 + 3? Add them. ки", "What is 2 + 3? Add them. ки\nIt is 5. ки"]
    assert given.spent.calls == 2


def test_the_address_makes_the_same_verifier():
    with FaultServer(Behaviour(alternatives={" +": math.log(0.2), " -": math.log(0.6)})) as server:
        address = server.address.replace("/v1#", "/v1/completions#")
        verifier = verifiers.load(f"tokens:math-shepherd:{address}")

        async def work():
            try:
                return await verifier.score(QUESTION, [SOLUTION])
            finally:
                await verifier.model.close()

        assert asyncio.run(work())[0] == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("strategy", ["majority", {"name": "beam_search", "width": 2}])
def test_a_run_that_goes_on_from_a_record_has_the_account_of_the_undisturbed_one(strategy):
    """Prompts and calls in vain are in it too, though they are not asked for again."""
    with FaultServer(Behaviour(), faults=lambda number: "invalid" if number % 7 == 6 else "") as server:

        def run(record):
            return outlay.solve(
                "What is it?",
                strategy=strategy,
                model=server.address,
                verifier="random:1",
                budget=Budget(generations=4),
                record=record,
                steps="newline",
                seed=3,
            )

        record = Record()
        live = run(record)
        asked = len(server.requests)
        again = run(record)
        assert len(server.requests) - asked <= 20  # what the server is, is looked up; nothing else is asked
    kinds = ("prompt_tokens", "cached_tokens", "generated_tokens", "calls", "retried", "generations")
    assert {kind: getattr(again.cost, kind) for kind in kinds} == {kind: getattr(live.cost, kind) for kind in kinds}
    assert live.cost.prompt_tokens > 0


class Slow:
    """A task whose grading takes its time, and says when it ran."""

    name, answers_can_vote, max_solution_tokens = "slow", True, 32

    def __init__(self, loop_is_free):
        self.loop_is_free = loop_is_free

    def questions(self, split, count, seed=0):
        return []

    def extract(self, text):
        return text.split()[-1]

    def grade(self, question, answer):
        if not self.loop_is_free.wait(10):
            raise OutlayError("the event loop stood still while an answer was graded")
        return True

    def equivalent(self, a, b):
        return a == b


def test_calls_go_on_while_answers_are_graded():
    import threading

    free = threading.Event()

    async def work(server):
        run = asyncio.create_task(
            outlay.asolve(
                Question("q", "What?", reference="x"), strategy="majority", model=server.address, task=Slow(free)
            )
        )
        while not run.done():
            await asyncio.sleep(0.01)
            if server.bill.calls > 12:  # the run's own call has been answered: grading has begun, or is about to
                await asyncio.sleep(0.05)
                free.set()  # only a loop that goes on turning gets here
        return await run

    with FaultServer(Behaviour()) as server:
        asyncio.run(outlay.asolve("What?", strategy="majority", model=server.address))
        server.bill.calls = 12
        assert asyncio.run(work(server)).correct is True
