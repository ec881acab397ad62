"""Arithmetic with designed slips: sizes, seeds, an over-trained and a self-taught model, verifiers; and its clean control."""

from __future__ import annotations

from dataclasses import replace

from outlay.lab.recipes.kinds import PolicyRecipe, StarRecipe, VerifierRecipe

_SMALL = PolicyRecipe(
    name="arithmetic-small",
    task="arithmetic",
    size="small",
    demonstrations=100_000,
    steps=3500,
    tokens_per_step=3400,
    learning_rate=4e-3,
)
_CLEAN = replace(_SMALL, name="arithmetic-clean-small", task="arithmetic-clean")
POLICIES = (
    _SMALL,
    *(replace(_SMALL, name=f"arithmetic-small-seed{seed}", seed_offset=seed) for seed in (1, 2)),
    replace(_SMALL, name="arithmetic-small-overtrained", demonstrations=400_000, steps=14_000),
    replace(_SMALL, name="arithmetic-medium", size="medium", learning_rate=3e-3),
    replace(_SMALL, name="arithmetic-large", size="large", learning_rate=2e-3),
    _CLEAN,
    replace(_CLEAN, name="arithmetic-clean-large", size="four-layers", learning_rate=2.5e-3),
)
STARS = (
    StarRecipe(
        name="arithmetic-small-star",
        task="arithmetic",
        base="arithmetic-small",
        split="train",
        questions=20_000,
        samples=4,
        steps=1000,
        tokens_per_step=3400,
        learning_rate=1e-3,
    ),
)
_PRM = VerifierRecipe(
    name="arithmetic-prm",
    task="arithmetic",
    policy="arithmetic-small",
    head="self_channel",
    questions=4_000,
    solutions=4,
    rollouts=4,
    outcome_questions=16_000,
    steps=1000,
    batch=64,
    learning_rate=1e-3,
    head_learning_rate=3e-3,
    ranking_weight=1.0,
    language_weight=1.0,
    report_every=200,
    stops=(("weak", 50), ("middling", 75)),
)
VERIFIERS = (
    _PRM,
    replace(_PRM, name="arithmetic-orm", stops=(), questions=0, outcome_questions=20_000),
    replace(_PRM, name="arithmetic-prm-medium", stops=(), start="arithmetic-medium"),
    replace(_PRM, name="arithmetic-clean-prm", stops=(), task="arithmetic-clean", policy="arithmetic-clean-small"),
)
