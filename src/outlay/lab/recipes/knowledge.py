"""Knowledge: facts to recall, seen with unequal frequency; the family on which samples should buy little."""

from __future__ import annotations

from outlay.lab.recipes.kinds import PolicyRecipe, VerifierRecipe

POLICIES = (
    PolicyRecipe(
        name="knowledge-small",
        task="knowledge",
        size="small",
        demonstrations=500_000,
        steps=1200,
        tokens_per_step=3000,
        learning_rate=4e-3,
    ),
)
VERIFIERS = (
    VerifierRecipe(
        name="knowledge-orm",
        task="knowledge",
        policy="knowledge-small",
        head="self_channel",
        questions=0,
        solutions=8,
        rollouts=0,
        outcome_questions=3_500,
        steps=600,
        batch=256,
        learning_rate=1e-3,
        head_learning_rate=3e-3,
        ranking_weight=1.0,
        language_weight=1.0,
        report_every=100,
    ),
)
