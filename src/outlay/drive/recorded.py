"""What each request of a run was answered, so that the run can be gone through again, or gone on with where it was cut off.

A request is known by its address in its strategy, which depends on the strategy alone. So a run that is handed the record of an
earlier one (the same question, strategy, budget and seed) takes every answer that is in it from there, asks its model and
verifier for the others only, and ends as the undisturbed run would have ended: same solutions, same choice, same account. (Caps
on tokens, FLOPs and dollars depend on what is out at the time: under these a *whole* record gives the same run, a part of one
another valid run.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from outlay.drive.running import Address
from outlay.errors import BudgetExhausted
from outlay.types import Cost, Solution, StepScores

Answered = list[Solution] | list[StepScores] | BudgetExhausted
"""What came back for a Sample, for a Score, or the reason why either was refused."""


@dataclass(slots=True)
class Record:
    """The answers to a run's requests by address, in the order in which they arrived; drivers add to it as they go.

    `reported` is what a server said that a request cost beyond what was generated for it: prompts, further calls, work in vain.

    >>> record = Record()
    >>> record.enter((0,), [Solution(answer="4")])
    >>> (0,) in record, len(record.first(0))
    (True, 0)
    """

    answers: dict[Address, Answered] = field(default_factory=dict)
    reported: dict[Address, Cost] = field(default_factory=dict)

    def enter(self, address: Address, answer: Answered, reported: Cost | None = None) -> None:
        """Keep the answer to the request at `address`, and what a server `reported` of it."""
        self.answers[address] = answer
        if reported is not None:
            self.reported[address] = reported

    def first(self, count: int) -> Record:
        """The record as it stood when `count` answers had arrived."""
        first = dict(islice(self.answers.items(), count))
        return Record(first, {address: cost for address, cost in self.reported.items() if address in first})

    def __contains__(self, address: object) -> bool:
        return address in self.answers

    def __len__(self) -> int:
        return len(self.answers)
