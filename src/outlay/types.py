"""The nouns: what a strategy asks for, what it gets back, and what a run leaves behind.

Everything here is a frozen dataclass with no behaviour beyond arithmetic. A *solution* is an attempt at a question, made
of *steps*; a *generation* is one complete solution's worth of sampling, rollouts included (the unit N of Snell et al.,
arXiv 2408.03314). Tokens are counted as the model's tokenizer counts them.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Until = Literal["step", "end"]
Purpose = Literal["solution", "critique"]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked.

    `text` is what the model reads (the prompt, without any solution); `reference` is the right answer where one is
    known: only graders and the verifier named `oracle` may look at it. `metadata` holds what a task needs to judge an
    answer, and descriptive fields such as a human difficulty level.
    """

    id: str
    text: str
    reference: str | None = None
    task: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a solution: its text, the tokens generated for it, and the sum of their log-probabilities.

    `logprob` is None where the model does not tell log-probabilities.
    """

    text: str
    tokens: int
    logprob: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Solution:
    """An attempt at a question, complete or not.

    `finished` is true when the model ended it itself; an attempt cut off by a length limit is `truncated` instead, has
    no answer and cannot be continued. `sample` is the ordinal of the request for it within its run (the order of asking,
    never of arrival).
    `chain` and `position` say where it stands in a sequence of revisions. `state` is the backend's own handle for going
    on from here (token ids, a cache key); nobody else reads it.
    """

    steps: tuple[Step, ...] = ()
    finished: bool = False
    answer: str | None = None
    step_scores: tuple[float, ...] = ()
    score: float | None = None
    sample: int = 0
    chain: int = 0
    position: int = 0
    truncated: bool = False
    state: Any = field(default=None, repr=False, compare=False, hash=False)

    @property
    def ended(self) -> bool:
        """Whether it can go no further: finished, or cut off."""
        return self.finished or self.truncated

    @property
    def text(self) -> str:
        """The whole text, steps joined as the model wrote them."""
        return "".join(step.text for step in self.steps)

    @property
    def tokens(self) -> int:
        """Tokens generated for it, over all its steps."""
        return sum(step.tokens for step in self.steps)

    @property
    def logprob(self) -> float | None:
        """Sum of its tokens' log-probabilities; None where the model does not tell them."""
        told = [step.logprob for step in self.steps if step.logprob is not None]
        return sum(told) if len(told) == len(self.steps) else None

    def numbered(self, sample: int, answer: str | None) -> Solution:
        """The same solution with its ordinal and its answer."""
        return Solution(  # written out: it is done for every sample, and `replace` takes several times as long
            self.steps,
            self.finished,
            answer,
            self.step_scores,
            self.score,
            sample,
            self.chain,
            self.position,
            self.truncated,
            self.state,
        )

    def scored(self, step_scores: Sequence[float], score: float | None) -> Solution:
        """The same solution with a verifier's step scores, and their aggregate."""
        return Solution(
            self.steps,
            self.finished,
            self.answer,
            tuple(step_scores),
            score,
            self.sample,
            self.chain,
            self.position,
            self.truncated,
            self.state,
        )


StepScores = tuple[float, ...]
"""A verifier's P(the final answer will be right), each in [0, 1]: one after each step of a solution, or one for the solution as
a whole (`(p,)`), or none at all (`()`): the score is *missing*, which is not the same as 0."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A request: draw `n` continuations of `prefix` (from the bare question where it is None).

    `until="end"` runs to the end of the solution, `until="step"` to the end of `steps` further steps (or of the
    solution, whichever comes first). `temperature=0` is greedy. `attempts` are earlier solutions that a revision model
    reads as its context, oldest first. The answer to it is a list of up to `n` Solutions.

    `append` is put after the prefix before the model goes on, and stands in the text; a prefix that had ended is open again. It is
    read, not generated, and each such continuation to the end is a generation of its own. What is drawn with the purpose
    "critique" is paid for like a solution and has no answer.
    """

    question: Question
    prefix: Solution | None = None
    n: int = 1
    until: Until = "end"
    steps: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    attempts: tuple[Solution, ...] = ()
    append: str = ""
    purpose: Purpose = "solution"


@dataclass(frozen=True, slots=True)
class Score:
    """A request: score these solutions, whole or partial. The answer is one StepScores for each, in order.

    A solution may come with the scores that the same verifier gave its first steps; those steps are not scored again.
    `attempts` are, for each solution, the earlier attempts that it revises, oldest first (empty where nothing is revised):
    a verifier that was made to reads them, any other ignores them.
    """

    question: Question
    solutions: tuple[Solution, ...]
    attempts: tuple[tuple[Solution, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Draw:
    """A request: `n` uniform numbers in [0, 1) from the run's seed, for breaking ties and for resampling."""

    n: int = 1


Request = Sample | Score | Draw


@dataclass(frozen=True, slots=True)
class Together:
    """Run these sub-strategies side by side; none waits for another. The answer is the list of what each returned."""

    parts: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """How a strategy ends: the chosen answer, the solution that carries it, and all finished candidates it chose from.

    `note` says where the strategy could not take its full form (lookahead with N = 1 degrades to best-of-N).
    """

    answer: str | None
    solution: Solution | None
    candidates: tuple[Solution, ...] = ()
    note: str = ""


Work = Generator[Any, Any, Any]
"""A strategy in progress: yields a Request, a list of Requests (served at once) or a Together; ends in a Choice."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What was spent, each kind of token in a field of its own.

    Tokens: `prompt_tokens` are prefilled by the model (of them `cached_tokens` came from a prefix cache and cost
    nothing), `generated_tokens` were sampled; `verifier_prompt_tokens` were read by a verifier (of them
    `verifier_cached_tokens` were remembered and cost nothing) and `verifier_generated_tokens` written by one. `flops` are
    floating-point operations, `usd` dollars, `seconds` wall time.
    `pilot`, `retried` and `cancelled` say how many of the generated tokens were spent on estimating difficulty, on
    repeated calls and on work that was thrown away: they are parts of the totals, not additions to them.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    verifier_prompt_tokens: int = 0
    verifier_generated_tokens: int = 0
    generations: float = 0.0
    calls: int = 0
    seconds: float = 0.0
    flops: float = 0.0
    usd: float = 0.0
    pilot: int = 0
    retried: int = 0
    cancelled: int = 0
    verifier_cached_tokens: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Field by field."""
        return Cost(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Cost)})


@dataclass(frozen=True, slots=True)
class Budget:
    """A hard cap on what one question may cost; None leaves a kind uncapped.

    >>> Budget(generations=16).generations
    16
    """

    generations: int | None = None
    tokens: int | None = None
    flops: float | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One run of one strategy on one question: what was asked, answered, drawn and spent.

    `chosen` is the index in `solutions` of the one that carries the answer. `solution_correct` is the grade of each
    solution, in their order (None where it was not graded), or empty when none was graded.
    """

    question: Question
    strategy: Mapping[str, Any]
    budget: Budget
    seed: int
    model: str
    verifier: str | None
    answer: str | None
    solutions: tuple[Solution, ...]
    cost: Cost
    chosen: int | None = None
    correct: bool | None = None
    note: str = ""
    solution_correct: tuple[bool | None, ...] = ()
