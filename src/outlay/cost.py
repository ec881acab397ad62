"""Tokens to FLOPs and money, and the ledger that keeps a run inside its budget.

A forward pass costs 2 x parameters FLOPs a token, a training pass 6 x parameters (Snell et al., section 7). A *generation*
is one complete solution's worth of sampling. Step-wise search counts, at every depth, the steps drawn there, the steps rolled
out from there, and the runs to the end that have begun there or before; the widest depth is what it costs: N for N whole solutions,
N for beam search with N beams, N (k + 1) for lookahead with k steps, N for a tree search of N simulations, N for a solution that is
made to go on N - 1 times.

The ledger counts what a server with a prefix cache would do: a question is prefilled once a run, what a run has generated is
never prefilled again, and a verifier reads each step once. So its figures do not depend on batch size or order. How often a
verifier reads a text (not at all, once, once for each member of an ensemble) it says in its `Reads`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from outlay.types import Budget, Cost, Question, Sample, Score, Solution, StepScores


@dataclass(frozen=True, slots=True)
class Prices:
    """What a token costs: parameters of model and verifier (FLOPs), and dollars per million tokens of each kind.

    >>> Prices(parameters=1_000_000).price(Cost(generated_tokens=10)).flops
    20000000.0
    """

    parameters: int = 0
    verifier_parameters: float = 0
    usd_prompt: float = 0.0
    usd_cached: float = 0.0
    usd_generated: float = 0.0
    usd_verifier_prompt: float = 0.0
    usd_verifier_generated: float = 0.0

    def price(self, cost: Cost) -> Cost:
        """The same cost with `flops` and `usd` filled in from its tokens; cached tokens cost no FLOPs."""
        fresh = cost.prompt_tokens - cost.cached_tokens
        judged = cost.verifier_prompt_tokens - cost.verifier_cached_tokens
        read = judged + cost.verifier_generated_tokens
        flops = 2.0 * self.parameters * (fresh + cost.generated_tokens) + 2.0 * self.verifier_parameters * read
        usd = (
            self.usd_prompt * fresh
            + self.usd_cached * cost.cached_tokens
            + self.usd_generated * cost.generated_tokens
            + self.usd_verifier_prompt * judged
            + self.usd_verifier_generated * cost.verifier_generated_tokens
        ) / 1e6
        return replace(cost, flops=flops, usd=usd)


def training_flops(parameters: int, tokens: int) -> float:
    """FLOPs of training on that many tokens: 6 x parameters x tokens."""
    return 6.0 * parameters * tokens


@dataclass(frozen=True, slots=True)
class Reads:
    """What scoring makes a verifier read and write, as the ledger charges it.

    It reads question and steps `times` (0: nothing; an ensemble of two reads twice), with the `attempts` newest earlier attempts
    before them, and writes at most `writes` tokens for each solution. With `reported` it tells itself what it used (a served
    model, whose prompt the ledger cannot count): until then the least that it can read and the most that it can write is held back.
    """

    times: int = 1
    attempts: int = 0
    writes: int = 0
    reported: bool = False


class Scored(list[StepScores]):
    """Scores that say what they cost: a list of StepScores, as every verifier gives.

    `known[i]` is how many of the readings of solution i were remembered, not made; `spent` what a verifier that reports counted.

    >>> Scored([(0.5,), ()], known={1: 1}).known
    {1: 1}
    """

    def __init__(
        self, scores: Iterable[StepScores], known: Mapping[int, int] | None = None, spent: Cost | None = None
    ) -> None:
        super().__init__(scores)
        self.known, self.spent = dict(known or {}), spent


_Texts = tuple[tuple[str, ...], tuple[str, ...]]
"""What a verifier has read: the texts of the earlier attempts, and those of the steps."""


@dataclass(slots=True)
class Ledger:
    """What one run of a strategy on one question has spent, and whether its next request still fits the budget.

    `question_tokens` is the question's length, `max_tokens` the longest solution that a request can draw; `prompt_tokens` measures
    what a request asks, where a strategy may put the question into a prompt of its own. A request that goes
    out (`asked`) is charged for its prompt at once, and the most that it can generate is held back until it comes home
    (`answered`): requests that are out side by side cannot overdraw the budget together. With `counts_prompts=False` prompts are
    entered as a server reports them (`reported`), after the call; until then a token a byte is held back. `reads` is what the
    verifier reads.
    """

    budget: Budget
    prices: Prices
    question_tokens: int
    max_tokens: int
    counts_prompts: bool = True
    prompt_tokens: Callable[[Question], int] | None = None
    reads: Reads = Reads()
    spent: Cost = field(default_factory=Cost)
    _held: int = 0
    _held_prompts: int = 0
    _stepped: dict[int, int] = field(default_factory=dict)
    _run: dict[int, int] = field(default_factory=dict)
    _prefilled: set[str] = field(default_factory=set)
    _read: set[_Texts] = field(default_factory=set)
    _judging: dict[int, tuple[int, set[_Texts]]] = field(default_factory=dict)
    _held_reading: int = 0
    _held_writing: int = 0

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
        counted = self._run if request.until == "end" else self._stepped
        counted[_depth(request)] = counted.get(_depth(request), 0) + _widening(request, request.n)

    def answered(self, request: Sample, continuations: Sequence[Solution]) -> None:
        """Enter what a request gave: `continuations` are its solutions, prefix included."""
        before = request.prefix.tokens if request.prefix else 0
        generated = sum(solution.tokens - before for solution in continuations)
        self._held -= request.n * self._longest(request)
        self._held_prompts -= self._unreported(request, request.n)
        self.spent = self.prices.price(replace(self.spent, generated_tokens=self.spent.generated_tokens + generated))

    def reported(self, cost: Cost) -> None:
        """Enter what a server said of a request after it.

        That is its prompt (and what of it came from a prefix cache), calls beyond the one that was entered when it went out, and
        what was paid for in vain: calls that had to be repeated, work that was cancelled.
        """
        self.spent = self.prices.price(self.spent + cost)

    def can_score(self, request: Score) -> bool:
        """Whether a Score request fits the budget."""
        if self._uncapped():
            return True
        total = self._with_reading(self._reading(request)[0] * self.reads.times)
        written = total.verifier_generated_tokens + self.reads.writes * len(request.solutions)
        return self._fits(replace(total, verifier_generated_tokens=written), 0)

    def scored(self, request: Score) -> None:
        """Enter a Score request that goes out: every step that was not read before is charged once.

        For a verifier that reports what it used this is held back, and charged when it has (`judged`).
        """
        tokens, read = self._reading(request)
        tokens *= self.reads.times
        self._judging[id(request)] = tokens, read - self._read
        self._read |= read
        if self.reads.reported:
            self._held_reading += tokens
            self._held_writing += self.reads.writes * len(request.solutions)
        else:
            self.spent = self.prices.price(self._with_reading(tokens))

    def judged(self, request: Score, scores: Sequence[StepScores]) -> None:
        """Enter the scores that a request gave: what its verifier reports, and what of its reading was remembered."""
        tokens, first_read = self._judging.pop(id(request))
        if self.reads.reported:
            self._held_reading -= tokens
            self._held_writing -= self.reads.writes * len(request.solutions)
            spent = scores.spent if isinstance(scores, Scored) else None
            self.spent = self.prices.price(self.spent + (spent or Cost()))
        elif isinstance(scores, Scored) and scores.known:
            self._read -= first_read
            cached = self.spent.verifier_cached_tokens + tokens - self._really_read(request, scores.known)
            self.spent = self.prices.price(replace(self.spent, verifier_cached_tokens=cached))

    def _really_read(self, request: Score, known: Mapping[int, int]) -> int:
        """The tokens that had to be read for a request of which some readings were remembered."""
        total, newly = 0, set[_Texts]()
        for reading in range(self.reads.times):
            places = [i for i in range(len(request.solutions)) if known.get(i, 0) + reading < self.reads.times]
            attempts = tuple(request.attempts[i] for i in places) if request.attempts else ()
            rest = replace(request, solutions=tuple(request.solutions[i] for i in places), attempts=attempts)
            tokens, read = self._reading(rest)
            total += tokens
            newly = read if reading == 0 else newly
        self._read |= newly
        return total

    def _with(self, request: Sample, n: int) -> Cost:
        """What will have been spent once `n` continuations have been asked for, before any token of them."""
        context = sum(attempt.tokens for attempt in request.attempts)
        asked = self.question_tokens if self.prompt_tokens is None else self.prompt_tokens(request.question)
        appended = self._appended(request)
        prompt = n * (asked + context + (request.prefix.tokens if request.prefix else 0) + appended)
        fresh = context + appended + (0 if request.question.text in self._prefilled and not context else asked)
        if not self.counts_prompts:
            prompt = fresh = 0
        return replace(
            self.spent,
            prompt_tokens=self.spent.prompt_tokens + prompt,
            calls=self.spent.calls + 1,
            cached_tokens=self.spent.cached_tokens + prompt - fresh,
            generations=float(self._widest(request, n)),
        )

    def _widest(self, request: Sample, n: int) -> int:
        """The most that is drawn at one depth, `n` continuations of the request included."""
        at, more, to_the_end = _depth(request), _widening(request, n), request.until == "end"
        widest = begun = 0
        for depth in sorted({*self._stepped, *self._run, at}):
            begun += self._run.get(depth, 0) + (more if to_the_end and depth == at else 0)
            steps = self._stepped.get(depth, 0) + (more if not to_the_end and depth == at else 0)
            widest = max(widest, begun + steps)
        return widest

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
                verifier_prompt_tokens=total.verifier_prompt_tokens + self._held_reading,
                verifier_generated_tokens=total.verifier_generated_tokens + self._held_writing,
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
        """The tokens that one reading of a request takes, and the texts that will have been read then.

        A verifier that reads earlier attempts reads them again with every solution that has others.
        """
        tokens, read = 0, set[_Texts]()
        if not self.reads.times:
            return tokens, read
        for index, solution in enumerate(request.solutions):
            before = request.attempts[index] if request.attempts and self.reads.attempts else ()
            before = before[-self.reads.attempts :]
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


def _depth(request: Sample) -> int:
    return len(request.prefix.steps) if request.prefix else 0


def _widening(request: Sample, n: int) -> int:
    """What a request adds at its depth: rollouts count each of their steps, a run to the end counts one."""
    return n * (request.steps if request.until == "step" else 1)
