"""The number of calls that are out, against a server in simulated time: `capacity` calls a second, none faster than `latency`."""

import asyncio
import heapq

import pytest

from outlay.models.openai.concurrency import Concurrency


class World:
    """Calls in simulated time: each takes `latency` seconds, longer where more than `capacity` a second are asked for."""

    def __init__(self, capacity, latency=0.1, refuses_above=10**9, retry_after=None):
        self.now, self.free_at = 0.0, 0.0
        self.capacity, self.latency = capacity, latency
        self.refuses_above, self.retry_after = refuses_above, retry_after
        self.limits, self.refused = [], 0

    def run(self, calls, concurrency):
        async def work():
            ends, waiting = [], [asyncio.ensure_future(concurrency.enter()) for _ in range(calls)]
            order = 0
            while waiting or ends:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                for turn in [turn for turn in waiting if turn.done()]:
                    waiting.remove(turn)
                    refused = concurrency.out > self.refuses_above
                    self.free_at = max(self.free_at, self.now) + (0 if refused else 1 / self.capacity)
                    end = self.now + 0.01 if refused else max(self.now + self.latency, self.free_at)
                    heapq.heappush(ends, (end, order, refused, turn.result()))
                    order += 1
                if not ends:
                    continue
                self.now, _, refused, entered = heapq.heappop(ends)
                if refused:
                    self.refused += 1
                    concurrency.too_much(self.retry_after)
                    concurrency.leave()
                    waiting.append(asyncio.ensure_future(concurrency.enter()))
                else:
                    concurrency.leave(entered, 1.0)
                self.limits.append(concurrency.limit)

        asyncio.run(work())
        return self


def in_world(world, calls=4000, **options):
    concurrency = Concurrency(clock=lambda: world.now, **options)
    world.run(calls, concurrency)
    assert (concurrency.out, concurrency.waiting) == (0, 0)
    return concurrency


def test_it_grows_while_throughput_grows_and_stops_where_the_server_is_full():
    world = World(capacity=1000, latency=0.1)  # 100 calls keep it busy
    in_world(world, start=8, most=512)
    assert 64 <= max(world.limits) <= 256
    settled = world.limits[len(world.limits) // 2 :]
    assert 64 <= sorted(settled)[len(settled) // 2] <= 256
    assert 4000 / world.now > 0.8 * world.capacity


def test_it_never_goes_beyond_the_most_nor_below_one():
    world = World(capacity=10**9, latency=0.1)
    in_world(world, start=4, most=32)
    assert max(world.limits) == 32
    world = World(capacity=1000, latency=0.1, refuses_above=0)
    concurrency = Concurrency(start=4, most=8, clock=lambda: world.now)
    for _ in range(500):
        concurrency.out = 1
        concurrency.too_much()
        concurrency.leave()
    assert concurrency.limit == 1


def test_refusals_make_it_smaller_until_few_are_refused():
    world = World(capacity=10**6, latency=0.1, refuses_above=20)
    in_world(world, start=256, most=256)
    settled = world.limits[len(world.limits) // 2 :]
    assert sorted(settled)[len(settled) // 2] <= 40
    assert world.refused < 4000


def test_a_few_refusals_among_many_calls_stop_it_growing_and_no_more():
    concurrency = Concurrency(start=64, most=512)
    concurrency.out, concurrency._full = 64, True
    concurrency.too_much()
    concurrency.leave()
    for _ in range(63):
        concurrency.leave(concurrency.clock(), 1.0)
    assert concurrency.limit >= 64


def test_a_server_that_becomes_slower_without_giving_more_is_asked_for_less():
    world = World(capacity=10**6, latency=0.1)
    concurrency = Concurrency(start=64, most=64, clock=lambda: world.now)
    world.run(1000, concurrency)
    assert concurrency.limit == 64
    world.capacity, world.latency = 60, 0.5
    world.run(1000, concurrency)
    assert concurrency.limit < 64


def test_a_call_that_alone_is_out_says_nothing_about_more():
    world = World(capacity=1000)
    concurrency = Concurrency(start=4, most=64, clock=lambda: world.now)
    for _ in range(200):
        world.run(1, concurrency)
    assert concurrency.limit == 4


def test_calls_come_to_their_turn_in_the_order_of_asking():
    async def work():
        concurrency, order = Concurrency(start=1, most=1), []

        async def one(number):
            entered = await concurrency.enter()
            order.append(number)
            await asyncio.sleep(0)
            concurrency.leave(entered, 1.0)

        await asyncio.gather(*(one(number) for number in range(5)))
        return order

    assert asyncio.run(work()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("given", [False, True], ids=["while it waits", "when its turn has come"])
def test_a_call_that_is_cancelled_leaves_its_turn_to_the_next(given):
    async def work():
        concurrency = Concurrency(start=1, most=1)
        await concurrency.enter()
        cancelled, following = (asyncio.ensure_future(concurrency.enter()) for _ in range(2))
        await asyncio.sleep(0)
        if given:
            concurrency.leave()
        cancelled.cancel()
        if not given:
            concurrency.leave()
        await asyncio.wait_for(following, 5)
        assert cancelled.cancelled()
        return concurrency.out, concurrency.waiting

    assert asyncio.run(work()) == (1, 0)
