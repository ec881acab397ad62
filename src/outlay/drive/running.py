"""One strategy under way on one question, whatever serves its requests.

`Running` advances a strategy's generator as far as it can go, hands out the requests that it waits for, and takes their
results in any order. Lists of requests and the parts of a `Together` are served side by side: no part ever waits for
another. Every request carries an address (which part of which part, and the how-many-th request there), which depends on
the strategy alone and never on timing: randomness is keyed by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from outlay.errors import BudgetExhausted
from outlay.types import Draw, Sample, Score, Together, Work

Address = tuple[int, ...]


@dataclass(slots=True)
class Pending:
    """A request on its way: give its result to `done`, or refuse it with `fail`."""

    request: Sample | Score | Draw
    address: Address
    done: Callable[[Any], None]
    fail: Callable[[Exception], None]


class Running:
    """A strategy's generator, and those of its parts.

    `submit` is called with each new `Pending` request, possibly from inside `start` or a `done`. When the strategy ends,
    `finished` is true and `result` holds its choice; an exception that it let through is in `error`.
    """

    def __init__(self, work: Work, submit: Callable[[Pending], None]) -> None:
        self.finished = False
        self.result: Any = None
        self.error: Exception | None = None
        self._submit = submit
        self._work = work

    def start(self) -> None:
        """Run to the first requests."""
        _Part(self._work, (), self._submit, self._end, self._fail).go(lambda: next(self._work))

    def _end(self, result: Any) -> None:
        self.finished, self.result = True, result

    def _fail(self, error: Exception) -> None:
        self.finished, self.error = True, error


class _Part:
    """One generator: sends it what it asked for, one yield at a time."""

    def __init__(
        self,
        work: Work,
        address: Address,
        submit: Callable[[Pending], None],
        end: Callable[[Any], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self.work, self.address, self.submit, self.end, self.fail = work, address, submit, end, fail
        self.asked = 0
        self._going = False
        self._resume: Callable[[], Any] | None = None

    def go(self, resume: Callable[[], Any]) -> None:
        """Resume the generator, again and again while its requests are answered at once (a loop: such rows can be long)."""
        self._resume = resume
        if self._going:
            return
        self._going = True
        while self._resume is not None:
            resume, self._resume = self._resume, None
            try:
                wanted = resume()
            except StopIteration as stop:
                self.end(stop.value)
                return
            except BudgetExhausted as error:
                self.fail(error)
                return
            self._serve(wanted)
        self._going = False

    def _serve(self, wanted: Any) -> None:
        if isinstance(wanted, Together):
            self._together(wanted)
        elif isinstance(wanted, list):
            self._gather([lambda done, fail, r=request: self._ask(r, done, fail) for request in wanted])
        else:
            self._ask(wanted, lambda result: self.go(lambda: self.work.send(result)), self._throw)

    def _throw(self, error: Exception) -> None:
        self.go(lambda: self.work.throw(error))

    def _ask(self, request: Any, done: Callable[[Any], None], fail: Callable[[Exception], None]) -> None:
        address = (*self.address, self.asked)
        self.asked += 1
        self.submit(Pending(request, address, done, fail))

    def _together(self, wanted: Together) -> None:
        branch = (*self.address, self.asked)
        self.asked += 1
        parts = [(part, (*branch, index)) for index, part in enumerate(wanted.parts)]
        self._gather(
            [
                lambda done, fail, w=work, a=address: _Part(w, a, self.submit, done, fail).go(lambda: next(w))
                for work, address in parts
            ]
        )

    def _gather(self, starts: Sequence[Callable[..., None]]) -> None:
        """Start all; resume the generator once all have answered, or throw the first refusal into it then."""
        results: list[Any] = [None] * len(starts)
        errors: list[Exception] = []
        left = len(starts)

        def settle() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                if errors:
                    self._throw(errors[0])
                else:
                    self.go(lambda: self.work.send(results))

        def done(index: int, result: Any) -> None:
            results[index] = result
            settle()

        def fail(error: Exception) -> None:
            errors.append(error)
            settle()

        if not starts:
            self.go(lambda: self.work.send([]))
            return
        for index, start in enumerate(starts):
            start(lambda result, i=index: done(i, result), fail)


def key(*parts: object) -> int:
    """A 64-bit key from what identifies a draw: seed, question, address, ordinal. Stable across runs and machines."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def keys(count: int, *parts: object) -> list[int]:
    """`key(*parts, i)` for i below `count`; what they share is hashed once."""
    shared = hashlib.blake2b("\x1f".join([*map(str, parts), ""]).encode(), digest_size=8)
    found = []
    for index in range(count):
        own = shared.copy()
        own.update(str(index).encode())
        found.append(int.from_bytes(own.digest(), "little"))
    return found


def uniform(*parts: object) -> float:
    """A number in [0, 1) from the same kind of key."""
    return key(*parts) / 2.0**64
