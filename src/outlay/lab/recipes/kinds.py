"""The recipes behind the shipped models: every number that training depends on, in one place.

All were fixed on validation questions. S and L of a family read the same demonstrations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SMALL = {"hidden": 64, "layers": 3, "heads": 4, "intermediate": 168}
LARGE = {"hidden": 160, "layers": 4, "heads": 5, "intermediate": 424}
ONE_LAYER = SMALL | {"layers": 1}
FOURTEEN_TIMES = {"hidden": 192, "layers": 5, "heads": 6, "intermediate": 512}
SIZES = {"small": SMALL, "large": LARGE, "one-layer": ONE_LAYER}
SIZES_OF_TASK = {"arithmetic": {"large": FOURTEEN_TIMES}}
"""Where a task has a shape of its own for a size: m of about 14, as in the paper's comparison of model sizes."""
FAMILIES = ("countdown", "arithmetic", "arithmetic-clean", "halving")
POSITIONS = {
    "countdown": 64,
    "arithmetic": 128,
    "arithmetic-clean": 128,
    "halving": 32,
    "knowledge": 16,
    "programs": 64,
}


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


@dataclass(frozen=True, slots=True)
class RevisionRecipe:
    """How a reviser is fine-tuned from its base's own samples.

    `samples` are drawn for each of `questions` of `split`; every question with a right one gives `chains` training chains with
    0 to `context` wrong attempts in view. `tokens_per_step` hold about as many chains of each number of attempts. Every
    `report_every` steps the model revises its own attempts on validation questions; the best checkpoint is kept. `verifier` is
    the one that chooses between its attempts when it is measured.
    """

    name: str
    task: str
    base: str
    verifier: str
    split: str
    questions: int
    samples: int
    chains: int
    context: int
    positions: int
    steps: int
    tokens_per_step: int
    learning_rate: float
    report_every: int


@dataclass(frozen=True, slots=True)
class OutcomeVerifierRecipe:
    """How an outcome reward model (ORM) is trained on a reviser's own attempts, from the weights of `policy`.

    `chains` of `length` attempts are drawn for each of `questions` of `prm`; an attempt's label is whether it is right. It reads
    the question and one attempt, not the attempts before it. The head is a self-channel head, `batch` is attempts a step, and
    weights and rates mean what they mean in `VerifierRecipe`.
    """

    name: str
    task: str
    policy: str
    reviser: str
    questions: int
    chains: int
    length: int
    steps: int
    batch: int
    learning_rate: float
    head_learning_rate: float
    ranking_weight: float
    language_weight: float
    report_every: int
    head: str = "self_channel"

    @property
    def solutions(self) -> int:
        """Attempts a question."""
        return self.chains * self.length


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
_ARITHMETIC_LARGE = replace(_ARITHMETIC_SMALL, name="arithmetic-large", size="large", learning_rate=2e-3)
_HALVING_SMALL = PolicyRecipe(
    name="halving-small",
    task="halving",
    size="one-layer",
    demonstrations=300_000,
    steps=1000,
    tokens_per_step=3328,
    learning_rate=4e-3,
)
POLICIES = (
    _COUNTDOWN_SMALL,
    _COUNTDOWN_LARGE,
    _ARITHMETIC_SMALL,
    _ARITHMETIC_LARGE,
    replace(_ARITHMETIC_SMALL, name="arithmetic-clean-small", task="arithmetic-clean"),
    replace(_ARITHMETIC_LARGE, name="arithmetic-clean-large", task="arithmetic-clean", learning_rate=2.5e-3),
    _HALVING_SMALL,
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

_HALVING_REVISER = RevisionRecipe(
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
    _HALVING_REVISER,
    replace(_HALVING_REVISER, name="halving-reviser-early", steps=400, report_every=100),
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
OUTCOME_VERIFIERS = (
    OutcomeVerifierRecipe(
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
    ),
)
MODEL_NAMES = tuple(recipe.name for recipe in (*POLICIES, *REVISERS, *VERIFIERS, *OUTCOME_VERIFIERS))
