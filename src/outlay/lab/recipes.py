"""The recipes behind the shipped models: every number that training depends on, in one place.

All were fixed on validation questions. S and L of a family read the same demonstrations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    their final outcome as every step's label. `head` is `token_classification`, whose `batch` is tokens a step, or `self_channel`,
    whose `batch` is solutions a step. The weights are of the ranking and the language loss; every `report_every` steps
    the figures on validation questions are logged.
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


_COUNTDOWN_SMALL = PolicyRecipe(
    name="countdown-small",
    task="countdown",
    size="small",
    demonstrations=240_000,
    steps=6000,
    tokens_per_step=3200,
    learning_rate=4e-3,
)
_ARITHMETIC_SMALL = PolicyRecipe(
    name="arithmetic-small",
    task="arithmetic",
    size="small",
    demonstrations=100_000,
    steps=3500,
    tokens_per_step=3400,
    learning_rate=4e-3,
)
_COUNTDOWN_LARGE = replace(_COUNTDOWN_SMALL, name="countdown-large", size="large", steps=5000, learning_rate=2.5e-3)
_ARITHMETIC_LARGE = replace(_ARITHMETIC_SMALL, name="arithmetic-large", size="large", steps=1300, learning_rate=2.5e-3)
POLICIES = (
    _COUNTDOWN_SMALL,
    _COUNTDOWN_LARGE,
    _ARITHMETIC_SMALL,
    _ARITHMETIC_LARGE,
    replace(_ARITHMETIC_SMALL, name="arithmetic-clean-small", task="arithmetic-clean"),
    replace(_ARITHMETIC_LARGE, name="arithmetic-clean-large", task="arithmetic-clean", steps=3500),
)

_COUNTDOWN_PRM = VerifierRecipe(
    name="countdown-prm",
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
_ARITHMETIC_PRM = VerifierRecipe(
    name="arithmetic-prm",
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
)
VERIFIERS = (
    _COUNTDOWN_PRM,
    _ARITHMETIC_PRM,
    replace(_ARITHMETIC_PRM, name="arithmetic-clean-prm", policy="arithmetic-clean-small"),
)
