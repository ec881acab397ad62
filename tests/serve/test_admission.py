"""The queue: who runs, who waits in order, who is sent away, and that a place is never lost."""

import asyncio

import pytest

from outlay.serve.admission import Admission
from outlay.serve.refusals import Refusal


def test_so_many_run_and_the_others_follow_in_the_order_of_coming():
    async def go():
        admission, began, running, most = Admission(2, 100.0), [], 0, 0

        async def work(number):
            nonlocal running, most
            async with admission.turn():
                began.append(number)
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        await asyncio.gather(*(work(number) for number in range(20)))
        return admission, began, most

    admission, began, most = asyncio.run(go())
    assert began == list(range(20)) and most == 2
    assert (admission.running, admission.waiting) == (0, 0)


def test_a_newcomer_that_would_wait_too_long_is_told_when_to_come_back():
    async def go():
        now = [0.0]
        admission = Admission(1, longest_wait=3.0, clock=lambda: now[0])
        async with admission.turn():
            now[0] = 2.0  # the first took two seconds
        release = asyncio.Event()

        async def hold():
            async with admission.turn():
                await release.wait()

        first, second = asyncio.create_task(hold()), asyncio.create_task(hold())
        await asyncio.sleep(0)
        assert admission.expected_delay() == 4.0  # one waits, and it would be the next
        with pytest.raises(Refusal) as refused:
            async with admission.turn():
                pass
        release.set()
        await asyncio.gather(first, second)
        return refused.value

    refusal = asyncio.run(go())
    assert (refusal.status, refusal.headers) == (429, {"Retry-After": "1"})
    assert refusal.body()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("when", ["waiting", "called"])
def test_one_that_goes_away_in_the_queue_leaves_its_place_to_the_next(when):
    async def go():
        admission, release, done = Admission(1, 100.0), asyncio.Event(), []

        async def hold(name):
            async with admission.turn():
                done.append(name)
                await release.wait()

        holder, gone, last = (asyncio.create_task(hold(name)) for name in ("holder", "gone", "last"))
        await asyncio.sleep(0)
        if when == "waiting":
            gone.cancel()
            release.set()
        else:
            release.set()
            await asyncio.sleep(0)  # the holder leaves, and calls the next
            gone.cancel()
        await asyncio.gather(holder, gone, last, return_exceptions=True)
        return admission, done

    admission, done = asyncio.run(asyncio.wait_for(go(), 5))
    assert done[-1] == "last" and (admission.running, admission.waiting) == (0, 0)
