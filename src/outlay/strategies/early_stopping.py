"""Majority vote that stops asking when more samples would not, or would hardly, change it.

Samples are asked for in blocks and looked at in the order of asking, a whole block at a time: looking at them as they arrive would
favour short ones. Two rules. "window" is early-stopping self-consistency (Li et al., arXiv 2401.10480): stop when all
answers of the newest block agree. "certain" stops only where the answers still to come could not overturn the lead, so that
its answer is the full vote's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from outlay.errors import BudgetExhausted, UserError
from outlay.selection import majority
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations
from outlay.types import Budget, Draw, Question, Sample, Solution

SMALLEST_BLOCK = 3
"""Two of two agree too often by chance."""


@dataclass(frozen=True)
class EarlyStopping(Spec):
    """Majority vote over at most N samples, asked for in blocks of `block`, that stops early by `rule`; no verifier.

    `rule` is "window" (stop when a whole block gives one and the same answer, or when the lead is certain) or "certain" (stop only
    when the lead cannot be overtaken any more).

    >>> EarlyStopping(rule="certain").spec()
    {'name': 'early_stopping', 'rule': 'certain'}
    """

    name: ClassVar[str] = "early_stopping"
    block: int = 5
    rule: Literal["window", "certain"] = "window"
    temperature: float = 1.0
    top_p: float = 1.0
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse blocks too small to say anything, and an unknown rule."""
        super().__post_init__()
        if not isinstance(self.block, int) or self.block < SMALLEST_BLOCK:
            raise UserError(
                f"early stopping asks in blocks of a whole number of at least {SMALLEST_BLOCK}, not {self.block!r}"
            )
        if self.rule not in ("window", "certain"):
            raise UserError(f'early stopping has the rules "window" and "certain", not {self.rule!r}')

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Ask for a block, look, and go on unless the rule is met."""
        n = generations(budget)
        sample = Sample(self.asked(question), n=self.block, temperature=self.temperature, top_p=self.top_p)
        solutions: list[Solution] = []
        try:
            while len(solutions) < n and not self.met(solutions, n):
                left = n - len(solutions)
                solutions += yield sample if left >= self.block else replace(sample, n=left)
        except BudgetExhausted:
            pass
        (tie,) = yield Draw()
        return majority(solutions, tie)

    def met(self, solutions: Sequence[Solution], n: int) -> bool:
        """Whether the samples so far, in the order of asking, are enough; `n` is how many could be asked for in all."""
        answers = [solution.answer for solution in solutions]
        counts = [count for _, count in Counter(a for a in answers if a is not None).most_common(2)]
        lead = (counts[0] - sum(counts[1:])) if counts else 0
        if lead > n - len(answers):
            return True
        window = answers[-self.block :]
        agreed = len(window) == self.block and None not in window and len(set(window)) == 1
        return self.rule == "window" and agreed
