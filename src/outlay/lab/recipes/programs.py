"""Programs: code that is run against hidden tests, with tests that its author writes."""

from __future__ import annotations

from outlay.lab.recipes.kinds import PolicyRecipe, VerifierRecipe

POLICIES = (
    PolicyRecipe(
        name="programs-medium",
        task="programs",
        size="medium",
        demonstrations=240_000,
        steps=10_000,
        tokens_per_step=3200,
        learning_rate=3e-3,
    ),
)
VERIFIERS = (
    VerifierRecipe(
        name="programs-prm",
        task="programs",
        policy="programs-medium",
        head="token_classification",
        questions=4_000,
        solutions=6,
        rollouts=4,
        outcome_questions=0,
        steps=3000,
        batch=1600,
        learning_rate=1e-3,
        head_learning_rate=1e-3,
        report_every=500,
    ),
)
