"""Where the engine's time goes: its parts are timed by a clock around each, CPU seconds of the thread, parts within parts apart.

The clock itself costs half a microsecond a call, some 50 calls a block, and counts as scheduling.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from benchmarks.workload import Workload
from outlay.models.embedded import Engine, engine, forward, lane_memory, lane_products, lanes

SCHEDULING = "scheduling and results, in Python"
PARTS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("matrix products", lane_products.LaneProduct, ("__call__",)),
    ("attention", forward.Forward, ("_attend",)),
    ("softmax of attention", forward, ("softmax_numerators",)),
    ("rotary embedding", forward._Scratch, ("prepare", "rotate")),
    ("storing keys and values", lane_memory.Window, ("write", "read")),
    ("storing keys and values", lane_memory.LaneMemory, ("window", "restore", "snapshot", "resize", "place")),
    ("norms", forward, ("rms_normalised",)),
    ("SiLU", forward._Scratch, ("silu_gated",)),
    ("sums and embedding", forward.Forward, ("_llama_block", "__call__")),
    ("log-probabilities and sampling", forward, ("log_softmax",)),
    ("log-probabilities and sampling", lanes, ("sample", "uniforms_of_streams")),
    (SCHEDULING, engine.Engine, ("step",)),
)


def parts(model: str, sequences: int, slots: int) -> dict[str, Any]:
    """CPU seconds of every part, and how many tokens were generated in them."""
    workload = Workload(model, sequences)
    warm = Engine(workload.weights, slots=slots, cache_bytes=0)
    warm.run(workload.jobs)
    seconds: dict[str, float] = defaultdict(float)
    within: list[float] = []
    for name, owner, functions in PARTS:
        for function in functions:
            setattr(owner, function, _timed(getattr(owner, function), name, seconds, within))
    warm.run(workload.jobs)
    return {"tokens": workload.tokens, "seconds": dict(seconds)}


def _timed(work: Callable[..., Any], name: str, seconds: dict[str, float], within: list[float]) -> Callable[..., Any]:
    """`work`, entering the time it took in `seconds`, but for that of timed work within it."""

    def timed(*arguments: Any, **options: Any) -> Any:
        within.append(0.0)
        start = time.thread_time()
        try:
            return work(*arguments, **options)
        finally:
            took = time.thread_time() - start
            seconds[name] += took - within.pop()
            if within:
                within[-1] += took

    return timed
