"""The recipes behind the shipped models: every number that training depends on, a file for each family.

All were fixed on validation questions. The sizes of a family (small, medium, large) read the same demonstrations.
"""

from __future__ import annotations

from outlay.lab.recipes import arithmetic, countdown, halving, knowledge, programs
from outlay.lab.recipes.kinds import (
    POSITIONS,
    SIZES,
    OutcomeVerifierRecipe,
    PolicyRecipe,
    Recipe,
    RevisionRecipe,
    StarRecipe,
    VerifierRecipe,
)

__all__ = [
    "FAMILIES",
    "MODEL_NAMES",
    "OUTCOME_VERIFIERS",
    "POLICIES",
    "POSITIONS",
    "RECIPES",
    "REVISERS",
    "SIZES",
    "STARS",
    "VERIFIERS",
    "OutcomeVerifierRecipe",
    "PolicyRecipe",
    "Recipe",
    "RevisionRecipe",
    "StarRecipe",
    "VerifierRecipe",
    "made_by",
]

FAMILIES = ("countdown", "arithmetic", "arithmetic-clean", "halving", "knowledge", "programs")
POLICIES = (*countdown.POLICIES, *arithmetic.POLICIES, *halving.POLICIES, *knowledge.POLICIES, *programs.POLICIES)
STARS = (*countdown.STARS, *arithmetic.STARS)
REVISERS = (*halving.REVISERS, *countdown.REVISERS)
VERIFIERS = (*countdown.VERIFIERS, *arithmetic.VERIFIERS, *knowledge.VERIFIERS, *programs.VERIFIERS)
OUTCOME_VERIFIERS = halving.OUTCOME_VERIFIERS
RECIPES: tuple[Recipe, ...] = (*POLICIES, *STARS, *REVISERS, *VERIFIERS, *OUTCOME_VERIFIERS)


def made_by(recipe: Recipe) -> tuple[str, ...]:
    """The models that a recipe makes: one, and for a verifier also those that are kept on the way."""
    return recipe.names if isinstance(recipe, VerifierRecipe) else (recipe.name,)


MODEL_NAMES = tuple(name for recipe in RECIPES for name in made_by(recipe))
