"""Tokens to FLOPs and money, and the ledger that keeps a run inside its budget.

A forward pass costs 2 x parameters FLOPs a token, a training pass 6 x parameters (Snell et al., section 7). A *generation*
is one complete solution's worth of sampling. Whole solutions count one each, and so does what goes on to the end after a text that
was put behind an earlier solution; step-wise search counts, at every depth, the
steps drawn there plus the steps rolled out from there, and the widest depth is what it costs: N for beam search with N beams,
N (k + 1) for lookahead with k steps.

The ledger counts what a server with a prefix cache would do: a question is prefilled once a run, what a run has generated is
never prefilled again, and a verifier reads each step once. So its figures do not depend on batch size or order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from outlay.types import Budget, Cost, Question, Sample, Score, Solution


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
        usd = (
            self.usd_prompt * fresh
            + self.usd_cached * cost.cached_tokens
            + self.usd_generated * cost.generated_tokens
            + self.usd_verifier_prompt * cost.verifier_prompt_tokens
            + self.usd_verifier_generated * cost.verifier_generated_tokens
        ) / 1e6
        return replace(cost, flops=flops, usd=usd)


def training_flops(parameters: int, tokens: int) -> float:
    """FLOPs of training on that many tokens: 6 x parameters x tokens."""
    return 6.0 * parameters * tokens


_Texts = tuple[tuple[str, ...], tuple[str, ...]]
"""What a verifier has read: the texts of the earlier attempts, and those of the steps."""


@dataclass(slots=True)
class Ledger:
    """What one run of a strategy on one question has spent, and whether its next request still fits the budget.

    `question_tokens` is the question's length, `max_tokens` the longest solution that a request can draw; `prompt_tokens` measures
    what a request asks, where a strategy may put the question into a prompt of its own. A request that goes
    out (`asked`) is charged for its prompt at once, and the most that it can generate is held back until it comes home
    (`answered`): requests that are out side by side cannot overdraw the budget together. With `counts_prompts=False` prompts are
    entered as a server reports them (`prompted`), after the call; until then a token a byte is held back. `verifier_attempts` is
    how many earlier attempts the verifier reads before the one that it scores.
    """

    budget: Budget
    prices: Prices
    question_tokens: int
    max_tokens: int
    counts_prompts: bool = True
    prompt_tokens: Callable[[Question], int] | None = None
    verifier_attempts: int = 0
    spent: Cost = field(default_factory=Cost)
    _held: int = 0
    _held_prompts: int = 0
    _whole: int = 0
    _width: dict[int, int] = field(default_factory=dict)
    _prefilled: set[str] = field(default_factory=set)
    _read: set[_Texts] = field(default_factory=set)

    def affordable(self, request: Sample) -> int:
        """How many of the request's `n` continuations are sure to fit what is left, at their longest; 0 if none."""
        return next(
            (
                n
                for n in range(request.n, 0, -1)
                if self._fits(self._with(request, n), n * self._longest(request), self._unreported(request, n))
            ),
            0,
        )

    def asked(self, request: Sample) -> None:
        """Enter a Sample request that goes out."""
        self.spent = self.prices.price(self._with(request, request.n))
        self._held += request.n * self._longest(request)
        self._held_prompts += self._unreported(request, request.n)
        self._prefilled.add(request.question.text)
        if _is_whole(request):
            self._whole += request.n
        else:
            self._width[_depth(request)] = self._width.get(_depth(request), 0) + _widening(request, request.n)

    def answered(self, request: Sample, continuations: Sequence[Solution]) -> None:
        """Enter what a request gave: `continuations` are its solutions, prefix included."""
        before = request.prefix.tokens if request.prefix else 0
        generated = sum(solution.tokens - before for solution in continuations)
        self._held -= request.n * self._longest(request)
        self._held_prompts -= self._unreported(request, request.n)
        self.spent = self.prices.price(replace(self.spent, generated_tokens=self.spent.generated_tokens + generated))

    def prompted(self, tokens: int, cached: int, calls: int = 0) -> None:
        """Enter prompt tokens as a server counted them, `cached` of them from its prefix cache.

        `calls` are those beyond the one that was entered when the request went out.
        """
        self.spent = self.prices.price(
            replace(
                self.spent,
                prompt_tokens=self.spent.prompt_tokens + tokens,
                cached_tokens=self.spent.cached_tokens + cached,
                calls=self.spent.calls + calls,
            )
        )

    def wasted(self, cost: Cost) -> None:
        """Enter what was paid for in vain: calls that had to be repeated, work that was cancelled."""
        self.spent = self.prices.price(self.spent + cost)

    def can_score(self, request: Score) -> bool:
        """Whether a Score request fits the budget."""
        return self._uncapped() or self._fits(self._with_reading(self._reading(request)[0]), 0)

    def scored(self, request: Score) -> None:
        """Enter a Score request: every step that was not read before is charged once."""
        tokens, read = self._reading(request)
        self._read |= read
        self.spent = self.prices.price(self._with_reading(tokens))

    def _with(self, request: Sample, n: int) -> Cost:
        """What will have been spent once `n` continuations have been asked for, before any token of them."""
        context = sum(attempt.tokens for attempt in request.attempts)
        asked = self.question_tokens if self.prompt_tokens is None else self.prompt_tokens(request.question)
        appended = self._appended(request)
        prompt = n * (asked + context + (request.prefix.tokens if request.prefix else 0) + appended)
        fresh = context + appended + (0 if request.question.text in self._prefilled and not context else asked)
        whole, width = self._whole, max(self._width.values(), default=0)
        if _is_whole(request):
            whole += n
        else:
            width = max(width, self._width.get(_depth(request), 0) + _widening(request, n))
        if not self.counts_prompts:
            prompt = fresh = 0
        return replace(
            self.spent,
            prompt_tokens=self.spent.prompt_tokens + prompt,
            calls=self.spent.calls + 1,
            cached_tokens=self.spent.cached_tokens + prompt - fresh,
            generations=float(whole + width),
        )

    def _with_reading(self, tokens: int) -> Cost:
        return replace(
            self.spent, verifier_prompt_tokens=self.spent.verifier_prompt_tokens + tokens, calls=self.spent.calls + 1
        )

    def _fits(self, total: Cost, at_most: int, prompts: int = 0) -> bool:
        """Whether `total`, everything that is out and `at_most` more generated tokens (`prompts` more read) fit every cap."""
        budget = self.budget
        if budget.generations is not None and total.generations > budget.generations:
            return False
        if self._uncapped():
            return True  # the usual case, and pricing takes longer than all the rest
        total = self.prices.price(
            replace(
                total,
                generated_tokens=total.generated_tokens + self._held + at_most,
                prompt_tokens=total.prompt_tokens + self._held_prompts + prompts,
            )
        )
        caps = ((budget.tokens, total.generated_tokens), (budget.flops, total.flops), (budget.usd, total.usd))
        return all(cap is None or value <= cap for cap, value in caps)

    def _uncapped(self) -> bool:
        """Whether only generations are capped, which reading does not add to."""
        return self.budget.tokens is None and self.budget.flops is None and self.budget.usd is None

    def _longest(self, request: Sample) -> int:
        """The most tokens that one continuation of the request can have."""
        return max(self.max_tokens - (request.prefix.tokens if request.prefix and not request.append else 0), 0)

    def _appended(self, request: Sample) -> int:
        """Tokens of the text that is put after the prefix; a token a word where nobody measures."""
        if not request.append:
            return 0
        if self.prompt_tokens is None:
            return len(request.append.split())
        return self.prompt_tokens(Question("", request.append))

    def _unreported(self, request: Sample, n: int) -> int:
        """The most tokens that a server may report as read for the request: no token is shorter than a byte."""
        if self.counts_prompts:
            return 0
        return n * len(
            (request.question.text + (request.prefix.text if request.prefix else "") + request.append).encode()
        )

    def _reading(self, request: Score) -> tuple[int, set[_Texts]]:
        """The tokens that a verifier has to read for a request, and the texts that it will have read then.

        A verifier that reads earlier attempts reads them again with every solution that has others.
        """
        tokens, read = 0, set[_Texts]()
        for index, solution in enumerate(request.solutions):
            before = request.attempts[index] if request.attempts and self.verifier_attempts else ()
            before = before[-self.verifier_attempts :]
            context = tuple(attempt.text for attempt in before)
            texts = [
                (context, tuple(step.text for step in solution.steps[:depth]))
                for depth in range(len(solution.steps) + 1)
            ]
            seen = next(
                (
                    depth
                    for depth in range(len(texts) - 1, -1, -1)
                    if texts[depth] in self._read or texts[depth] in read
                ),
                None,
            )
            if seen is None:
                tokens += self.question_tokens + sum(attempt.tokens for attempt in before)
            tokens += sum(step.tokens for step in solution.steps[seen or 0 :])
            read.update(texts)
        return tokens, read


def _is_whole(request: Sample) -> bool:
    return request.until == "end" and (request.prefix is None or bool(request.append))


def _depth(request: Sample) -> int:
    return len(request.prefix.steps) if request.prefix else 0


def _widening(request: Sample, n: int) -> int:
    """Steps that a request adds at its depth: rollouts count each of their steps, a run to the end counts one solution."""
    return n * (request.steps if request.until == "step" else 1)
