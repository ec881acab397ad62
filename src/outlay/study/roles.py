"""What the runs of a store are for: which drew the pool, which estimate difficulty, which model is the larger one.

A study says so. Traces whose study is not known are guessed at: of each task and model the pool is the plain-sampling run
(best-of-N, majority, weighted) with the most samples in all, and the same strategy under another seed is the difficulty pool.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from outlay.errors import UserError
from outlay.study.probing import PILOT
from outlay.study.study import Study
from outlay.study.work import Job, deep_job, jobs, large_pool_job, other_pool_jobs, rescoring_job
from outlay.tasks import Task
from outlay.tasks import load as load_task
from outlay.traces.rows import canonical_strategy
from outlay.traces.schema import COST_FIELDS

PLAIN_SAMPLING = ("best_of_n", "weighted_best_of_n", "majority", "majority_vote")
"""Strategies whose candidates are independent samples."""

KEY = ("verifier", "strategy", "budget", "seed")
Key = tuple[str | None, str, int | None, int]


@dataclass(frozen=True)
class Roles:
    """What the runs of one task and model are for.

    Which drew the pool, which estimate difficulty, which drew a deeper pool on fewer questions; which model is larger, and
    which of its runs drew a pool of its own; which had the pool scored again by another verifier; which drew pools at other
    temperatures. `recall` says that the questions ask for what a model has to know; `probe` is the address of what tells their
    difficulty, where no pilot does.
    """

    task: str
    model: str
    pool: Key
    difficulty: Key | None = None
    large: str | None = None
    deep: Key | None = None
    large_pool: Key | None = None
    rescored: tuple[Key, ...] = ()
    other_pools: tuple[Key, ...] = ()
    recall: bool = False
    probe: str | None = None


def roles_of(study: Study) -> list[Roles]:
    """The roles that a study gives its runs, one an entry."""
    found = []
    for entry in study.entries:
        pool, judging = map(key_of, jobs(entry, study.seed)[:2])
        found.append(
            Roles(
                recorded_name(entry.task),
                entry.model,
                pool,
                judging,
                entry.large,
                deep=key_of(deep_job(entry, study.seed)) if entry.deep_pool else None,
                large_pool=key_of(large_pool_job(entry, study.seed)) if entry.large_pool else None,
                rescored=tuple(key_of(rescoring_job(entry, weak, study.seed)) for weak in entry.weak_verifiers),
                other_pools=tuple(map(key_of, other_pool_jobs(entry, study.seed))),
                recall=entry.recall,
                probe=None if entry.difficulty == PILOT else entry.difficulty,
            )
        )
    return found


def key_of(job: Job) -> Key:
    """How its traces are found."""
    return job.verifier, canonical_strategy(job.strategy.spec()), job.budget, job.seed


def recorded_name(task: str) -> str:
    """What traces call a task; its own name where it can be loaded."""
    loaded = loaded_task(task)
    return task if loaded is None else loaded.name


def guessed(runs: pa.Table) -> list[Roles]:
    """Roles by the look of the runs."""
    found = []
    for task in sorted(set(runs["task"].to_pylist())):
        of_task = runs.filter(pc.equal(runs["task"], task))
        for model in sorted(set(of_task["model"].to_pylist())):
            groups = grouped(of_task.filter(pc.equal(of_task["model"], model)))
            key = pool_key(groups)
            if key is not None:
                twins = [other for other in groups if other[:2] == key[:2] and other[3] != key[3]]
                twin = max(twins, key=lambda other: (other[2] or 0, -other[3]), default=None)
                found.append(Roles(task, model, key, twin))
    return found


def grouped(table: pa.Table, only: str | None = None) -> dict[Key, list[dict[str, Any]]]:
    """The rows of each verifier, strategy, budget and seed; of strategies of this name, where one is given."""
    groups: dict[Key, list[dict[str, Any]]] = {}
    columns = [
        *KEY,
        "run_id",
        "question_id",
        "question",
        "correct",
        "solutions",
        *(f"cost_{name}" for name in COST_FIELDS),
    ]
    for row in table.select(columns).to_pylist():
        groups.setdefault((row["verifier"], row["strategy"], row["budget"], row["seed"]), []).append(row)
    return {key: rows for key, rows in groups.items() if only in (None, strategy_name(key))}


def strategy_name(key: Key) -> str:
    """The name of the strategy in a key."""
    return str(json.loads(key[1])["name"])


def pool_key(groups: Mapping[Key, Sequence[Mapping[str, Any]]]) -> Key | None:
    """The plain-sampling run with the most questions x samples, one with a verifier first, then the lowest seed."""
    sizes = {
        key: sum(row["solutions"] for row in rows)
        for key, rows in groups.items()
        if strategy_name(key) in PLAIN_SAMPLING and max(row["solutions"] for row in rows) > 1
    }
    return max(sizes, key=lambda key: (key[0] is not None, sizes[key], -key[3], key[1]), default=None)


def by_others(role: Roles, groups: Mapping[Key, Any]) -> tuple[Key, ...]:
    """The pool scored again by other verifiers: those that the role names, and whatever `outlay verify` added."""
    added = [
        key
        for key in groups
        if key[0] not in (None, role.pool[0])
        and key[2:] == role.pool[2:]
        and key not in role.rescored
        and same_sampling(key[1], role.pool[1])
    ]
    return (*role.rescored, *sorted(added, key=str))


def roles_between(runs: pa.Table, small: str, large: str) -> list[Roles]:
    """Roles by the look of the runs, with `large` as the larger model beside `small`, in every task that has both."""
    found = []
    for role in guessed(runs):
        table = runs.filter(pc.and_(pc.equal(runs["task"], role.task), pc.equal(runs["model"], large)))
        if role.model == small and table.num_rows:
            found.append(replace(role, large=large, large_pool=pool_key(grouped(table))))
    return found


def loaded_task(name: str) -> Task | None:
    """The task of this name, where it can be loaded."""
    try:
        return load_task(name)
    except UserError:
        return None


def same_sampling(one: str, other: str) -> bool:
    """Whether two strategies, in canonical JSON, draw the same plain samples: only what is made of scores differs.

    >>> same_sampling('{"name":"majority"}', '{"aggregation":"min","name":"best_of_n"}')
    True
    """
    specs = [json.loads(text) for text in (one, other)]
    if not all(spec["name"] in PLAIN_SAMPLING for spec in specs):
        return False
    return _sampling(specs[0]) == _sampling(specs[1])


def sampling_of(key: Key) -> dict[str, Any]:
    """The options (temperature, top-p, prompt) with which the strategy in a key draws samples."""
    return _sampling(json.loads(key[1]))


def _sampling(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {option: value for option, value in spec.items() if option in ("temperature", "top_p", "prompt")}
