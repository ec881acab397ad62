"""The embedded engine by itself: generating, reading, and the machine's matrix products, which are its ceiling."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.measuring import Rate, rate
from benchmarks.workload import IN_FLIGHT, Workload
from outlay.models.embedded import LANES, Engine, LogprobJob


def generating(model: str, sequences: int, repeats: int, slots: int = IN_FLIGHT) -> Rate:
    """The workload on the engine, so many sequences in flight. The engine is made before, and keeps no prefixes from run to run."""
    workload = Workload(model, sequences)
    engine = Engine(workload.weights, slots=slots, cache_bytes=0)
    return rate(lambda: engine.run(workload.jobs), workload.tokens, repeats)


def state(model: str, sequences: int, slots: int) -> dict[str, float]:
    """Bytes of keys and values at their most, over the slots, and which part of the lanes of all blocks was in use."""
    workload = Workload(model, sequences)
    engine, most = Engine(workload.weights, slots=slots), 0
    for job in workload.jobs:
        engine.submit(job)
    while not engine.idle:
        engine.step()
        most = max(most, engine.state_bytes)
    counted = engine.counters
    return {"bytes_a_slot": most / slots, "lanes_in_use": counted.rows / counted.lanes}


def reading(model: str, sequences: int, repeats: int) -> Rate:
    """Tokens whose text is known already: what a verifier does. A text is a prompt and random tokens."""
    workload = Workload(model, sequences)
    generator = np.random.default_rng(1)
    texts = [
        job.tokens + tuple(generator.integers(3, workload.weights.shape.vocabulary, job.max_tokens).tolist())
        for job in workload.jobs
        for _ in job.keys
    ]
    work = [LogprobJob(text, 1) for text in texts]
    return rate(lambda: Engine(workload.weights, slots=IN_FLIGHT).run(work), sum(map(len, texts)), repeats)


def matrix_products(model: str, sequences: int, repeats: int) -> Rate:
    """Rows, if the widest blocks were nothing but its products with the model's matrices (float32, the machine's BLAS)."""
    workload = Workload(model, sequences)
    matrices = list(workload.weights.matrices())
    operands = [(matrix, np.ones((matrix.shape[1], LANES), np.float32)) for matrix in matrices]
    outputs = [np.empty((matrix.shape[0], LANES), np.float32) for matrix in matrices]
    blocks = workload.tokens // LANES

    def products() -> None:
        for _ in range(blocks):
            for (matrix, operand), output in zip(operands, outputs, strict=True):
                np.matmul(matrix, operand, out=output)

    with threadpool_limits(limits=1, user_api="blas"):
        return rate(products, blocks * LANES, repeats)
