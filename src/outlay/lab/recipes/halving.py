"""Halving: a base of one layer, a strong and a weak reviser, and the verifier of their attempts."""

from __future__ import annotations

from dataclasses import replace

from outlay.lab.recipes.kinds import OutcomeVerifierRecipe, PolicyRecipe, RevisionRecipe

POLICIES = (
    PolicyRecipe(
        name="halving-small",
        task="halving",
        size="one-layer",
        demonstrations=300_000,
        steps=1000,
        tokens_per_step=3328,
        learning_rate=4e-3,
    ),
)

_REVISER = RevisionRecipe(
    name="halving-reviser",
    task="halving",
    base="halving-small",
    verifier="halving-orm",
    split="revision",
    questions=30_000,
    samples=8,
    chains=4,
    context=4,
    positions=80,
    steps=3000,
    tokens_per_step=6250,
    learning_rate=4e-3,
    report_every=500,
)
REVISERS = (
    _REVISER,
    replace(_REVISER, name="halving-reviser-early", steps=400, report_every=100),
)
_ORM = OutcomeVerifierRecipe(
    name="halving-orm",
    task="halving",
    policy="halving-small",
    reviser="halving-reviser",
    questions=8_000,
    chains=4,
    length=2,
    steps=1500,
    batch=96,
    learning_rate=1e-3,
    head_learning_rate=3e-3,
    ranking_weight=1.0,
    language_weight=1.0,
    report_every=250,
)
OUTCOME_VERIFIERS = (
    _ORM,
    replace(_ORM, name="halving-orm-history", policy="halving-reviser", chains=2, length=4, context=4),
)
