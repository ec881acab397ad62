"""Countdown: sizes, seeds, an over-trained and a self-taught model, verifiers, and a reviser that shows where revising fails."""

from __future__ import annotations

from dataclasses import replace

from outlay.lab.recipes.kinds import PolicyRecipe, RevisionRecipe, StarRecipe, VerifierRecipe

_SMALL = PolicyRecipe(
    name="countdown-small",
    task="countdown",
    size="small",
    demonstrations=240_000,
    steps=6000,
    tokens_per_step=3200,
    learning_rate=4e-3,
)
POLICIES = (
    _SMALL,
    *(replace(_SMALL, name=f"countdown-small-seed{seed}", seed_offset=seed) for seed in (1, 2)),
    replace(_SMALL, name="countdown-small-overtrained", demonstrations=960_000, steps=24_000),
    replace(_SMALL, name="countdown-medium", size="medium", learning_rate=3e-3),
    replace(_SMALL, name="countdown-large", size="large", learning_rate=2e-3),
)
STARS = (
    StarRecipe(
        name="countdown-small-star",
        task="countdown",
        base="countdown-small",
        split="train",
        questions=20_000,
        samples=4,
        steps=1500,
        tokens_per_step=3200,
        learning_rate=1e-3,
    ),
)
_PRM = VerifierRecipe(
    name="countdown-prm",
    task="countdown",
    policy="countdown-small",
    head="token_classification",
    questions=20_000,
    solutions=6,
    rollouts=4,
    outcome_questions=0,
    steps=8000,
    batch=1600,
    learning_rate=1e-3,
    head_learning_rate=1e-3,
)
VERIFIERS = (
    _PRM,
    replace(_PRM, name="countdown-prm-weak", questions=4_000, steps=300, report_every=100),
    replace(_PRM, name="countdown-prm-middling", questions=4_000, steps=1000, report_every=250),
    replace(_PRM, name="countdown-orm", questions=0, outcome_questions=20_000),
)
REVISERS = (
    RevisionRecipe(
        name="countdown-reviser",
        task="countdown",
        base="countdown-small",
        verifier="countdown-prm",
        split="prm",
        questions=12_000,
        samples=8,
        chains=3,
        context=4,
        positions=128,
        steps=1200,
        tokens_per_step=6250,
        learning_rate=1e-3,
        report_every=400,
    ),
)
