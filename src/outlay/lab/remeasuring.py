"""Measuring the shipped models again on validation questions and writing the figures into their records.

Needed where the questions change and the weights do not. Policies and the verifiers of their samples are measured, with the
embedded engine; what revisers do along a chain, and verifiers of chains, keep the figures of their training.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from outlay import tasks
from outlay.errors import UserError
from outlay.lab.cards import records
from outlay.lab.measure import json_ready, policy_figures, verifier_figures
from outlay.lab.pools import drawn_pool, greedy_outcomes, own_log_probabilities, verifier_scores
from outlay.lab.side_by_side import side_by_side

QUESTIONS, SAMPLES = 400, 32
"""Of validation, as in training."""


def measure_again(folder: Path, only: Sequence[str], processes: int) -> list[str]:
    """Renew the validation figures of the models named, or of all that can be; returns the names of those renewed."""
    known = records(folder)
    for name in only:
        if name not in known:
            raise UserError(f"there is no model {name!r} in {folder}: use one of {', '.join(known)}.")
        if not can_be_measured(known[name]):
            raise UserError(
                f"{name} is judged on chains of attempts: outlay lab train measures it, this command does not."
            )
    wanted = {
        name: str(folder / name)
        for name, record in known.items()
        if (name in only if only else can_be_measured(record))
    }
    return list(side_by_side(renew, wanted, processes))


def renew(model: str) -> None:
    """Measure the model in a folder and write its figures down."""
    folder = Path(model)
    figures = validation_figures(model, QUESTIONS, SAMPLES)
    record = records(folder.parent)[folder.name]
    record["validation"] |= figures
    (folder / "outlay.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def can_be_measured(record: dict[str, Any]) -> bool:
    """Whether a model is a policy or a verifier of a policy's samples."""
    return record["role"] == "policy" or "reviser" not in record["training"]


def validation_figures(model: str, questions: int, samples: int) -> dict[str, Any]:
    """The figures of the model in a folder, as its training writes them; a verifier reads samples of its policy, beside it."""
    folder = Path(model)
    record = records(folder.parent)[folder.name]
    asked = tasks.load(record["task"]).questions("validation", questions)
    if record["role"] == "policy":
        pool = drawn_pool(model, asked, samples, 0)
        facts: dict[str, Any] = asdict(policy_figures(pool.correct, greedy_outcomes(model, asked, 0)))
        return dict(json_ready(facts))
    pool = drawn_pool(str(folder.parent / record["training"]["policy"]), asked, samples, 0)
    facts = asdict(verifier_figures(verifier_scores(model, pool), pool.correct, pool.valid))
    free = {"policy": pool.log_probability, "own": own_log_probabilities(model, pool)}
    for name, scores in free.items():
        if scores is not None:
            judged = verifier_figures(scores, pool.correct, pool.valid)
            facts[f"baseline_auc_within_question_of_{name}_log_probability"] = asdict(judged.auc_within_question)
    return dict(json_ready(facts))
