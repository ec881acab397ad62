"""From a store of runs to what an analysis takes: a pool, a pool for difficulty, and the strategies run on their own.

A study says what each run is for (`Roles`); where it is not known, that is guessed, and a model with greedy runs only is a
larger model to compare with. Everything else is a strategy of its own. Runs that do not cover the pool's questions are left
out, with a warning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outlay.errors import UserError
from outlay.study.aggregating import aggregated
from outlay.study.deciding import Realised
from outlay.study.details import Details, details_of
from outlay.study.flops import PoolFlops, pool_flops
from outlay.study.other_pools import methods_of
from outlay.study.pools import Floats, Ints, Pool, on_questions, pool_of_runs
from outlay.study.probing import texts_in, with_probe
from outlay.study.rescoring import Rescored, same_samples
from outlay.study.roles import (
    PLAIN_SAMPLING,
    Key,
    Roles,
    by_others,
    grouped,
    guessed,
    loaded_task,
    pool_key,
    roles_of,
    same_sampling,
    sampling_of,
    strategy_name,
)
from outlay.study.study import parse_study
from outlay.tasks import Task
from outlay.traces import Store
from outlay.traces.schema import COST_FIELDS


@dataclass(frozen=True)
class Deeper:
    """A larger pool on some of the questions: `rows` `[Q']` are their places among all."""

    rows: Ints
    pool: Pool
    flops: PoolFlops | None


@dataclass(frozen=True)
class Larger:
    """What a larger model did on the same questions: one greedy answer each, and a pool of its own where it drew one.

    `answer_tokens` is what it generated for a greedy answer, on average.
    """

    model: str
    greedy: Realised
    answer_tokens: float
    pool: Pool | None = None
    flops: PoolFlops | None = None


@dataclass(frozen=True)
class Recorded:
    """Everything that a store holds on one task and model, aligned by question.

    `sampling` are the options (temperature, top-p, prompt) of the strategy that drew the pool. `flops` is what drawing and
    scoring its samples cost, where that is known; `cost` sums each kind of cost over all runs. `deeper` and `larger` are
    for comparing models at equal compute. `rescored` is the pool by other verifiers. `recall` says that the questions ask for
    what a model has to know. `texts` `[Q]` are the questions as the model read them. `details` are there where they were asked
    for.
    """

    pool: Pool
    difficulty_pool: Pool | None
    runs: tuple[Realised, ...]
    verifier: str | None
    sampling: Mapping[str, Any]
    flops: PoolFlops | None
    cost: Mapping[str, float]
    deeper: Deeper | None = None
    larger: tuple[Larger, ...] = ()
    rescored: tuple[Rescored, ...] = ()
    recall: bool = False
    texts: tuple[str, ...] = ()
    details: Details | None = None


def recorded_in(store: Store, aggregation: str | None = None) -> list[Recorded]:
    """`recorded` of a store, with the roles that its own study gives where the store names one that can be read.

    With an `aggregation` the scores are made anew from the step scores (`outlay.study.aggregating`).
    """
    study = store.meta.get("study")
    roles: Sequence[Roles] = ()
    if study is not None:
        try:
            roles = roles_of(parse_study(study, str(store.path / "meta.json")))
        except UserError:
            roles = ()  # written by another version: the runs themselves have to tell
    return recorded(aggregated(store.solutions(), aggregation), store.runs(), roles)


def recorded(
    solutions: pa.Table, runs: pa.Table, roles: Sequence[Roles] = (), *, detailed: bool = False
) -> list[Recorded]:
    """What the tables of a store hold, one entry for each task and model that has a pool; sorted by task and model.

    Args:
        solutions, runs: the tables.
        roles: what the runs are for; guessed where none are given.
        detailed: whether `details` are wanted too.

    Raises:
        UserError: there is no pool at all.
    """
    found: list[Recorded] = []
    for role in sorted(roles or guessed(runs), key=lambda role: (role.task, role.model)):
        of_task = runs.filter(pc.equal(runs["task"], role.task))
        table = of_task.filter(pc.equal(of_task["model"], role.model))
        groups = grouped(table)
        if role.pool in groups:
            larger = {} if role.large is None else {role.large: of_task.filter(pc.equal(of_task["model"], role.large))}
            beside = larger if roles else _greedy_only(of_task)
            texts = {} if role.probe is None else texts_in(table, role.task)
            found.append(_recorded(solutions, groups, role, beside, detailed, texts))
    if not found:
        raise UserError(
            f"The traces hold no pool of plain samples to analyse (runs of {', '.join(PLAIN_SAMPLING[:3])} with at least "
            "2 generations); run best_of_n first."
        )
    return found


def _greedy_only(of_task: pa.Table) -> dict[str, pa.Table]:
    """The runs of the models that have no pool."""
    models = sorted(set(of_task["model"].to_pylist()))
    tables = {model: of_task.filter(pc.equal(of_task["model"], model)) for model in models}
    return {model: table for model, table in tables.items() if pool_key(grouped(table)) is None}


def _recorded(
    solutions: pa.Table,
    groups: Mapping[Key, list[dict[str, Any]]],
    role: Roles,
    larger: Mapping[str, pa.Table],
    detailed: bool,
    texts: Mapping[str, str],
) -> Recorded:
    key = role.pool
    task = loaded_task(role.task)
    drawn = _solutions(solutions, groups[key])
    pool = _pool(drawn, task)
    difficulty_pool = None
    if role.difficulty is not None and role.difficulty in groups:
        judging = _pool(_solutions(solutions, groups[role.difficulty]), task)
        if set(pool.questions) <= set(judging.questions):
            difficulty_pool = on_questions(judging, pool.questions)
    others = by_others(role, groups)
    weak = [k[0] for k in others]
    realised, warnings = _realised(
        {
            k: rows
            for k, rows in groups.items()
            if k not in (key, role.difficulty, role.deep, *role.other_pools) and k[0] not in weak
        },
        pool.questions,
    )
    rescored, more = _rescored(pool, others, solutions, groups, task)
    warnings += more
    for other in (other for other in role.other_pools if other in groups):
        found, more = _other_pool(other, solutions, groups, task, pool)
        realised += found
        warnings += more
    models: list[Larger] = []
    for name, table in sorted(larger.items()):
        of_model = grouped(table)
        greedy = {k: rows for k, rows in of_model.items() if strategy_name(k) == "greedy"}
        large, more = _realised(greedy, pool.questions)
        label = "large_greedy" if len(larger) == 1 else f"greedy ({name})"
        realised += [replace(run, spec={"name": label}, candidate=False) for run in large]
        warnings += more
        if large:
            models.append(_larger(name, large[0], of_model, role.large_pool, solutions, task, pool.questions))
    everything = [row for group in groups.values() for row in group]
    flops = _flops(key, drawn, groups, pool.questions)
    if role.probe is not None:
        try:
            pool = with_probe(pool, role.probe, texts, flops)
        except UserError as error:
            warnings.append(f"Difficulty by {role.probe} is left out: {error}.")
    return Recorded(
        pool=replace(pool, warnings=(*pool.warnings, *warnings)),
        difficulty_pool=difficulty_pool,
        runs=tuple(realised),
        verifier=key[0],
        sampling=sampling_of(key),
        flops=flops,
        cost={name: sum(row[f"cost_{name}"] for row in everything) for name in COST_FIELDS if name != "seconds"},
        deeper=_deeper(role.deep, solutions, groups, task, pool.questions),
        larger=tuple(models),
        rescored=tuple(rescored),
        recall=role.recall,
        texts=_texts(groups[key], pool.questions),
        details=details_of(drawn, solutions, groups, pool.questions, partial(_pool, task=task)) if detailed else None,
    )


def _texts(rows: Sequence[Mapping[str, Any]], questions: Sequence[str]) -> tuple[str, ...]:
    """The questions' texts."""
    known = {row["question_id"]: str(row["question"]) for row in rows}
    return tuple(known[name] for name in questions)


def _flops(
    key: Key, drawn: pa.Table, groups: Mapping[Key, list[dict[str, Any]]], questions: Sequence[str]
) -> PoolFlops | None:
    """What the pool of this key cost; rows of the same model with its verifier, or with none, tell the price of a token."""
    return pool_flops(
        groups[key],
        drawn.select(["question_id", "steps", "step_tokens"]).to_pylist(),
        [row for k, rows in groups.items() if k[0] in (None, key[0]) for row in rows],
        questions,
    )


def _rescored(
    pool: Pool,
    keys: Sequence[Key],
    solutions: pa.Table,
    groups: Mapping[Key, list[dict[str, Any]]],
    task: Task | None,
) -> tuple[list[Rescored], list[str]]:
    """The pool by each of the other verifiers, with the searches that they led; warnings where its samples are others."""
    found, warnings = [], []
    for key in (key for key in keys if key in groups):
        drawn = _solutions(solutions, groups[key])
        again = _pool(drawn, task)
        if set(pool.questions) <= set(again.questions):
            again = on_questions(again, pool.questions)
        if not same_samples(pool, again):
            warnings.append(
                f"The samples that {key[0]} scored are not those of the pool, so it is left out; finish the run."
            )
            continue
        led = {k: rows for k, rows in groups.items() if k[0] == key[0] and not same_sampling(k[1], key[1])}
        runs, more = _realised(led, pool.questions)
        warnings += more
        found.append(Rescored(str(key[0]), again, _flops(key, drawn, groups, pool.questions), tuple(runs)))
    return found, warnings


def _deeper(
    key: Key | None,
    solutions: pa.Table,
    groups: Mapping[Key, list[dict[str, Any]]],
    task: Task | None,
    questions: Sequence[str],
) -> Deeper | None:
    """The deeper pool, where it was drawn: on those of its questions that the pool has as well."""
    if key is None or key not in groups:
        return None
    drawn = _solutions(solutions, groups[key])
    pool = _pool(drawn, task)
    place = {name: index for index, name in enumerate(questions)}
    shared = [name for name in pool.questions if name in place]
    if not shared:
        return None
    return Deeper(
        np.array([place[name] for name in shared], dtype=np.int64),
        on_questions(pool, shared),
        _flops(key, drawn, groups, shared),
    )


def _other_pool(
    key: Key,
    solutions: pa.Table,
    groups: Mapping[Key, list[dict[str, Any]]],
    task: Task | None,
    own: Pool,
) -> tuple[list[Realised], list[str]]:
    """A pool at another temperature, read by every method of the `own` one; a warning where it does not cover its questions."""
    drawn, questions = _solutions(solutions, groups[key]), own.questions
    pool = replace(_pool(drawn, task), can_vote=own.can_vote)
    have = len(set(questions) & set(pool.questions))
    if have < len(questions):
        at = json.loads(key[1]).get("temperature", 1.0)
        warning = f"The pool at temperature {at:g} covers {have} of {len(questions)} questions and is left out; finish the run."
        return [], [warning]
    sampling = {"temperature": 1.0, **sampling_of(key)}  # named also where it is the default
    return methods_of(on_questions(pool, questions), sampling, _flops(key, drawn, groups, questions)), []


def _larger(
    model: str,
    greedy: Realised,
    groups: Mapping[Key, list[dict[str, Any]]],
    key: Key | None,
    solutions: pa.Table,
    task: Task | None,
    questions: Sequence[str],
) -> Larger:
    """What a larger model did; its pool only where that covers all the questions."""
    single = [row for k, rows in groups.items() if strategy_name(k) == "greedy" for row in rows]
    tokens = float(np.mean([row["cost_generated_tokens"] for row in single]))
    if key is None or key not in groups:
        return Larger(model, greedy, tokens)
    drawn = _solutions(solutions, groups[key])
    pool = _pool(drawn, task)
    if not set(questions) <= set(pool.questions):
        return Larger(model, greedy, tokens)
    return Larger(model, greedy, tokens, on_questions(pool, questions), _flops(key, drawn, groups, questions))


def _solutions(solutions: pa.Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    ids = pa.array([row["run_id"] for row in rows], pa.string())
    return solutions.filter(pc.is_in(solutions["run_id"], value_set=ids))


def _pool(drawn: pa.Table, task: Task | None) -> Pool:
    if task is None or task.name.startswith("jsonl:"):
        options = getattr(task, "options", None)  # where a file's task does not say whether answers vote, they tell it
        return pool_of_runs(drawn, can_vote=None if options is None else options.votes)
    return pool_of_runs(drawn, can_vote=task.answers_can_vote, grouping=str)


def recorded_on(found: Recorded, rows: Ints) -> Recorded:
    """What a policy is fitted to, on these questions alone: the pool, the runs, the larger models' answers, and what they cost."""

    def on(run: Realised) -> Realised:
        flops = None if run.flops is None else run.flops[rows]
        return replace(run, correct=run.correct[rows], cost=run.cost[rows], flops=flops)

    pool = on_questions(found.pool, [found.pool.questions[row] for row in rows])
    judging = found.difficulty_pool
    return replace(
        found,
        pool=pool,
        difficulty_pool=None if judging is None else on_questions(judging, pool.questions),
        runs=tuple(on(run) for run in found.runs),
        flops=None if found.flops is None else found.flops.on(rows),
        deeper=None,
        larger=tuple(replace(one, greedy=on(one.greedy), pool=None, flops=None) for one in found.larger),
        rescored=(),
        texts=tuple(found.texts[row] for row in rows) if found.texts else (),
        details=None,
    )


def _realised(
    groups: Mapping[Key, Sequence[Mapping[str, Any]]], questions: Sequence[str]
) -> tuple[list[Realised], list[str]]:
    """One Realised for each strategy and verifier, over its budgets; seeds are averaged."""
    by_strategy: dict[tuple[str, str | None], dict[int, list[tuple[Floats, Floats, Floats]]]] = {}
    warnings: list[str] = []
    for (verifier, strategy, budget, seed), rows in sorted(groups.items(), key=lambda item: str(item[0])):
        graded = {row["question_id"]: row for row in rows if row["correct"] is not None}
        if budget is None or not all(name in graded for name in questions):
            have = sum(name in graded for name in questions)
            warnings.append(
                f"{strategy_name((verifier, strategy, budget, seed))} at budget {budget} covers {have} of {len(questions)} "
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
