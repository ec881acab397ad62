"""Tokens to FLOPs and money, and the ledger that keeps a run inside its budget.

A forward pass costs 2 x parameters FLOPs a token, a training pass 6 x parameters (Snell et al., section 7). A *generation*
is one complete solution's worth of sampling. Whole solutions count one each; step-wise search counts, at every depth, the
steps drawn there plus the steps rolled out from there, and the widest depth is what it costs: N for beam search with N beams,
N (k + 1) for lookahead with k steps.

The ledger counts what a server with a prefix cache would do: a question is prefilled once a run, what a run has generated is
never prefilled again, and a verifier reads each step once. So its figures do not depend on batch size or order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from outlay.types import Budget, Cost, Sample, Solution


@dataclass(frozen=True, slots=True)
class Prices:
    """What a token costs: parameters of model and verifier (FLOPs), and dollars per million tokens of each kind.

    >>> Prices(parameters=1_000_000).price(Cost(generated_tokens=10)).flops
    20000000.0
    """

    parameters: int = 0
    verifier_parameters: int = 0
    usd_prompt: float = 0.0
    usd_cached: float = 0.0
    usd_generated: float = 0.0
    usd_verifier_prompt: float = 0.0
    usd_verifier_generated: float = 0.0

    def price(self, cost: Cost) -> Cost:
        """The same cost with `flops` and `usd` filled in from its tokens; cached prompt tokens cost no FLOPs."""
        fresh = cost.prompt_tokens - cost.cached_tokens
        read = cost.verifier_prompt_tokens + cost.verifier_generated_tokens
        flops = 2.0 * self.parameters * (fresh + cost.generated_tokens) + 2.0 * self.verifier_parameters * read
        usd = (self.usd_prompt * fresh + self.usd_cached * cost.cached_tokens + self.usd_generated * cost.generated_tokens
               + self.usd_verifier_prompt * cost.verifier_prompt_tokens
               + self.usd_verifier_generated * cost.verifier_generated_tokens) / 1e6
        return replace(cost, flops=flops, usd=usd)


def training_flops(parameters: int, tokens: int) -> float:
    """FLOPs of training on that many tokens: 6 x parameters x tokens."""
    return 6.0 * parameters * tokens


@dataclass(slots=True)
class Ledger:
    """What one run of a strategy on one question has spent, and whether its next request still fits the budget.

    `question_tokens` is the prompt's length, `max_tokens` the longest solution that a request can draw.
    """

    budget: Budget
    prices: Prices
    question_tokens: int
    max_tokens: int
    spent: Cost = field(default_factory=Cost)
    _whole: int = 0
    _width: dict[int, int] = field(default_factory=dict)
    _prefilled: bool = False
    _read: set[tuple[str, ...]] = field(default_factory=set)

    def affordable(self, request: Sample) -> int:
        """How many of the request's `n` continuations are sure to fit what is left, at their longest; 0 if none."""
        return next((n for n in range(request.n, 0, -1) if self._fits(self._worst(request, n))), 0)

    def can_score(self, solutions: Sequence[Solution]) -> bool:
        """Whether scoring these solutions fits the budget."""
        return self._fits(self.prices.price(replace(self.spent, verifier_prompt_tokens=self.spent.verifier_prompt_tokens
                                                    + sum(self._unread(s) for s in solutions))))

    def sampled(self, request: Sample, continuations: Sequence[Solution]) -> None:
        """Enter a served Sample request: `continuations` are the solutions it gave, prefix included."""
        before = request.prefix.tokens if request.prefix else 0
        generated = sum(solution.tokens - before for solution in continuations)
        prompt, cached = self._prompt(request, request.n)
        self._prefilled = True
        self._widen(request, request.n)
        self.spent = self.prices.price(replace(
            self.spent, prompt_tokens=self.spent.prompt_tokens + prompt, cached_tokens=self.spent.cached_tokens + cached,
            generated_tokens=self.spent.generated_tokens + generated, calls=self.spent.calls + 1,
            generations=float(self._generations())))

    def scored(self, solutions: Sequence[Solution]) -> None:
        """Enter a served Score request: every step that was not read before is charged once."""
        read = 0
        for solution in solutions:
            read += self._unread(solution)
            texts = tuple(step.text for step in solution.steps)
            self._read.update(texts[: depth + 1] for depth in range(len(texts)))
        self.spent = self.prices.price(replace(
            self.spent, verifier_prompt_tokens=self.spent.verifier_prompt_tokens + read, calls=self.spent.calls + 1))

    def _worst(self, request: Sample, n: int) -> Cost:
        prompt, cached = self._prompt(request, n)
        before = request.prefix.tokens if request.prefix else 0
        width = dict(self._width)
        whole = self._whole
        if request.until == "end" and request.prefix is None:
            whole += n
        else:
            depth = _depth(request)
            width[depth] = width.get(depth, 0) + n * (request.steps if request.until == "step" else 1)
        return self.prices.price(replace(
            self.spent, prompt_tokens=self.spent.prompt_tokens + prompt, cached_tokens=self.spent.cached_tokens + cached,
            generated_tokens=self.spent.generated_tokens + n * max(self.max_tokens - before, 0),
            generations=float(whole + max(width.values(), default=0))))

    def _fits(self, total: Cost) -> bool:
        caps = ((self.budget.generations, total.generations), (self.budget.tokens, total.generated_tokens),
                (self.budget.flops, total.flops), (self.budget.usd, total.usd))
        return all(cap is None or value <= cap for cap, value in caps)

    def _prompt(self, request: Sample, n: int) -> tuple[int, int]:
        context = sum(attempt.tokens for attempt in request.attempts)
        before = request.prefix.tokens if request.prefix else 0
        prompt = n * (self.question_tokens + context + before)
        fresh = context + (0 if self._prefilled and not context else self.question_tokens)
        return prompt, prompt - fresh

    def _widen(self, request: Sample, n: int) -> None:
        if request.until == "end" and request.prefix is None:
            self._whole += n
        else:
            depth = _depth(request)
            self._width[depth] = self._width.get(depth, 0) + n * (request.steps if request.until == "step" else 1)

    def _generations(self) -> int:
        return self._whole + max(self._width.values(), default=0)

    def _unread(self, solution: Solution) -> int:
        texts = tuple(step.text for step in solution.steps)
        seen = next((depth for depth in range(len(texts), 0, -1) if texts[:depth] in self._read), 0)
        fresh = sum(step.tokens for step in solution.steps[seen:])
        return fresh + (0 if self._read else self.question_tokens)


def _depth(request: Sample) -> int:
    return len(request.prefix.steps) if request.prefix else 0
