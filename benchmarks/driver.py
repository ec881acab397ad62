"""What the batching driver costs over the bare engine, on equal jobs: same questions, keys, lengths and end tokens."""

from __future__ import annotations

import gc
from functools import partial
from typing import Any

from benchmarks.measuring import rate
from benchmarks.workload import KEYS
from outlay import models, tasks
from outlay.cost import Ledger, Prices
from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Served, Unit
from outlay.models.embedded import Engine, GenerateJob, load_weights
from outlay.strategies import MajorityVote
from outlay.types import Budget


def overhead(model: str, sequences: int, repeats: int) -> dict[str, Any]:
    """CPU seconds of both, taken in turns, the best of each; raises RuntimeError where they did not do the same work."""
    folder = models.embedded_folder(model)
    weights = load_weights(folder)
    backend = models.load(f"embedded:{model}")
    task = tasks.load(backend.task)
    questions = task.questions("test", sequences // KEYS)
    units = [Unit(question, MajorityVote(), Budget(generations=KEYS)) for question in questions]
    end = frozenset({weights.tokenizer.id(weights.description["eos_token"])})
    jobs = [
        GenerateJob(weights.tokenizer.encode(unit.question.text), keys(unit, task), backend.max_tokens, eos=end)
        for unit in units
    ]

    tokens: set[int] = set()
    seconds: dict[str, list[float]] = {"engine": [], "driver": []}
    for _ in range(repeats):
        gc.collect()  # what earlier turns left behind is not this turn's
        engine, driver = Engine(weights), BatchingDriver(task, models.load(f"embedded:{model}"))
        seconds["engine"].append(rate(partial(engine.run, jobs), 1, 1).cpu_seconds)
        seconds["driver"].append(rate(partial(list, driver.solve(units)), 1, 1).cpu_seconds)
        tokens |= {engine.counters.tokens_generated, driver.tokens_generated}
    if len(tokens) > 1:
        raise RuntimeError("the driver and the bare engine generated different numbers of tokens")
    return {
        "tokens": tokens.pop(),
        "sequences": len(jobs) * KEYS,
        **{f"{side}_seconds": min(times) for side, times in seconds.items()},
    }


def keys(unit: Unit, task: Any) -> tuple[int, ...]:
    """The keys with which the driver asks for the unit's samples (its first request)."""
    served = Served(unit, task, Ledger(unit.budget, Prices(), 0, 0), "", None)
    return tuple(served.keys((0,), KEYS))
