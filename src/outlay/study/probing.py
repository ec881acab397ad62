"""Difficulty of recorded questions by a probe that reads the question alone, and what its reading costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outlay.errors import UserError
from outlay.study.flops import PoolFlops
from outlay.study.pools import Pool, Probed
from outlay.types import Question
from outlay.verifiers.probes.difficulty import BACKEND, load_difficulty

PILOT, QUESTION = "pilot", "question"
"""How the estimates are named that draw the first samples, and (where a policy is fitted) that read the question's words."""


def check_estimator(address: str, questions: Sequence[Question] = ()) -> None:
    """Raises UserError for what is neither `pilot` nor a probe of difficulty, and for one that learnt from these questions."""
    if address == PILOT:
        return
    if not address.startswith(BACKEND):
        raise UserError(f'there is no estimate of difficulty "{address}": write pilot, or probe:FOLDER')
    probe = load_difficulty(address)
    if questions:
        probe.check_unseen(questions)


def texts_in(runs: pa.Table, task: str) -> dict[str, str]:
    """The texts of a task's questions in a runs table, by identifier."""
    of_task = runs.filter(pc.equal(runs["task"], task)).select(["question_id", "question"])
    return dict(zip(of_task["question_id"].to_pylist(), of_task["question"].to_pylist(), strict=True))


def with_probe(pool: Pool, address: str, texts: Mapping[str, str], flops: PoolFlops | None) -> Pool:
    """The pool with what the probe at `address` says of its questions.

    `texts` are the questions' by identifier; `flops` is what the pool's samples cost: where that is not known,
    what the probe costs in generations is not either, and stands as 0.

    Raises UserError where there is no such probe, or where it learnt from some of the questions.
    """
    questions = [Question(name, texts[name], task=pool.task) for name in pool.questions]
    probe = load_difficulty(address)
    probe.check_unseen(questions)
    told = probe.of_all(questions)
    spent = 2.0 * probe.parameters * told.tokens.astype(np.float64)
    sample = 0.0 if flops is None else float(flops.of("majority" if pool.scores is None else "best_of_n", [1]).mean())
    cost = float(spent.mean()) / sample if sample else 0.0
    return replace(pool, probed=Probed(address, told.values, spent, round(cost, 6)))
