"""Particle filtering (Puri et al., "Rollout roulette", arXiv 2502.01618, algorithm 1).

Sampling instead of search: N particles take a step each, the verifier weighs them, and N are drawn anew in proportion to their
weights, finished ones among them, until all have finished. A particle that the verifier likes little survives with a small
probability rather than not at all, which is what protects against a verifier that errs early.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, ClassVar, Literal

from outlay.errors import UserError
from outlay.strategies.rebase import softmax
from outlay.strategies.step_search import chosen, finished_or_all, valued
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations
from outlay.types import Budget, Draw, Question, Sample, Solution

LEAST_DOUBT = 1e-6
"""Values are taken as this far from 0 and 1 at least: their log-odds are finite."""


@dataclass(frozen=True)
class ParticleFilter(Spec):
    """N particles, resampled after each step in proportion to the softmax of their values' log-odds.

    `resampling` is "systematic" (one uniform number spread over all places: a particle's copies are off its share by less than
    one) or "multinomial" (a uniform number for each place). Copies of a finished particle are one candidate for `selection`.

    >>> ParticleFilter(resampling="multinomial").spec()
    {'name': 'particle_filter', 'resampling': 'multinomial'}
    """

    name: ClassVar[str] = "particle_filter"
    needs_verifier: ClassVar[bool] = True
    resampling: Literal["systematic", "multinomial"] = "systematic"
    temperature: float = 1.0
    top_p: float = 1.0
    aggregation: str = "last"
    selection: str = "weighted"
    max_rounds: int = 40
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse what is no way of resampling."""
        super().__post_init__()
        if self.resampling not in ("systematic", "multinomial"):
            raise UserError(f'particles are resampled "systematic" or "multinomial", not {self.resampling!r}')

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Step, weigh, resample, until all particles have ended; then the selection rule."""
        step = Sample(
            self.asked(question),
            n=generations(budget),
            until="step",
            temperature=self.temperature,
            top_p=self.top_p,
        )
        drawn = yield step
        particles = yield from valued(step, question, drawn, self.aggregation)
        for _ in range(self.max_rounds - 1):
            if all(p.ended for p in particles):
                break
            survivors = yield from self._resampled(particles)
            stepping = Counter(index for index in survivors if not particles[index].ended)
            children = yield [replace(step, prefix=particles[index], n=n) for index, n in stepping.items()]
            stepped = [child for drawn in children for child in drawn]
            ended = [particles[index] for index in survivors if particles[index].ended]
            particles = ended + (yield from valued(step, question, stepped, self.aggregation))
        different = {id(p): p for p in particles}
        return (yield from chosen(self.selection, finished_or_all(list(different.values()))))

    def _resampled(self, particles: Sequence[Solution]) -> Generator[Any, Any, list[int]]:
        """Places drawn anew: for each the index of the particle that it goes to."""
        weights = softmax([log_odds(p.score) for p in particles])
        if self.resampling == "multinomial":
            return multinomial(weights, (yield Draw(len(particles))))
        (offset,) = yield Draw()
        return systematic(weights, len(particles), offset)


def log_odds(value: float | None) -> float | None:
    """log(p / (1 - p)) of a value, None where it is missing.

    >>> log_odds(0.5)
    0.0
    """
    if value is None:
        return None
    p = min(max(value, LEAST_DOUBT), 1 - LEAST_DOUBT)
    return math.log(p / (1 - p))


def systematic(weights: Sequence[float], places: int, offset: float) -> list[int]:
    """An index for each of `places`: evenly spaced points over the cumulated weights, the first at `offset` of a spacing.

    >>> systematic([0.5, 0.25, 0.25], 4, 0.5)
    [0, 0, 1, 2]
    """
    return multinomial(weights, [(place + offset) / places for place in range(places)])


def multinomial(weights: Sequence[float], uniforms: Sequence[float]) -> list[int]:
    """For each uniform number the index in whose stretch of the cumulated weights it falls, in rising order.

    >>> multinomial([0.5, 0.25, 0.25], [0.9, 0.1])
    [0, 2]
    """
    ends = list(accumulate(weights))
    last = max(index for index, weight in enumerate(weights) if weight > 0)
    found, index = [], 0
    for uniform in sorted(uniforms):
        while index < last and ends[index] <= uniform * ends[-1]:
            index += 1
        found.append(index)
    return found
