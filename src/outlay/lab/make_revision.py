"""The stages of `outlay lab train` that make revisers, and the outcome verifiers of their attempts.

Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from outlay import tasks
from outlay.lab import revision
from outlay.lab.chains import chain_figures, numbered
from outlay.lab.labels import LabelledSolution
from outlay.lab.network import Weights, seeded
from outlay.lab.policy import validate_policy
from outlay.lab.recipes import REVISERS, OutcomeVerifierRecipe, RevisionRecipe
from outlay.lab.train import (
    VALIDATION_QUESTIONS,
    VALIDATION_SAMPLES,
    Labelled,
    as_shipped,
    computed_on,
    fit_verifier,
    log_probability_auc,
    read_policy,
    write_policy,
)
from outlay.lab.vocabulary import vocabulary_of
from outlay.types import Question

POSITIONS = 8
"""Attempts in the chains that are drawn on validation questions."""
CHECKPOINT_QUESTIONS = 200
"""Validation questions on which checkpoints are compared."""

Log = Callable[[str], None]


def make_reviser(recipe: RevisionRecipe, out: Path, seed: int, log: Log) -> None:
    """Fine-tune a base on chains of its own samples, keep the checkpoint that revises best, and write its folder."""
    started = time.perf_counter()
    base, base_shape = read_policy(out / recipe.base)
    shape = replace(base_shape, positions=recipe.positions)
    task, vocabulary = tasks.load(recipe.task), vocabulary_of(recipe.task)
    generator = seeded(seed)
    questions = task.questions(recipe.split, recipe.questions, seed)
    chains = revision.training_chains(base, shape, task, vocabulary, questions, recipe, generator)
    log(f"{recipe.name}: {len(chains):,} chains from {len(questions):,} questions")
    asked = task.questions("validation", VALIDATION_QUESTIONS)

    def revised(weights: Weights, count: int) -> revision.Revised:
        own = seeded(seed)
        return revision.revise(weights, shape, task, vocabulary, asked[:count], 1, POSITIONS, recipe.context, own)

    def by_position(weights: Weights) -> list[float]:
        return [float(right) for right in revised(weights, CHECKPOINT_QUESTIONS).correct.mean(axis=(0, 1))]

    weights, history = revision.train_reviser(base, shape, chains, recipe, seed, log, by_position)
    seconds = round(time.perf_counter() - started)
    rounded = as_shipped(weights)
    without = validate_policy(rounded, shape, recipe.task, VALIDATION_QUESTIONS, VALIDATION_SAMPLES)
    found = revised(rounded, VALIDATION_QUESTIONS)
    answers = numbered(
        [[task.extract(vocabulary.decode(attempt[:-1])) for attempt in own] for (own,) in found.attempts]
    ).reshape(found.correct.shape)
    figures = asdict(without) | asdict(chain_figures(found.correct, answers, found.correct.mean(axis=(1, 2))))
    del figures["quintile_position_accuracy"]
    log(f"{recipe.name}: {figures}")
    facts = asdict(recipe) | {"chains_read": len(chains), "seed": seed, "seconds": seconds} | computed_on()
    checkpoints = [asdict(checkpoint) for checkpoint in history]
    write_policy(
        out / recipe.name, recipe.task, rounded, shape, facts, figures, attempts=recipe.context, checkpoints=checkpoints
    )


def make_outcome_verifier(recipe: OutcomeVerifierRecipe, out: Path, seed: int, log: Log) -> None:
    """Draw a reviser's chains, learn to tell its right attempts from its wrong ones, and write the verifier's folder."""
    started = time.perf_counter()
    policy, policy_shape = read_policy(out / recipe.policy)
    reviser, reviser_shape = read_policy(out / recipe.reviser)
    context = next(known.context for known in REVISERS if known.name == recipe.reviser)
    task, vocabulary = tasks.load(recipe.task), vocabulary_of(recipe.task)
    generator = seeded(seed)

    def attempts(questions: list[Question]) -> list[LabelledSolution]:
        revised = revision.revise(
            reviser, reviser_shape, task, vocabulary, questions, recipe.chains, recipe.length, context, generator
        )
        return revision.judged_attempts(revised, questions, vocabulary, recipe.context)

    training = attempts(task.questions("prm", recipe.questions, seed))
    validation = attempts(task.questions("validation", VALIDATION_QUESTIONS))
    log(f"{recipe.name}: {len(training):,} attempts, {sum(item.correct for item in training):,} of them right")
    baseline = log_probability_auc(policy, policy_shape, validation)
    data = Labelled(training, validation, baseline, round(time.perf_counter() - started))
    fit_verifier(recipe, policy, policy_shape, data, out, seed, log, "orm")
