"""A crowd in small: no error that is not a 429, nothing lost, nothing kept. The large form: `python -m benchmarks.serving`."""

import asyncio
import gc
import time

import aiohttp
from serving import QUESTION, VOTE, policy_file, serving
from upstream import Upstream

from outlay.serve.account import Account
from outlay.serve.outcome import Answered, Asked
from outlay.serve.passing import Reply
from outlay.traces import Store

ONE = {"outlay": {"budget": {"generations": 1}}}
FOUR = {"outlay": {"budget": {"generations": 4}}}


def crowd(server, clients, each, more, patient=False):
    """Statuses, and identifiers of what was answered, of so many clients at once that each ask so often."""

    async def all_of_them():
        statuses, answered, waits = [], set(), set()

        async def client(session, number):
            for turn in range(each):
                body = {
                    "model": "outlay",
                    "messages": [{"role": "user", "content": f"{QUESTION} {number} {turn}"}],
                    "stream": number % 3 == 0,
                }
                async with session.post(f"{server.url}/v1/chat/completions", json=body | more) as reply:
                    content = await reply.read()
                    statuses.append(reply.status)
                    if reply.status == 200:
                        assert content.endswith(b"data: [DONE]\n\n") or b'"choices"' in content, content[-200:]
                        answered.add(reply.headers["X-Request-Id"])
                    elif "Retry-After" in reply.headers:
                        waits.add(int(reply.headers["Retry-After"]))

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(client(session, number) for number in range(clients)))
        return statuses, answered, waits

    return asyncio.run(all_of_them())


def kept(folder):
    return {trace.question.id for trace in Store(folder / "served", create=False).traces()}


def alive():
    """Objects of requests that something still holds."""
    gc.collect()
    return [type(one).__name__ for one in gc.get_objects() if isinstance(one, (Asked, Answered, Account, Reply))]


def test_a_crowd_is_answered_while_a_tenth_of_the_calls_upstream_fail_and_nothing_is_lost_or_kept(tmp_path):
    failing = {"now": False}
    fails = lambda number: (500, 503, 429)[number % 3] if failing["now"] and number % 10 == 0 else None  # noqa: E731
    with Upstream(fails=fails) as upstream, serving(policy_file(tmp_path, VOTE, model=upstream.address)) as server:
        upstream.forget()
        failing["now"] = True
        statuses, answered, _ = crowd(server, clients=40, each=2, more=ONE)
        several, more, _ = crowd(server, clients=10, each=1, more=FOUR)
        assert set(statuses) == set(several) == {200}
        assert len(answered) == 80 and len(more) == 10
        assert answered | more <= kept(tmp_path)
        assert server.service.admission.running == server.service.admission.waiting == 0
        wait_until_idle(server)
        assert alive() == []


def test_more_than_can_be_answered_in_time_is_refused_with_429_and_the_rest_is_answered(tmp_path):
    with Upstream(latency=0.1) as upstream:
        policy = policy_file(tmp_path, VOTE, model=upstream.address)
        with serving(policy, at_once=2, longest_wait=0.4) as server:
            server.ask(
                {"model": "outlay", "messages": [{"role": "user", "content": "?"}]} | ONE
            )  # now it knows how long one takes
            statuses, answered, waits = crowd(server, clients=40, each=1, more=ONE)
            assert set(statuses) == {200, 429} and min(waits) >= 1
            assert statuses.count(200) == len(answered) and answered <= kept(tmp_path)
            assert server.ask({"model": "outlay", "messages": [{"role": "user", "content": "?"}]} | ONE)[0] == 200


def wait_until_idle(server):
    deadline = time.monotonic() + 20
    while server.server.server_state.tasks and time.monotonic() < deadline:
        time.sleep(0.02)
