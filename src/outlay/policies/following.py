"""A policy as a strategy: it draws, scores, asks the policy, and goes on until that says to stop.

So one text follows a policy live, in a batch and over recorded samples, with the same ledger as any strategy. A policy that
switches to another model needs more than one model: here that is refused.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from outlay.errors import BudgetExhausted, Unsupported
from outlay.policies.observed import Spend, State, Stop
from outlay.policies.policy import Policy
from outlay.selection import choose
from outlay.strategies import Strategy, from_spec
from outlay.strategies.strategy import score_all
from outlay.types import Budget, Choice, Draw, Question, Sample, Solution

SELECTION = {"best_of_n": "best_of_n", "weighted_best_of_n": "weighted", "majority": "majority"}
"""How each strategy that draws plain samples chooses among them."""


class Purse:
    """One budget for many questions: a hard cap on all of them together, with a generation kept for each that has no answer yet.

    >>> purse = Purse(5, questions=2)
    >>> purse.grant(8, first=True), purse.grant(8, first=True), purse.grant(8, first=False)
    (4, 1, 0)
    """

    def __init__(self, total: int, questions: int) -> None:
        self.left, self.waiting = total, questions

    def grant(self, wanted: int, *, first: bool) -> int:
        """How many generations of those that are wanted may be spent; they are taken out."""
        if first:
            self.waiting -= 1
        given = max(0, min(wanted, self.left - self.waiting))
        self.left -= given
        return given


@dataclass(frozen=True)
class Following:
    """The strategy of following `policy`; `difficulty` and `lot` are the question's, `purse` is shared by a batch.

    >>> Following(policy).spec()                                           # doctest: +SKIP
    {'name': 'policy', 'kind': 'sequential', 'mean_budget': 8.0}
    """

    policy: Policy
    difficulty: float | None = None
    lot: float = 0.5
    purse: Purse | None = None

    name: ClassVar[str] = "policy"
    needs_verifier: ClassVar[bool] = False
    draws_the_pool: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """A verifier is needed where the policy was calibrated with one."""
        object.__setattr__(self, "needs_verifier", self.policy.verifier is not None)

    def spec(self) -> dict[str, Any]:
        """What a trace records: the kind, and the mean budget where there is one."""
        spec: dict[str, Any] = {"name": self.name, "kind": self.policy.kind}
        mean = getattr(self.policy, "mean_budget", None)
        return spec if mean is None else {**spec, "mean_budget": mean}

    def solve(self, question: Question, budget: Budget) -> Generator[Any, Any, Choice]:
        """Ask the policy, do as it says, and ask again."""
        cap = float("inf") if budget.generations is None else float(budget.generations)
        drawn: list[Solution] = []
        spent = 0
        sampled: Strategy | None = None
        try:
            while isinstance(step := self.policy.decide(self._state(question, cap, drawn, spent)), Spend):
                if step.model != self.policy.model:
                    raise Unsupported(
                        f"the policy switches to {step.model}; here is one model only: serve the policy, or calibrate it without"
                    )
                wanted = step.generations
                if self.purse is not None:
                    wanted = self.purse.grant(wanted, first=spent == 0)
                    if wanted == 0:
                        break
                spent += wanted
                strategy = from_spec(step.strategy)
                if step.purpose == "answer" and not (strategy.name in SELECTION and _alike(strategy, sampled)):
                    choice: Choice = yield from strategy.solve(question, Budget(generations=wanted))
                    return choice
                drawn += yield from self._sampled(question, strategy, wanted)
                sampled = strategy
                if step.purpose == "answer":
                    (tie,) = yield Draw()
                    return choose(SELECTION[strategy.name], drawn, tie)
            else:
                return self._stopped(step, drawn)
        except BudgetExhausted:
            pass
        (tie,) = yield Draw()
        return replace(choose(self._selection(), drawn, tie), note="the budget ran out")

    def _state(self, question: Question, cap: float, drawn: list[Solution], spent: int) -> State:
        def score(solution: Solution) -> float:
            if solution.answer is None:
                return float("-inf")
            return float("nan") if solution.score is None else solution.score

        return State(
            budget=cap,
            difficulty=self.difficulty,
            scores=tuple(score(solution) for solution in drawn) if self.needs_verifier else (),
            spent=float(spent),
            answers=tuple(solution.answer for solution in drawn),
            lot=self.lot,
            question=question.text,
        )

    def _sampled(self, question: Question, strategy: Strategy, n: int) -> Generator[Any, Any, list[Solution]]:
        asked = getattr(strategy, "asked", lambda same: same)(question)
        solutions: list[Solution] = yield Sample(
            asked, n=n, temperature=getattr(strategy, "temperature", 1.0), top_p=getattr(strategy, "top_p", 1.0)
        )
        if not self.needs_verifier:
            return solutions
        scored: list[Solution] = yield from score_all(question, solutions, getattr(strategy, "aggregation", "last"))
        return scored

    def _stopped(self, stop: Stop, drawn: list[Solution]) -> Choice:
        if stop.place is None or not drawn:
            named = SELECTION.get(str((stop.strategy or {}).get("name")), self._selection())
            chosen = choose(named, drawn[: stop.first])
            return replace(chosen, candidates=tuple(drawn), note=stop.reason)
        carrier = drawn[stop.place]
        return Choice(carrier.answer, carrier, tuple(drawn), note=stop.reason)

    def _selection(self) -> str:
        wanted = str(getattr(self.policy, "select", "best_of_n" if self.needs_verifier else "majority"))
        return wanted if wanted in SELECTION.values() else "best_of_n"


def _alike(strategy: Strategy, earlier: Strategy | None) -> bool:
    """Whether samples of the one are as good as samples of the other: then those drawn so far stay candidates."""
    options = ("temperature", "top_p", "prompt")
    return earlier is None or all(getattr(strategy, o, None) == getattr(earlier, o, None) for o in options)
