"""One question, answered with as much compute as the policy says: decide, spend, look, decide again, stop.

The same policy object that was evaluated offline decides here, on the same things: answers and scores in the order of *asking*.
What is told to whoever looks on (`tell`) are plain dictionaries, so that a terminal, a page and a stream read the same.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from outlay.cost import Prices
from outlay.drive.running import key, uniform
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.policies import Policy, Spend, State, Stop
from outlay.selection import choose
from outlay.serve.account import Account
from outlay.serve.budgets import Step, steps, strategy_in
from outlay.serve.engines import Engine
from outlay.serve.outcome import Answered, Asked, Reason
from outlay.serve.refusals import NothingInTime
from outlay.serve.samples import RULES, alike, chosen_among, plain_sampling, state_of
from outlay.strategies import Strategy, from_spec
from outlay.tasks import Task
from outlay.tasks.task import content_hash
from outlay.types import Budget, Choice, Question, Solution
from outlay.verifiers.probes.difficulty import load_difficulty

Tell = Callable[[Mapping[str, Any]], None]

CUT_SECONDS = 0.25
"""A search that is still waiting for a call so long after its deadline is cut off."""


class Spender:
    """Answers questions by a policy. `engines` carry out its runs, by the name of their model.

    >>> answered = await spender.answer(Asked("2 3 4 > 24 |", budget=16), Account())     # doctest: +SKIP
    >>> answered.answer, answered.generations                                            # doctest: +SKIP
    ('((2*3)*4)', 5.0)
    """

    def __init__(self, policy: Policy, task: Task, engines: Mapping[str, Engine], prices: Prices | None = None) -> None:
        self.policy, self.task, self.engines, self.prices = policy, task, engines, prices
        self.probe = None if policy.probe is None else load_difficulty(policy.probe)

    async def start(self) -> None:
        """Be ready."""
        for engine in self.engines.values():
            await engine.start()

    async def close(self) -> None:
        """Let go of everything."""
        for engine in self.engines.values():
            await engine.close()
        if self.probe is not None:
            await self.probe.close()

    def first(self, asked: Asked) -> Spend | Stop | None:
        """What the policy does first; None where a probe has to read the question before it can say."""
        if self.probe is not None:
            return None
        step = steps(self.policy, asked.budget)[0]
        return step.policy.decide(
            state_of(step.policy, step.cap, (), 0.0, uniform(asked.seed, "lot"), question=asked.text)
        )

    async def answer(self, asked: Asked, account: Account, tell: Tell = lambda event: None) -> Answered:
        """Answer one question; whatever is spent on it is in the account, also when this is cancelled.

        Raises UserError for a question that the model cannot read or a budget below the policy's least, NothingInTime, and
        what the model's server raises.
        """
        began = time.monotonic()

        def timed(event: Mapping[str, Any]) -> None:
            tell({**event, "seconds": round(time.monotonic() - began, 4)})

        return await _Answering(self, asked, account, timed, began).done()


@dataclass
class _Answering:
    """One question under way."""

    spender: Spender
    asked: Asked
    account: Account
    tell: Tell
    began: float
    samples: list[Solution] = field(default_factory=list)
    rounds: int = 0
    spent: float = 0.0
    struck: bool = False
    shown: int = 0
    searched: bool = False
    beyond: float = 0.0
    step: Step = field(init=False)
    sampling: Strategy | None = None
    difficulty: float | None = None

    async def done(self) -> Answered:
        await self._tell_difficulty()
        target = self.asked.target_confidence
        climb = steps(self.spender.policy, self.asked.budget, climbing=target is not None)
        for step in climb:
            answered = await self._at(step)
            if answered.stopped_by in ("deadline", "budget"):
                break
            if target is not None and answered.confidence is not None and answered.confidence >= target:
                if step is not climb[-1]:
                    because = "the target confidence is reached"
                    answered = replace(answered, stopped_by="confident", stopped_because=because)
                break
        self.tell({"event": "stop", "by": answered.stopped_by, "because": answered.stopped_because})
        return answered

    async def _at(self, step: Step) -> Answered:
        """As far as one plan goes; the samples of the plans before it are there already."""
        self.step = step
        while True:
            action = step.policy.decide(self._state(step.policy, self.samples))
            if isinstance(action, Stop):
                return self._stopped(action)
            self.tell(
                {
                    "event": "spend",
                    "purpose": action.purpose,
                    "strategy": dict(action.strategy),
                    "generations": action.generations,
                    "bin": action.bin,
                }
            )
            if action.purpose == "answer":
                return await self._answer(action)
            before = len(self.samples)
            await self._draw(action)
            if self.struck or len(self.samples) < before + action.generations:
                return self._so_far(action.strategy, action.bin)

    def _state(self, policy: Policy, samples: Sequence[Solution]) -> State:
        return state_of(
            policy, self.step.cap, samples, self.spent, self._lot, difficulty=self.difficulty, question=self.asked.text
        )

    async def _tell_difficulty(self) -> None:
        """Have the question read by the policy's probe, where it has one; what that costs is in the account."""
        if self.spender.probe is None:
            return
        self.difficulty, cost = await self.spender.probe.of(self._question)
        self.account.add(cost)
        self.tell({"event": "difficulty", "value": round(self.difficulty, 4), "by": self.spender.probe.address})

    @property
    def _lot(self) -> float:
        return uniform(self.asked.seed, "lot")

    @property
    def _question(self) -> Question:
        """The question, named by its text: the same seed gives the same samples, whichever request asks."""
        return Question(content_hash(self.asked.text), self.asked.text)

    @property
    def _left(self) -> float | None:
        """Seconds until the deadline; None where there is none."""
        if self.asked.deadline_seconds is None:
            return None
        return max(self.asked.deadline_seconds - (time.monotonic() - self.began), 0.0)

    def _engine(self, action: Spend) -> Engine:
        try:
            return self.spender.engines[action.model]
        except KeyError:
            raise UserError(f"the policy spends on {action.model}, which this server does not have") from None

    def _task(self) -> Task:
        most = self.asked.max_tokens
        return self.spender.task if most is None else Shortened(self.spender.task, most)

    def _caps(self, generations: int, runs: int = 1) -> Budget:
        """A run's hard caps: what is left of the request's, shared out among the runs that go out together."""
        spent, caps = self.account.total(), self.asked.caps
        return Budget(
            generations,
            None if caps.tokens is None else max((caps.tokens - spent.generated_tokens) // runs, 0),
            None if caps.flops is None else max((caps.flops - spent.flops) / runs, 0.0),
            None if caps.usd is None else max((caps.usd - spent.usd) / runs, 0.0),
        )

    async def _draw(self, action: Spend) -> None:
        """Draw plain samples and add them in the order of asking; those that have come by the deadline, if that strikes."""
        engine = self._engine(action)
        scored = self.spender.policy.verifier is not None and (
            action.purpose != "answer" or from_spec(action.strategy).needs_verifier
        )
        plain = plain_sampling(action.strategy, scored=scored)
        runs = action.generations if engine.draws_singly else 1
        each = action.generations // runs
        self.rounds += 1
        self.sampling = plain
        question = self._question
        purpose: Literal["answer", "difficulty"] = "difficulty" if action.purpose == "pilot" else "answer"
        units = [
            Unit(question, plain, self._caps(each, runs), key(self.asked.seed, self.rounds, place) % 2**31, purpose)
            for place in range(runs)
        ]
        arrived: dict[int, Sequence[Solution]] = {}
        base = len(self.samples)
        try:
            async with asyncio.timeout(self._left):
                drawing = engine.draw(units, self.account, self._task(), self.asked.before, self._left)
                async with aclosing(drawing) as traces:  # type: ignore[type-var]
                    async for place, trace in traces:
                        arrived[place] = trace.solutions
                        for index, solution in enumerate(trace.solutions):
                            self._show(base + place * each + index, solution)
        except TimeoutError:
            self.struck = True
        for place in sorted(arrived):
            self.samples += arrived[place]
        self.spent += action.generations
        self.struck = self.struck or self._left == 0.0

    def _show(self, place: int, solution: Solution) -> None:
        self.tell(
            {
                "event": "candidate",
                "place": place,
                "answer": solution.answer,
                "score": solution.score,
                "tokens": solution.tokens,
                "text": solution.text,
            }
        )

    async def _answer(self, action: Spend) -> Answered:
        """The strategy that the policy ends with; of plain samples those that are there already count among its candidates."""
        strategy = from_spec(action.strategy)
        own = action.model == self.spender.policy.model
        if strategy.name in RULES and own and alike(strategy, self.sampling):
            wanted = len(self.samples) + action.generations
            await self._draw(action)
            if self.struck or len(self.samples) < wanted:
                return self._so_far(action.strategy, action.bin)
            choice = chosen_among(strategy, self.samples, uniform(self.asked.seed, "tie"))
            return self._answered(choice, strategy, action.bin, "plan", "the plan is carried out", action.model)
        return await self._searched(action, strategy)

    async def _searched(self, action: Spend, strategy: Strategy) -> Answered:
        """A strategy that is more than plain sampling, as one run."""
        unit = Unit(
            self._question,
            strategy,
            self._caps(action.generations),
            key(self.asked.seed, "answer") % 2**31,
        )
        left = self._left
        trace = None
        with suppress(TimeoutError):
            async with asyncio.timeout(None if left is None else left + CUT_SECONDS):
                trace = await self._engine(action).run(unit, self.account, self._task(), self.asked.before, left)
        self.spent += action.generations
        if trace is None:
            self.struck = True
            return self._so_far(action.strategy, action.bin)
        for index, solution in enumerate(trace.solutions):
            self._show(len(self.samples) + index, solution)
        if trace.chosen is None:
            self.struck = self._left == 0.0
            self.samples += trace.solutions
            return self._so_far(action.strategy, action.bin)
        choice = Choice(trace.answer, trace.solutions[trace.chosen], trace.solutions, trace.note)
        self.shown, self.searched = len(self.samples), True
        self.beyond = action.counts - trace.cost.generations if action.cost is not None else 0.0
        if "deadline" in trace.note:
            return self._answered(choice, strategy, action.bin, "deadline", trace.note, action.model)
        by: Reason = "budget" if trace.note.startswith("the budget ran out") else "plan"
        because = trace.note or "the plan is carried out"
        return self._answered(choice, strategy, action.bin, by, because, action.model)

    def _stopped(self, action: Stop) -> Answered:
        """The policy wants no more."""
        if not self.samples:
            raise UserError("the policy stops before it has drawn anything: its file allows no generation")
        if action.place is not None:
            solution = self.samples[action.place]
            choice = Choice(solution.answer, solution, tuple(self.samples))
            return self._answered(choice, None, action.bin, "policy", action.reason, confidence=action.confidence)
        spec = action.strategy or strategy_in(self.step, action.bin, self._lot)
        strategy = from_spec(spec)
        choice = chosen_among(strategy, self.samples[: action.first], uniform(self.asked.seed, "tie"))
        choice = replace(choice, candidates=tuple(self.samples))
        return self._answered(choice, strategy, action.bin, "plan", action.reason)

    def _so_far(self, spec: Mapping[str, Any], number: int | None) -> Answered:
        """Cut short, by the deadline or a hard cap: the best of what there is."""
        there = [*self.samples, *self.account.finished]
        ended = [solution for solution in there if solution.answer is not None] or there
        if not ended:
            if self.struck:
                raise NothingInTime(
                    f"the deadline of {self.asked.deadline_seconds:g} seconds struck before anything was drawn to an end"
                )
            raise UserError("the request's cap is too small for a single sample: give a larger one")
        tie, strategy = uniform(self.asked.seed, "tie"), from_spec(spec)
        if strategy.name in RULES:
            choice = chosen_among(strategy, ended, tie)
        else:
            rated = any(solution.score is not None for solution in ended)
            rule = ("weighted" if self.spender.task.answers_can_vote else "best_of_n") if rated else "majority"
            choice = choose(rule, ended, tie)
        if choice.solution is None:
            choice = Choice(None, ended[0], tuple(ended))
        choice = replace(choice, candidates=tuple(there))
        if self.struck:
            because = f"the deadline of {self.asked.deadline_seconds:g} seconds struck: the best so far"
            return self._answered(choice, from_spec(spec), number, "deadline", because)
        return self._answered(
            choice, from_spec(spec), number, "budget", "the request's cap is reached: the best so far"
        )

    def _answered(
        self,
        choice: Choice,
        strategy: Strategy | None,
        number: int | None,
        by: Reason,
        because: str,
        model: str | None = None,
        confidence: float | None = None,
    ) -> Answered:
        candidates = choice.candidates
        chosen = next((i for i, one in enumerate(candidates) if one is choice.solution), None)
        if chosen is None and choice.solution is not None:
            chosen = next((i for i, one in enumerate(candidates) if one.sample == choice.solution.sample), None)
        numbered = tuple(one.numbered(place, one.answer) for place, one in enumerate(candidates))
        solution = choice.solution if chosen is None else numbered[chosen]
        if solution is None and numbered:
            solution = numbered[0]  # none of them has an answer: the first is what there is to say
        seen = self.samples if self.samples or self.searched else self.account.finished
        state = self._state(self.spender.policy, seen)
        known = self.spender.policy.confidence(state, choice.answer, searched=self.searched, model=model)
        known = confidence if known is None else known
        return Answered(
            asked=self.asked,
            answer=choice.answer,
            solution=solution,
            candidates=numbered,
            chosen=chosen,
            strategy={"name": self.spender.policy.kind} if strategy is None else strategy.spec(),
            model=model or self.spender.policy.model,
            verifier=self.spender.policy.verifier,
            cost=replace(self.account.total(), seconds=time.monotonic() - self.began),
            bin=number,
            confidence=known if known is not None else self._measured(),
            stopped_by=by,
            stopped_because=because,
            note=choice.note,
            looked_at=tuple(self.samples),
            shown_before=self.shown,
            counts=self.account.total().generations + self.beyond,
        )

    def _measured(self) -> float | None:
        """What was measured of the plan that is followed: as sure as one can be without looking at the question."""
        measured = getattr(self.step.plan, "measured", None)
        return None if measured is None or not math.isfinite(measured.accuracy.mean) else float(measured.accuracy.mean)


@dataclass(frozen=True)
class Shortened:
    """A task whose solutions may not be longer than a caller's `max_tokens`."""

    task: Task
    most: int

    @property
    def max_solution_tokens(self) -> int:
        """The smaller of the two limits."""
        return min(self.task.max_solution_tokens, self.most)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)
