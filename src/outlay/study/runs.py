"""From a store of runs to what an analysis takes: a pool, a pool for difficulty, and the strategies run on their own.

Of each task and model the pool is the plain-sampling run (best-of-N, majority, weighted) with the most samples a question;
the same strategy under another seed is the difficulty pool; everything else is a strategy of its own. A model with greedy
runs only is a larger model to compare with. Runs that do not cover the pool's questions are left out, with a warning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outlay.errors import UserError
from outlay.study.deciding import Realised
from outlay.study.pools import Floats, Pool, pool_of_runs
from outlay.tasks import Task
from outlay.tasks import load as load_task
from outlay.traces.schema import COST_FIELDS

PLAIN_SAMPLING = ("best_of_n", "weighted_best_of_n", "majority", "majority_vote")
"""Strategies whose candidates are independent samples."""

_KEY = ("verifier", "strategy", "budget", "seed")
_Key = tuple[str | None, str, int | None, int]


@dataclass(frozen=True)
class Recorded:
    """Everything that a store holds on one task and model, aligned by question.

    `sampling` are the options (temperature, top-p) of the strategy that drew the pool. `sample_flops` is what
    generating and scoring one sample of the pool cost; `cost` sums each kind of cost over all runs.
    """

    pool: Pool
    difficulty_pool: Pool | None
    runs: tuple[Realised, ...]
    verifier: str | None
    sampling: Mapping[str, Any]
    sample_flops: float | None
    cost: Mapping[str, float]


def recorded(solutions: pa.Table, runs: pa.Table) -> list[Recorded]:
    """What the tables of a store hold, one entry for each task and model that has a pool; sorted by task and model.

    Raises UserError where there is no pool at all.
    """
    found: list[Recorded] = []
    for task in sorted(set(runs["task"].to_pylist())):
        of_task = runs.filter(pc.equal(runs["task"], task))
        models = sorted(set(of_task["model"].to_pylist()))
        tables = {model: of_task.filter(pc.equal(of_task["model"], model)) for model in models}
        pooled = {model: key for model, table in tables.items() if (key := _pool_key(table)) is not None}
        for model, key in pooled.items():
            others = {other: table for other, table in tables.items() if other not in pooled}
            found.append(_recorded(solutions, tables[model], key, others))
    if not found:
        raise UserError(
            f"The traces hold no pool of plain samples to analyse (runs of {', '.join(PLAIN_SAMPLING[:3])} with at least "
            "2 generations); run best_of_n first."
        )
    return found


def _groups(table: pa.Table) -> dict[_Key, list[dict[str, Any]]]:
    groups: dict[_Key, list[dict[str, Any]]] = {}
    columns = [*_KEY, "run_id", "question_id", "correct", "solutions", *(f"cost_{name}" for name in COST_FIELDS)]
    for row in table.select(columns).to_pylist():
        groups.setdefault((row["verifier"], row["strategy"], row["budget"], row["seed"]), []).append(row)
    return groups


def _name(key: _Key) -> str:
    return str(json.loads(key[1])["name"])


def _pool_key(table: pa.Table) -> _Key | None:
    """The plain-sampling run with the most questions x samples, one with a verifier first, then the lowest seed."""
    sizes = {
        key: sum(row["solutions"] for row in rows)
        for key, rows in _groups(table).items()
        if _name(key) in PLAIN_SAMPLING and max(row["solutions"] for row in rows) > 1
    }
    return max(sizes, key=lambda key: (key[0] is not None, sizes[key], -key[3], key[1]), default=None)


def _recorded(solutions: pa.Table, table: pa.Table, key: _Key, others: Mapping[str, pa.Table]) -> Recorded:
    groups = _groups(table)
    task_name = table["task"][0].as_py()
    task = _task(task_name)
    pool = _pool(solutions, groups[key], task)
    twins = [other for other in groups if other[:2] == key[:2] and other[3] != key[3]]
    twin = max(twins, key=lambda other: (other[2] or 0, -other[3]), default=None)
    difficulty_pool = None
    if twin is not None:
        drawn = _pool(solutions, groups[twin], task)
        if set(pool.questions) <= set(drawn.questions):
            difficulty_pool = _on_questions(drawn, pool.questions)
    realised, warnings = _realised({k: rows for k, rows in groups.items() if k not in (key, twin)}, pool.questions)
    for name, other in sorted(others.items()):
        large, more = _realised(_groups(other), pool.questions)
        label = "large_greedy" if len(others) == 1 else f"greedy ({name})"
        realised += [replace(r, spec={"name": label}, candidate=False) for r in large if r.spec.get("name") == "greedy"]
        warnings += more
    rows = groups[key]
    flops = sum(row["cost_flops"] for row in rows) / max(sum(row["solutions"] for row in rows), 1)
    everything = [row for group in groups.values() for row in group]
    return Recorded(
        pool=replace(pool, warnings=(*pool.warnings, *warnings)),
        difficulty_pool=difficulty_pool,
        runs=tuple(realised),
        verifier=key[0],
        sampling={name: value for name, value in json.loads(key[1]).items() if name in ("temperature", "top_p")},
        sample_flops=flops or None,
        cost={name: sum(row[f"cost_{name}"] for row in everything) for name in COST_FIELDS if name != "seconds"},
    )


def _task(name: str) -> Task | None:
    try:
        return load_task(name)
    except UserError:
        return None


def _pool(solutions: pa.Table, rows: Sequence[Mapping[str, Any]], task: Task | None) -> Pool:
    ids = pa.array([row["run_id"] for row in rows], pa.string())
    drawn = solutions.filter(pc.is_in(solutions["run_id"], value_set=ids))
    if task is None or task.name.startswith("jsonl:"):
        return pool_of_runs(drawn)
    return pool_of_runs(drawn, can_vote=task.answers_can_vote, grouping=str)


def _on_questions(pool: Pool, questions: Sequence[str]) -> Pool:
    place = {name: index for index, name in enumerate(pool.questions)}
    rows = np.array([place[name] for name in questions])

    def kept(array: Any) -> Any:
        return None if array is None else array[rows]

    return replace(
        pool,
        questions=tuple(questions),
        correct=pool.correct[rows],
        answers=kept(pool.answers),
        scores=kept(pool.scores),
        tokens=kept(pool.tokens),
        levels=None if pool.levels is None else tuple(pool.levels[row] for row in rows),
    )


def _realised(
    groups: Mapping[_Key, Sequence[Mapping[str, Any]]], questions: Sequence[str]
) -> tuple[list[Realised], list[str]]:
    """One Realised for each strategy and verifier, over its budgets; seeds are averaged."""
    by_strategy: dict[tuple[str, str | None], dict[int, list[tuple[Floats, Floats, Floats]]]] = {}
    warnings: list[str] = []
    for (verifier, strategy, budget, seed), rows in sorted(groups.items(), key=lambda item: str(item[0])):
        graded = {row["question_id"]: row for row in rows if row["correct"] is not None}
        if budget is None or not all(name in graded for name in questions):
            have = sum(name in graded for name in questions)
            warnings.append(
                f"{_name((verifier, strategy, budget, seed))} at budget {budget} covers {have} of {len(questions)} "
                "questions and is left out; finish the run."
            )
            continue
        columns = [
            np.array([float(graded[name][field]) for name in questions])
            for field in ("correct", "cost_generations", "cost_flops")
        ]
        places = by_strategy.setdefault((strategy, verifier), {})
        places.setdefault(budget, []).append((columns[0], columns[1], columns[2]))
    realised = []
    for (strategy, _), budgets in sorted(by_strategy.items(), key=str):
        at = sorted(budgets)
        means = [np.stack([np.mean([one[i] for one in budgets[b]], axis=0) for b in at], axis=1) for i in range(3)]
        realised.append(
            Realised(
                spec=json.loads(strategy),
                budgets=tuple(at),
                correct=means[0],
                cost=means[1],
                flops=means[2] if means[2].any() else None,
            )
        )
    return realised, warnings
