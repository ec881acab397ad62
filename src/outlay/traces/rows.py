"""Traces to rows and back. Pure: nothing here reads or writes a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import pyarrow as pa

from outlay.errors import UserError
from outlay.traces.schema import COST_FIELDS, KEY_FIELDS, RUNS, SOLUTIONS
from outlay.types import Budget, Cost, Question, Solution, Step, Trace

KEY_NAMES = tuple(field.name for field in KEY_FIELDS)


class RunKey(NamedTuple):
    """What makes two runs the same work; equal keys and the same code give the same result."""

    task: str
    question_id: str
    strategy: str
    budget: Budget
    seed: int
    model: str
    verifier: str | None


def canonical_strategy(strategy: Mapping[str, Any]) -> str:
    """A strategy's spec as the one text that stands for it, whatever the order of its options.

    >>> canonical_strategy({"width": 4, "name": "beam_search"})
    '{"name":"beam_search","width":4}'
    """
    return json.dumps(dict(strategy), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def run_key(
    question: Question, strategy: Mapping[str, Any], budget: Budget, seed: int, model: str, verifier: str | None
) -> RunKey:
    """The key of a run that is yet to be made, to be looked up in `Store.done()`."""
    return RunKey(question.task, question.id, canonical_strategy(strategy), budget, seed, model, verifier)


def key_of_row(row: Mapping[str, Any]) -> RunKey:
    """The key of a row of either table."""
    budget = Budget(row["budget"], row["budget_tokens"], row["budget_flops"], row["budget_usd"])
    return RunKey(row["task"], row["question_id"], row["strategy"], budget, row["seed"], row["model"], row["verifier"])


def _key_columns(trace: Trace) -> dict[str, Any]:
    return {
        "question_id": trace.question.id,
        "task": trace.question.task,
        "model": trace.model,
        "verifier": trace.verifier,
        "strategy": canonical_strategy(trace.strategy),
        "budget": trace.budget.generations,
        "budget_tokens": trace.budget.tokens,
        "budget_flops": trace.budget.flops,
        "budget_usd": trace.budget.usd,
        "seed": trace.seed,
    }


def _solution_row(keys: Mapping[str, Any], index: int, trace: Trace) -> dict[str, Any]:
    solution = trace.solutions[index]
    return {
        **keys,
        "index": index,
        "sample": solution.sample,
        "chain": solution.chain,
        "position": solution.position,
        "text": solution.text,
        "steps": [step.text for step in solution.steps],
        "step_tokens": [step.tokens for step in solution.steps],
        "step_logprobs": [step.logprob for step in solution.steps],
        "step_scores": list(solution.step_scores),
        "score": solution.score,
        "logprob": solution.logprob,
        "answer": solution.answer,
        "correct": trace.solution_correct[index] if trace.solution_correct else None,
        "finished": solution.finished,
        "tokens": solution.tokens,
        "chosen": index == trace.chosen,
    }


def _run_row(keys: Mapping[str, Any], trace: Trace) -> dict[str, Any]:
    cost = asdict(trace.cost)
    return {
        **keys,
        "question": trace.question.text,
        "reference": trace.question.reference,
        "metadata": json.dumps(dict(trace.question.metadata), sort_keys=True, default=str),
        "answer": trace.answer,
        "correct": trace.correct,
        "note": trace.note,
        "solutions": len(trace.solutions),
        **{f"cost_{name}": cost[name] for name in COST_FIELDS},
    }


def to_rows(trace: Trace, run_id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of one trace as (solutions, run), plain data."""
    keys = {"run_id": run_id, **_key_columns(trace)}
    return [_solution_row(keys, index, trace) for index in range(len(trace.solutions))], _run_row(keys, trace)


def to_tables(traces: Sequence[Trace], run_ids: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """The rows of `traces` as (solutions, runs); `run_ids` names each trace's run.

    Raises UserError where a trace carries grades for another number of solutions than it has.
    """
    solutions: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    for trace, run_id in zip(traces, run_ids, strict=True):
        if trace.solution_correct and len(trace.solution_correct) != len(trace.solutions):
            raise UserError(
                f"The trace of question {trace.question.id!r} has {len(trace.solutions)} solutions but "
                f"{len(trace.solution_correct)} grades in solution_correct; give one grade a solution, or none at all."
            )
        own, run = to_rows(trace, run_id)
        solutions.extend(own)
        runs.append(run)
    return pa.Table.from_pylist(solutions, schema=SOLUTIONS), pa.Table.from_pylist(runs, schema=RUNS)


def _solution(row: Mapping[str, Any]) -> Solution:
    steps = zip(row["steps"], row["step_tokens"], row["step_logprobs"], strict=True)
    return Solution(
        steps=tuple(Step(text, tokens, logprob) for text, tokens, logprob in steps),
        finished=row["finished"],
        answer=row["answer"],
        step_scores=tuple(row["step_scores"]),
        score=row["score"],
        sample=row["sample"],
        chain=row["chain"],
        position=row["position"],
    )


def to_traces(solutions: pa.Table, runs: pa.Table) -> Iterator[Trace]:
    """Traces from the two tables: what `to_tables` was given, the backend's own `state` of a solution aside."""
    by_run: dict[str, list[dict[str, Any]]] = {}
    for row in solutions.to_pylist():
        by_run.setdefault(row["run_id"], []).append(row)
    for run in runs.to_pylist():
        rows = sorted(by_run.get(run["run_id"], []), key=lambda row: row["index"])
        key = key_of_row(run)
        graded = any(row["correct"] is not None for row in rows)
        yield Trace(
            question=Question(
                key.question_id, run["question"], run["reference"], key.task, json.loads(run["metadata"])
            ),
            strategy=json.loads(key.strategy),
            budget=key.budget,
            seed=key.seed,
            model=key.model,
            verifier=key.verifier,
            answer=run["answer"],
            solutions=tuple(_solution(row) for row in rows),
            cost=Cost(**{name: run[f"cost_{name}"] for name in COST_FIELDS}),
            chosen=next((row["index"] for row in rows if row["chosen"]), None),
            correct=run["correct"],
            note=run["note"],
            solution_correct=tuple(row["correct"] for row in rows) if graded else (),
        )
