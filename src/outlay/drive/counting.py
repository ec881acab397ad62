"""The counting driver: what a study will cost, before a token is drawn.

Strategies run as they always do, over solutions of a stated typical length instead of a model's; their requests pass through
the same ledger as live ones. So the price of a search follows from its text and cannot drift away from it. Lengths are a
forecast: `Profile` says what was assumed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from outlay.cost import Ledger, Prices
from outlay.drive.running import Pending, Running, key, uniform
from outlay.errors import BudgetExhausted
from outlay.strategies import Strategy
from outlay.types import Budget, Cost, Draw, Question, Sample, Score, Solution, Step


@dataclass(frozen=True, slots=True)
class Profile:
    """Lengths to assume: steps a solution, tokens a step, tokens of a question's prompt.

    >>> Profile(steps=3, step_tokens=6, question_tokens=8).solution_tokens
    18
    """

    steps: int
    step_tokens: int
    question_tokens: int

    @property
    def solution_tokens(self) -> int:
        """Tokens of a whole solution."""
        return self.steps * self.step_tokens


def estimate(strategy: Strategy, budget: Budget, profile: Profile, prices: Prices | None = None) -> Cost:
    """The cost of one question under `strategy`, its solutions all as long as `profile` says."""
    question = Question("estimate", "")

    def prompt_tokens(asked: Question) -> int:
        """The question, where it is one, and the words that a strategy puts around it (or behind a solution)."""
        return (profile.question_tokens if asked.id else 0) + len(asked.text.split())

    ledger = Ledger(
        budget, prices or Prices(), profile.question_tokens, profile.solution_tokens, prompt_tokens=prompt_tokens
    )
    queue: deque[Pending] = deque()
    running = Running(strategy.solve(question, budget), queue.append)
    running.start()
    while queue:
        pending = queue.popleft()
        request = pending.request
        if isinstance(request, Draw):
            pending.done([uniform(pending.address, i) for i in range(request.n)])
        elif isinstance(request, Score):
            if not ledger.can_score(request):
                pending.fail(BudgetExhausted("estimate"))
                continue
            ledger.scored(request)
            pending.done([tuple(uniform(step.text) for step in s.steps) for s in request.solutions])
        else:
            _sample(pending, request, ledger, profile)
    return ledger.spent


def _sample(pending: Pending, request: Sample, ledger: Ledger, profile: Profile) -> None:
    n = ledger.affordable(request)
    if not n:
        pending.fail(BudgetExhausted("estimate"))
        return
    before = request.prefix.steps if request.prefix else ()
    most = profile.steps + (len(before) if request.append else 0)
    ahead = most if request.until == "end" else min(len(before) + request.steps, most)
    request = replace(request, n=n)
    ledger.asked(request)
    drawn = []
    for index in range(n):
        steps = tuple(
            Step(_words(key(pending.address, index, depth), profile.step_tokens), profile.step_tokens)
            for depth in range(len(before), ahead)
        )
        answer = str(key(pending.address, index) % 3) if ahead == most and request.purpose == "solution" else None
        drawn.append(Solution(before + steps, finished=ahead == most, answer=answer))
    ledger.answered(request, drawn)
    pending.done(drawn)


def _words(first: int, count: int) -> str:
    """A text of so many words, told from others by its first."""
    return f" {first}" + " x" * (count - 1)
