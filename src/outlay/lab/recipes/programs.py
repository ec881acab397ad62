"""Programs: code that is run against hidden tests, with tests that its author writes."""

from __future__ import annotations

from outlay.lab.recipes.kinds import PolicyRecipe, VerifierRecipe

POLICIES = (
    PolicyRecipe(
        name="programs-small",
        task="programs",
        size="small",
        demonstrations=240_000,
        steps=6000,
        tokens_per_step=3200,
        learning_rate=4e-3,
    ),
)
VERIFIERS = (
    VerifierRecipe(
        name="programs-prm",
        task="programs",
        policy="programs-small",
        head="self_channel",
        questions=3_000,
        solutions=4,
        rollouts=4,
        outcome_questions=3_000,
        steps=1000,
        batch=64,
        learning_rate=1e-3,
        head_learning_rate=3e-3,
        ranking_weight=1.0,
        language_weight=1.0,
        report_every=200,
    ),
)
