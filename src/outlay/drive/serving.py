"""One unit of work and its account: what every driver does around a request, wherever the request is served.

Before a request goes out the ledger is asked whether it fits the budget (it is trimmed, or refused); when its result comes
back the ledger is told, samples get their ordinals and answers, and at the end the choice becomes a `Trace`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from outlay.cost import Ledger
from outlay.drive.checking import checked
from outlay.drive.grading import graders
from outlay.drive.recorded import Record
from outlay.drive.running import Address, Pending, Running, keys, uniform
from outlay.drive.watching import Watch
from outlay.errors import BudgetExhausted, DeadlinePassed, OutlayError, UserError
from outlay.selection import choose
from outlay.strategies import Strategy
from outlay.tasks import Task
from outlay.types import Budget, Choice, Cost, Draw, Question, Sample, Score, Solution, StepScores, Trace


@dataclass(frozen=True, slots=True)
class Unit:
    """What is to be run: one strategy on one question with one budget and seed.

    With the purpose "difficulty" its tokens are entered as `pilot`: they estimate how hard the question is. With a `record` every
    answer to a request is kept there, and what is in it already is taken from it. A `watch` is told of what is drawn and scored.
    `paid` is what was spent on the question before the run, to decide how to run it: it is part of the trace's cost.
    """

    question: Question
    strategy: Strategy
    budget: Budget
    seed: int = 0
    purpose: Literal["answer", "difficulty"] = "answer"
    record: Record | None = field(default=None, compare=False)
    watch: Watch | None = field(default=None, compare=False)
    paid: Cost = field(default=Cost(), compare=False)


@dataclass(slots=True)
class Served:
    """A unit under way: its ledger and what it has drawn so far.

    After `deadline_seconds` on the `clock` no further request is served, so a run is late by at most the call that was out.
    """

    unit: Unit
    task: Task
    ledger: Ledger
    model: str
    verifier: str | None
    deadline_seconds: float | None = None
    clock: Callable[[], float] = time.perf_counter
    started: float = field(init=False)
    refused: BudgetExhausted | None = None
    finished: list[Solution] = field(default_factory=list)
    _origins: list[tuple[Address, int]] = field(default_factory=list)
    _grades: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The clock runs from here."""
        self.started = self.clock()
        if self.unit.watch is not None:
            self.unit.watch.began(self)
        if self.deadline_seconds is not None and not self.deadline_seconds > 0:
            raise UserError(
                f"a deadline of {self.deadline_seconds:g} seconds leaves no time for an answer: give more than 0"
            )

    def give_up(self) -> None:
        """From now on serve no request: the run ends with what there is, at the latest when the calls that are out come back."""
        self.deadline_seconds = 0.0

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline_seconds is not None and self.clock() - self.started >= self.deadline_seconds

    def admit(self, pending: Pending) -> Pending | None:
        """The request as it may be served, trimmed to the budget; None where it was answered or refused at once."""
        request = pending.request
        if isinstance(request, Draw):
            pending.done([uniform(self.unit.seed, self.unit.question.id, pending.address, i) for i in range(request.n)])
            return None
        if self.unit.record is not None and pending.address in self.unit.record:
            self._again(pending, self.unit.record.answers[pending.address])
            return None
        if isinstance(request, Score) and self.verifier is None:
            raise UserError(f'strategy "{self.unit.strategy.name}" needs a verifier and none was given: name one')
        if self.late:
            self._refuse(pending, DeadlinePassed(f"the deadline of {self.deadline_seconds:g} seconds passed"))
            return None
        if isinstance(request, Score):
            if self.ledger.can_score(request):
                self.ledger.scored(request)
                return pending
        elif n := self.ledger.affordable(request):
            request = request if n == request.n else replace(request, n=n)
            self.ledger.asked(request)
            return replace(pending, request=request)
        self._refuse(pending, BudgetExhausted("the budget ran out"))
        return None

    def _refuse(self, pending: Pending, reason: BudgetExhausted) -> None:
        self.refused = self.refused or reason
        if self.unit.record is not None and not isinstance(reason, DeadlinePassed):
            self.unit.record.enter(pending.address, reason)
        pending.fail(reason)

    def _again(self, pending: Pending, answer: Any) -> None:
        """Answer a request as the record says, and charge it as it was charged then."""
        if isinstance(answer, BudgetExhausted):
            self._refuse(pending, answer)
        elif isinstance(pending.request, Sample):
            request = replace(pending.request, n=len(answer))
            self.ledger.asked(request)
            reported = self.unit.record.reported.get(pending.address) if self.unit.record else None
            if reported is not None:
                self.ledger.reported(reported)
            pending.done(self.sampled(replace(pending, request=request), answer, reported))
        elif isinstance(pending.request, Score):
            self.ledger.scored(pending.request)
            pending.done(self.scored(pending, answer))

    def keys(self, address: Address, n: int) -> list[int]:
        """A random key for each continuation of the request at `address`."""
        unit = self.unit
        own: object = ""
        if not getattr(unit.strategy, "draws_the_pool", False):
            own = (sorted(unit.strategy.spec().items(), key=str), unit.budget.generations)
        return keys(n, unit.seed, unit.question.id, own, address)

    def sampled(self, pending: Pending, solutions: Sequence[Solution], reported: Cost | None = None) -> list[Solution]:
        """Enter the solutions in the ledger; number them and extract the answers of those that have ended.

        `reported` is what a server said that they cost besides: it is in the ledger already, and is kept with the record.
        """
        assert isinstance(pending.request, Sample)
        self.ledger.answered(pending.request, solutions)
        if self.unit.record is not None:
            self.unit.record.enter(pending.address, list(solutions), reported)
        solves = pending.request.purpose == "solution"
        numbered = []
        for index, solution in enumerate(solutions):
            answer = self.task.extract(solution.text) if solution.finished and solves else None
            numbered.append(solution.numbered(len(self._origins), answer))
            self._origins.append((pending.address, index))
        self.finished += [solution for solution in numbered if solution.finished and solves]
        if self.unit.watch is not None:
            self.unit.watch.drawn(pending.request, numbered)
        return numbered

    def scored(self, pending: Pending, scores: Sequence[StepScores]) -> list[StepScores]:
        """The verifier's scores, entered in the ledger and checked."""
        assert isinstance(pending.request, Score)
        self.ledger.judged(pending.request, scores)
        given = checked(str(self.verifier), pending.request, scores)
        if self.unit.record is not None:
            self.unit.record.enter(pending.address, given)
        if self.unit.watch is not None:
            self.unit.watch.scored(pending.request, given)
        return given

    def trace(self, running: Running, seconds: float | None = None) -> Trace:
        """What the run leaves behind, graded where the question has a reference or a judge; it took `seconds`, or until now."""
        seconds = self.clock() - self.started if seconds is None else seconds
        threads = graders(self.task)
        if threads is not None:
            list(threads.map(self.grade, self.answers(running)))
        choice = self._in_order_of_asking(self._choice(running))
        question = self.unit.question
        chosen = next(
            (
                i
                for i, s in enumerate(choice.candidates)
                if choice.solution is not None and s.sample == choice.solution.sample
            ),
            None,
        )
        return Trace(
            question=question,
            strategy=self.unit.strategy.spec(),
            budget=self.unit.budget,
            seed=self.unit.seed,
            model=self.model,
            verifier=self.verifier,
            answer=choice.answer,
            solutions=choice.candidates,
            cost=replace(
                self.ledger.spent,
                seconds=seconds,
                pilot=self.ledger.spent.generated_tokens if self.unit.purpose == "difficulty" else 0,
            )
            + self.unit.paid,
            chosen=chosen,
            correct=self.grade(choice.answer),
            note=choice.note,
            solution_correct=tuple(self.grade(solution.answer) for solution in choice.candidates),
        )

    def _in_order_of_asking(self, choice: Choice) -> Choice:
        """The choice with its solutions numbered by the requests' addresses: until here they were numbered as they arrived."""
        ranked = sorted(range(len(self._origins)), key=self._origins.__getitem__)
        if ranked == list(range(len(ranked))):
            return choice
        rank = {arrived: place for place, arrived in enumerate(ranked)}
        solution = choice.solution and choice.solution.numbered(rank[choice.solution.sample], choice.solution.answer)
        candidates = tuple(
            candidate.numbered(rank[candidate.sample], candidate.answer) for candidate in choice.candidates
        )
        return replace(choice, solution=solution, candidates=candidates)

    def _choice(self, running: Running) -> Choice:
        """The strategy's choice; where it was refused and let that through, the majority of what had ended by then."""
        if running.error is not None and not isinstance(running.error, BudgetExhausted):
            raise running.error
        if running.error is None and not isinstance(running.result, Choice):
            raise OutlayError(f'strategy "{self.unit.strategy.name}" ended without a Choice')
        finished = sorted(self.finished, key=lambda solution: self._origins[solution.sample])
        return ended(running, self.refused, finished)

    def answers(self, running: Running) -> list[str]:
        """The different answers of a run that has ended, which are to be judged and have not been."""
        choice = self._choice(running)
        found = (choice.answer, *(solution.answer for solution in choice.candidates))
        return [one for one in dict.fromkeys(found) if one is not None and one not in self._grades]

    def grade(self, answer: str | None) -> bool | None:
        """Whether the answer is right; None for a question that belongs to no task and comes without a reference.

        Each answer is judged once: samples repeat each other's answers, and a judge may have to run a program.
        """
        question = self.unit.question
        if not question.task and question.reference is None:
            return None
        if answer is None:
            return False
        if answer not in self._grades:
            self._grades[answer] = self.task.grade(question, answer)
        return self._grades[answer]


def ended(running: Running, refused: BudgetExhausted | None, finished: Sequence[Solution]) -> Choice:
    """How a run ends that may have been `refused` a request: by its own choice, or by the majority of what was `finished`.

    The choice's note says that it was refused, also where the strategy made do.
    """
    if isinstance(running.error, BudgetExhausted):
        return replace(choose("majority", finished), note=f"{running.error}: majority of what was finished")
    choice: Choice = running.result
    if refused is None or choice.note:
        return choice
    return replace(choice, note=f"{refused}: chosen from what there was")
