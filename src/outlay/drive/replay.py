"""The replay driver: a strategy over samples that were recorded earlier.

Whole solutions are handed out in a given order, without replacement, with the scores they were recorded with; revisions are
handed out along their recorded chains, and so is what goes on after an appended text. What a pool cannot give (next steps of a
prefix, more samples than it holds, a verifier's opinion that was not recorded) is refused in one sentence, never made up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from outlay.cost import Ledger, Prices
from outlay.drive.running import Pending, Running, uniform
from outlay.drive.serving import ended
from outlay.errors import BudgetExhausted, Unsupported
from outlay.strategies import Strategy
from outlay.types import Budget, Choice, Cost, Draw, Question, Sample, Score, Solution


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay gave: the choice, and what it would have cost live."""

    choice: Choice
    cost: Cost


def replay(
    strategy: Strategy,
    question: Question,
    recorded: Sequence[Solution],
    budget: Budget,
    *,
    order: Sequence[int] | None = None,
    seed: int = 0,
    prices: Prices | None = None,
    question_tokens: int = 0,
) -> Replayed:
    """Run `strategy` over `recorded` solutions of one question, taken in `order` (as recorded where it is None).

    Raises `Unsupported` where the strategy asks for what was not recorded.
    """
    pool = _Pool(question, [recorded[i] for i in order] if order is not None else list(recorded))
    longest = max((solution.tokens for solution in recorded), default=0)
    ledger = Ledger(budget, prices or Prices(), question_tokens, longest)
    queue: deque[Pending] = deque()
    running = Running(strategy.solve(question, budget), queue.append)
    refused: BudgetExhausted | None = None
    running.start()
    while queue:
        pending = queue.popleft()
        request = pending.request
        if isinstance(request, Draw):
            pending.done([uniform(seed, question.id, pending.address, i) for i in range(request.n)])
        elif isinstance(request, Score):
            if not ledger.can_score(request):
                refused = BudgetExhausted("the budget ran out")
                pending.fail(refused)
                continue
            ledger.scored(request)
            pending.done([pool.scores(solution) for solution in request.solutions])
        elif n := ledger.affordable(request):
            request = replace(request, n=n)
            drawn = pool.draw(request)
            ledger.asked(request)
            ledger.answered(request, drawn)
            pending.done(drawn)
        else:
            refused = BudgetExhausted("the budget ran out")
            pending.fail(refused)
    if running.error is not None and not isinstance(running.error, BudgetExhausted):
        raise running.error
    return Replayed(ended(running, refused, pool.given), ledger.spent)


class _Pool:
    def __init__(self, question: Question, recorded: Sequence[Solution]) -> None:
        self.question = question
        self.given: list[Solution] = []
        self._scored = any(solution.score is not None for solution in recorded)
        self._chains: dict[int, dict[int, Solution]] = {}
        for solution in recorded:
            self._chains.setdefault(solution.chain, {})[solution.position] = solution
        chained = any(solution.position for solution in recorded)
        self._fresh = deque(s for s in recorded if s.position == 0) if chained else deque(recorded)

    def draw(self, request: Sample) -> list[Solution]:
        where = f"the recorded pool of question {self.question.id}"
        if request.purpose != "solution":
            raise Unsupported(f"{where} holds solutions: no critique was recorded")
        earlier = request.attempts or ((request.prefix,) if request.prefix and request.append else ())
        if (request.prefix is not None and not request.append) or request.until == "step":
            raise Unsupported(f"{where} holds whole solutions: it cannot continue a prefix step by step")
        if earlier:
            chain, position = earlier[-1].state
            following = self._chains.get(chain, {}).get(position + 1)
            if following is None or request.n > 1:
                raise Unsupported(f"{where} has no attempt after position {position} of chain {chain}")
            drawn = [following]
        elif len(self._fresh) < request.n:
            raise Unsupported(f"{where} has only {len(self._fresh)} samples left and {request.n} are asked for")
        else:
            drawn = [self._fresh.popleft() for _ in range(request.n)]
        drawn = [replace(solution, state=(solution.chain, solution.position)) for solution in drawn]
        self.given += drawn
        return drawn

    def scores(self, solution: Solution) -> tuple[float, ...]:
        if solution.step_scores:
            return solution.step_scores
        if solution.score is None and self._scored:
            return ()  # the verifier was there and had none to give
        if solution.score is None:
            raise Unsupported(f"a sample of question {self.question.id} was recorded without a verifier's score")
        return (solution.score,)
