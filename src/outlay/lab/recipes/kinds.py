"""The kinds of recipes: what has to be said to make a policy, a verifier or a reviser, and in which order they need each other."""

from __future__ import annotations

from dataclasses import dataclass

SMALL = {"hidden": 64, "layers": 3, "heads": 4, "intermediate": 168}
MEDIUM = {"hidden": 128, "layers": 3, "heads": 4, "intermediate": 344}
LARGE = {"hidden": 192, "layers": 5, "heads": 6, "intermediate": 512}
FOUR_LAYERS = {"hidden": 160, "layers": 4, "heads": 5, "intermediate": 424}
ONE_LAYER = SMALL | {"layers": 1}
SIZES = {"small": SMALL, "medium": MEDIUM, "large": LARGE, "four-layers": FOUR_LAYERS, "one-layer": ONE_LAYER}
"""Small to large is a factor of about 14 in parameters, as in the paper's comparison of model sizes."""
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
    """How a policy is trained: demonstrations, steps of AdamW, tokens a step, peak learning rate.

    `seed_offset` is added to the seed for the first weights and the order of the data, not for the data.
    """

    name: str
    task: str
    size: str
    demonstrations: int
    steps: int
    tokens_per_step: int
    learning_rate: float
    seed_offset: int = 0

    @property
    def needs(self) -> tuple[str, ...]:
        """The models that must exist before it is made: none."""
        return ()


@dataclass(frozen=True, slots=True)
class StarRecipe:
    """How a policy is fine-tuned on its own right solutions (STaR, arXiv 2203.14465, one round).

    `samples` are drawn for each of `questions` of `split`; every different right one is read, whatever its question.
    """

    name: str
    task: str
    base: str
    split: str
    questions: int
    samples: int
    steps: int
    tokens_per_step: int
    learning_rate: float

    @property
    def needs(self) -> tuple[str, ...]:
        """The models that must exist before it is made."""
        return (self.base,)


@dataclass(frozen=True, slots=True)
class VerifierRecipe:
    """How a PRM or ORM is trained from a policy's own samples.

    `questions` x `solutions` get `rollouts` from the end of every step; `outcome_questions` more get their final outcome as
    every step's label; with these alone it is an ORM. `head` is `token_classification`, whose `batch` is tokens a step, or
    `self_channel`, whose `batch` is solutions a step. It starts from the policy's weights, or from those of `start`, a policy
    of another size. The weights are of the ranking and the language loss; every `report_every` steps the figures on
    validation questions are logged. `stops` names weaker verifiers, `name-suffix`, kept on the way after so many steps.
    """

    name: str
    task: str
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
    start: str = ""
    stops: tuple[tuple[str, int], ...] = ()

    @property
    def role(self) -> str:
        """`prm` where rollouts label its steps, `orm` where outcomes alone do."""
        return "prm" if self.questions else "orm"

    @property
    def names(self) -> tuple[str, ...]:
        """The models that it makes: the last one and those that were stopped early."""
        return (self.name, *(f"{self.name}-{suffix}" for suffix, _ in self.stops))

    @property
    def needs(self) -> tuple[str, ...]:
        """The models that must exist before it is made."""
        return (self.policy, self.start) if self.start else (self.policy,)


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

    @property
    def needs(self) -> tuple[str, ...]:
        """The models that must exist before it is made."""
        return (self.base,)


@dataclass(frozen=True, slots=True)
class OutcomeVerifierRecipe:
    """How an outcome reward model (ORM) is trained on a reviser's own attempts, from the weights of `policy`.

    `chains` of `length` attempts are drawn for each of `questions` of `prm`; an attempt's label is whether it is right. It reads
    the question, one attempt and, before them as a reviser does, the newest `context` attempts that this one revises. The head
    is a self-channel head, `batch` is attempts a step, and weights and rates mean what they mean in `VerifierRecipe`.
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
    context: int = 0
    head: str = "self_channel"
    stops: tuple[tuple[str, int], ...] = ()

    @property
    def solutions(self) -> int:
        """Attempts a question."""
        return self.chains * self.length

    @property
    def needs(self) -> tuple[str, ...]:
        """The models that must exist before it is made."""
        return (self.policy, self.reviser)


Recipe = PolicyRecipe | StarRecipe | VerifierRecipe | RevisionRecipe | OutcomeVerifierRecipe
