"""The recipes behind the shipped models: every number that training depends on, in one place.

All were fixed on validation questions. S and L of a family read the same demonstrations.
"""

from __future__ import annotations

from dataclasses import dataclass

SMALL = {"hidden": 64, "layers": 3, "heads": 4, "intermediate": 168}
LARGE = {"hidden": 160, "layers": 4, "heads": 5, "intermediate": 424}
FAMILIES = ("countdown", "arithmetic", "arithmetic-clean")
POSITIONS = {"countdown": 64, "arithmetic": 128, "arithmetic-clean": 128}


@dataclass(frozen=True, slots=True)
class PolicyRecipe:
    """How a policy is trained: demonstrations, steps of AdamW, tokens a step, peak learning rate."""

    name: str
    task: str
    size: str
    demonstrations: int
    steps: int
    tokens_per_step: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class VerifierRecipe:
    """How a PRM is trained from a policy's own samples.

    `questions` x `solutions` get `rollouts` from the end of every step; `outcome_questions` more (self-channel heads only) get
    their final outcome as every step's label. `head` is `token_classification` or `self_channel`.
    """

    name: str
    policy: str
    head: str
    questions: int
    solutions: int
    rollouts: int
    outcome_questions: int
    steps: int
    batch: int
    learning_rate: float
    head_learning_rate: float
    ranking_weight: float = 0.0
    language_weight: float = 0.0
    report_every: int = 1000

    @property
    def task(self) -> str:
        """The task of its policy."""
        return self.policy.rpartition("-")[0]


POLICIES = (
    PolicyRecipe("countdown-small", "countdown", "small", 240_000, 6000, 3200, 4e-3),
    PolicyRecipe("arithmetic-small", "arithmetic", "small", 100_000, 3500, 3400, 4e-3),
    PolicyRecipe("arithmetic-clean-small", "arithmetic-clean", "small", 100_000, 3500, 3400, 4e-3),
    PolicyRecipe("countdown-large", "countdown", "large", 240_000, 3000, 3200, 2.5e-3),
    PolicyRecipe("arithmetic-large", "arithmetic", "large", 100_000, 3000, 3400, 2.5e-3),
    PolicyRecipe("arithmetic-clean-large", "arithmetic-clean", "large", 100_000, 3000, 3400, 2.5e-3),
)
VERIFIERS = (
    VerifierRecipe("countdown-prm", "countdown-small", "token_classification", 20_000, 6, 4, 0, 8000, 1600, 1e-3, 1e-3),
    VerifierRecipe("arithmetic-prm", "arithmetic-small", "self_channel", 4_000, 4, 4, 16_000, 1000, 64, 1e-3, 3e-3, 1.0, 1.0),
    VerifierRecipe(
        "arithmetic-clean-prm", "arithmetic-clean-small", "self_channel", 4_000, 4, 4, 16_000, 1000, 64, 1e-3, 3e-3, 1.0, 1.0
    ),
)
