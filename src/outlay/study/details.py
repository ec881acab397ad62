"""What a store holds beyond outcomes and scores: the same samples under other step aggregations, and chains attempt by attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outlay.selection import AGGREGATIONS, aggregate
from outlay.study.pools import Bools, Ints, Pool
from outlay.study.roles import Key, strategy_name


@dataclass(frozen=True)
class Attempts:
    """C chains of P attempts on each of Q questions, as one strategy drew them at one budget.

    `correct` `[Q, C, P]`; `chosen` `[Q]` says whether the strategy's own answer was right.
    """

    strategy: str
    verifier: str | None
    budget: int
    correct: Bools
    chosen: Bools


@dataclass(frozen=True)
class Details:
    """`steps` is the mean number of steps of a sample; `aggregated` the pool scored by each other step aggregation."""

    steps: float
    aggregated: Mapping[str, Pool] = field(default_factory=dict)
    attempts: tuple[Attempts, ...] = ()


def details_of(
    drawn: pa.Table,
    solutions: pa.Table,
    groups: Mapping[Key, Sequence[Mapping[str, Any]]],
    questions: Sequence[str],
    pool_of: Callable[[pa.Table], Pool],
) -> Details:
    """The details of one task and model.

    Args:
        drawn: the solutions of the pool, with their `step_scores`.
        solutions: the solutions of every run of the store.
        groups: the runs of this task and model by key.
        questions: those of the pool, in its order.
        pool_of: makes a pool of solutions, aligned with `questions`.
    """
    steps = [len(row) for row in drawn["steps"].to_pylist()]
    scores = drawn["step_scores"].to_pylist()
    aggregated = {}
    if any(scores) and max(map(len, scores)) > 1:
        for how in AGGREGATIONS:
            values = pa.array([aggregate(row, how) for row in scores], pa.float64())
            aggregated[how] = pool_of(drawn.set_column(drawn.schema.get_field_index("score"), "score", values))
    attempts = [
        found
        for key, rows in sorted(groups.items(), key=str)
        if strategy_name(key) == "revisions" and (found := _attempts(key, rows, solutions, questions)) is not None
    ]
    return Details(float(np.mean(steps)), aggregated, tuple(attempts))


def _attempts(
    key: Key, rows: Sequence[Mapping[str, Any]], solutions: pa.Table, questions: Sequence[str]
) -> Attempts | None:
    """The chains of one run; None where they are not all there, or not all equally long."""
    verifier, strategy, budget, _ = key
    ids = pa.array([row["run_id"] for row in rows], pa.string())
    drawn = solutions.filter(pc.is_in(solutions["run_id"], value_set=ids))
    place = {name: index for index, name in enumerate(questions)}
    columns = [drawn[name].to_pylist() for name in ("question_id", "chain", "position", "correct")]
    kept = [row for row in zip(*columns, strict=True) if row[0] in place]
    if budget is None or not kept:
        return None
    chains, length = max(row[1] for row in kept) + 1, max(row[2] for row in kept) + 1
    seen: Ints = np.zeros((len(questions), chains, length), dtype=np.int64)
    correct = np.zeros(seen.shape, dtype=np.bool_)
    for name, chain, position, right in kept:
        seen[place[name], chain, position] += 1
        correct[place[name], chain, position] = bool(right)
    graded = {row["question_id"]: row["correct"] for row in rows}
    if (seen != 1).any() or not all(graded.get(name) is not None for name in questions):
        return None
    return Attempts(strategy, verifier, budget, correct, np.array([bool(graded[name]) for name in questions]))
