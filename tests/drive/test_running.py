from itertools import permutations

import pytest

from outlay.drive.running import Running, key, keys, uniform
from outlay.errors import BudgetExhausted
from outlay.types import Draw, Together


def requests_of(work):
    """Start a generator; the list that its pending requests land in."""
    out = []
    running = Running(work, out.append)
    running.start()
    return running, out


def test_a_list_is_answered_in_the_order_of_asking_whatever_the_order_of_arrival():
    def work():
        return (yield [Draw(1), Draw(2), Draw(3)])

    for order in permutations(range(3)):
        running, out = requests_of(work())
        for index in order:
            out[index].done(out[index].request.n)
        assert running.result == [1, 2, 3]


def test_parts_run_side_by_side_and_none_waits_for_another():
    def part(name):
        first = yield Draw(1)
        second = yield Draw(2)
        return name, first, second

    def work():
        return (yield Together((part("a"), part("b"))))

    running, out = requests_of(work())
    a, b = out
    a.done("a1")
    assert len(out) == 3  # a goes on while b still waits
    out[2].done("a2")
    b.done("b1")
    out[3].done("b2")
    assert running.result == [("a", "a1", "a2"), ("b", "b1", "b2")]


def test_an_address_depends_on_the_strategy_and_not_on_timing():
    def part():
        yield Draw(1)
        yield Draw(1)

    def work():
        yield Draw(1)
        yield Together((part(), part()))

    def addresses(pick):
        running, out = requests_of(work())
        seen, open_ = [], list(out)
        while open_:
            known = len(out)
            pending = open_.pop(pick)
            seen.append(pending.address)
            pending.done(None)
            open_ += out[known:]
        assert running.finished
        return sorted(seen)

    assert addresses(0) == addresses(-1) == [(0,), (1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)]


def test_a_refusal_is_raised_where_the_request_was_made():
    def work():
        try:
            yield Draw(1)
        except BudgetExhausted:
            return "made do"

    running, (pending,) = requests_of(work())
    pending.fail(BudgetExhausted("no"))
    assert running.result == "made do"


def test_a_refusal_that_is_not_caught_ends_the_run():
    def part():
        yield Draw(1)

    def work():
        yield Together((part(), part()))

    running, out = requests_of(work())
    out[0].done(None)
    out[1].fail(BudgetExhausted("no"))
    assert running.finished
    assert isinstance(running.error, BudgetExhausted)


def test_an_empty_list_is_answered_at_once():
    def work():
        return (yield [])

    running, out = requests_of(work())
    assert running.result == [] and out == []


@pytest.mark.parametrize("shape", ["one", "list", "together"])
def test_a_long_row_of_requests_answered_at_once_needs_no_deep_stack(shape):
    def part():
        return (yield Draw(1))

    def work():
        total = 0
        for _ in range(5000):
            if shape == "one":
                total += yield Draw(1)
            elif shape == "list":
                total += sum((yield [Draw(1), Draw(1)]))
            else:
                total += sum((yield Together((part(), part()))))
        return total

    running = Running(work(), lambda pending: pending.done(1))
    running.start()
    assert running.result == (5000 if shape == "one" else 10000)


@pytest.mark.parametrize("parts", [(0, "q", (1, 2), 3), ("a",), (1.5, None)])
def test_keys_are_stable_and_differ(parts):
    assert key(*parts) == key(*parts) != key(*parts, 0)
    assert 0 <= uniform(*parts) < 1


def test_keys_of_one_request_are_those_of_its_draws_one_by_one():
    parts = (3, "countdown/test/q", ("name", 4), (0, 1))
    assert keys(12, *parts) == [key(*parts, index) for index in range(12)]
