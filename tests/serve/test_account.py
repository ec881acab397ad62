"""The account of a request: what others spend on the same model is none of its business."""

import asyncio

import pytest

from outlay.drive.serving import Unit
from outlay.drive.solving import LastLine
from outlay.models import Completion
from outlay.serve.account import Account
from outlay.serve.engines import Awaiting
from outlay.strategies import MajorityVote
from outlay.types import Budget, Cost, Question


class Waiting:
    """A model that others have spent much on, and that answers its first call only."""

    name = "waiting"
    spent = Cost(generated_tokens=1_000_000)
    calls = 0

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        self.calls += 1
        if self.calls > 1:
            await asyncio.sleep(60)
        return [Completion("4", "end", 2, 0, 3)] * n


def test_a_run_that_is_cancelled_costs_what_it_had_drawn_itself():
    async def go():
        account, engine = Account(), Awaiting(LastLine(), Waiting(), None, None)
        units = [Unit(Question("q", "?"), MajorityVote(), Budget(generations=1), seed) for seed in range(2)]
        first = await engine.run(units[0], account, LastLine(), (), None)
        second = asyncio.create_task(engine.run(units[1], account, LastLine(), (), None))
        await asyncio.sleep(0.01)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        return first, account.total()

    first, total = asyncio.run(go())
    assert first.cost.generated_tokens == total.generated_tokens == 3 and total.generations == 2.0
