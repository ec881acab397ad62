"""Sequential revisions in parallel chains (Snell et al., section 6).

The budget N is split into `chains` chains of N / chains attempts each. Within a chain every attempt is drawn with the newest
earlier attempts in its context. A right answer can be revised into a wrong one, so the answer is selected from all attempts,
never simply the last: with a verifier hierarchically (weighted within each chain, then across the chains' winners),
without one by majority over all N at once.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from outlay.errors import UserError
from outlay.selection import majority, weighted
from outlay.strategies.beam_search import shares
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations, score_all
from outlay.types import Budget, Draw, Question, Sample, Solution, Together


@dataclass(frozen=True)
class Revisions(Spec):
    """`chains` parallel chains of revisions (a number, or "sqrt" of N); `context` newest attempts are shown to the next.

    `selection` is "verifier" (hierarchical) or "majority" (flat). chains = N is parallel sampling, chains = 1 one long chain.

    >>> Revisions(chains=4).spec()
    {'name': 'revisions', 'chains': 4}
    """

    name: ClassVar[str] = "revisions"
    chains: int | Literal["sqrt"] = 1
    context: int = 4
    temperature: float = 1.0
    top_p: float = 1.0
    selection: Literal["verifier", "majority"] = "majority"
    aggregation: str = "last"
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse what is no number of chains."""
        super().__post_init__()
        if self.chains != "sqrt" and (not isinstance(self.chains, int) or self.chains < 1):
            raise UserError(f'revisions need a whole number of chains of at least 1, or "sqrt"; got {self.chains!r}')
        if self.selection not in ("verifier", "majority"):
            raise UserError(f'revisions select by "verifier" or "majority", not by {self.selection!r}')

    def solve(self, question: Question, budget: Budget) -> Solving:
        """All chains side by side, then the selection."""
        n = generations(budget)
        count = math.isqrt(n) if self.chains == "sqrt" else min(self.chains, n)
        attempts = yield Together(tuple(self._chain(question, c, length) for c, length in enumerate(shares(n, count))))
        if self.selection == "majority":
            (tie,) = yield Draw()
            return majority([attempt for chain in attempts for attempt in chain], tie)
        scored = []
        for chain in attempts:
            before = tuple(self._newest(chain[:position]) for position in range(len(chain)))
            scored.append((yield from score_all(question, chain, self.aggregation, before)))
        ties = yield Draw(n=count + 1)
        winners = [weighted(chain, tie).solution for chain, tie in zip(scored, ties, strict=False)]
        choice = weighted([winner for winner in winners if winner is not None], ties[-1])
        return replace(choice, candidates=tuple(attempt for chain in scored for attempt in chain))

    def _chain(self, question: Question, chain: int, length: int) -> Generator[Any, Any, list[Solution]]:
        attempts: list[Solution] = []
        asked = self.asked(question)
        for position in range(length):
            newest = self._newest(attempts)
            drawn = yield Sample(asked, temperature=self.temperature, top_p=self.top_p, attempts=newest)
            attempts += [replace(solution, chain=chain, position=position) for solution in drawn]
        return attempts

    def _newest(self, attempts: Sequence[Solution]) -> tuple[Solution, ...]:
        """The attempts that the next one is shown."""
        return tuple(attempts[-self.context :]) if self.context else ()
