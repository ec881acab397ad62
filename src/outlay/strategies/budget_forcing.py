"""Budget forcing: one solution that is made longer by taking its end away (Muennighoff et al., s1, arXiv 2501.19393, section 3.1).

Where the model ends, the end is taken away and "Wait" put in its place; the model goes on from there, until the budget is
spent. For a cut the other way, a solution that ran into its length limit can be told to name its answer at once. Every
continuation is drawn to an end of its own and counts as one generation, as a revision does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from outlay.errors import BudgetExhausted, UserError
from outlay.selection import majority, newest
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations
from outlay.types import Budget, Draw, Question, Sample, Solution


@dataclass(frozen=True)
class BudgetForcing(Spec):
    """One solution, forced on: each time the model ends, `text` takes the place of the end and it has to continue.

    N generations are the first solution and N - 1 continuations; without a cap on generations it goes on until another cap is met
    (in no case more than `max_rounds` texts). `final`, where given, is put once after a solution that was cut off at its length
    limit, so that it still names an answer ("Final Answer:" in the paper). The answer is the last one ("last", the paper's), or the
    majority of those that stood at the ends ("majority"). Needs a model that can continue a prefix.

    >>> BudgetForcing(selection="majority").spec()
    {'name': 'budget_forcing', 'selection': 'majority'}
    """

    name: ClassVar[str] = "budget_forcing"
    text: str = "\n\nWait"
    final: str = ""
    temperature: float = 0.0
    top_p: float = 1.0
    selection: Literal["last", "majority"] = "last"
    max_rounds: int = 40
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse an empty text and an unknown selection."""
        super().__post_init__()
        if not self.text.strip():
            raise UserError('budget forcing goes on after a text: give one that is not blank, such as "Wait"')
        if self.selection not in ("last", "majority"):
            raise UserError(f'budget forcing takes the "last" answer or the "majority", not {self.selection!r}')

    def solve(self, question: Question, budget: Budget) -> Solving:
        """One solution, then one continuation after another."""
        most = self._most(budget)
        whole = Sample(self.asked(question), temperature=self.temperature, top_p=self.top_p)
        attempts: list[Solution] = list((yield whole))
        try:
            while len(attempts) < most and (told := self._told(attempts[-1])):
                (longer,) = yield replace(whole, prefix=attempts[-1], append=told)
                was_cut_off = not attempts[-1].finished
                attempts.append(replace(longer, position=len(attempts)))
                if was_cut_off:
                    break
        except BudgetExhausted:
            pass  # the caps other than generations say so in this way; what there is is enough
        if self.selection == "last":
            return newest(attempts)
        (tie,) = yield Draw()
        return majority(attempts, tie)

    def _told(self, attempt: Solution) -> str:
        """What the attempt is told to make it go on; nothing where it was cut off and is not asked for a last answer."""
        return self.text if attempt.finished else self.final

    def _most(self, budget: Budget) -> int:
        """Solutions to draw, each longer than the one before."""
        capped = (budget.tokens, budget.flops, budget.usd) != (None, None, None)
        return min(generations(budget, default=1 + self.max_rounds if capped else 1), 1 + self.max_rounds)
