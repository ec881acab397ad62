"""Policies that look before they decide, on a recorded pool: what they are fitted to, and their entries of a summary.

Their budgets are means over questions, where those of policies per bin are hard caps: what they cost stands beside what they give,
and savings are read at equal accuracy over the real cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from outlay.policies.crossfit_sequences import Followed, cross_fitted
from outlay.policies.samples import Alternative, Samples, Select
from outlay.strategies.names import method_name
from outlay.study.deciding import FLOPS, Realised
from outlay.study.flops import UNSCORED, PoolFlops
from outlay.study.measure import with_probabilities
from outlay.study.pools import Floats, Pool
from outlay.study.roles import PLAIN_SAMPLING
from outlay.study.runs import Larger, Recorded
from outlay.study.settings import Settings

SELECTS: Mapping[str, Select] = {
    "weighted": "weighted",
    "best_of_n": "best_of_n",
    "majority": "majority",
    "consensus": "consensus",
}
DRAWN_BY: Mapping[Select, str] = {
    "weighted": "best_of_n",
    "best_of_n": "best_of_n",
    "majority": "majority",
    "consensus": "best_of_n",
}
"""The strategy that draws the samples, by how the answer is chosen."""

FEWEST_QUESTIONS = 40
"""Below this many questions nothing is fitted to prefixes."""

MOST_ALTERNATIVES = 12

SUMMARISED = ("sequential", "threshold", "adaptive_consistency", "window")
ORDERS, FITTING_ORDERS = 24, 3
"""What a summary has, and over how many orders of each question's samples; `outlay savings` has all, over more."""


def samples_of(
    pool: Pool,
    method: str,
    *,
    runs: Sequence[Realised] = (),
    larger: Sequence[Larger] = (),
    flops: PoolFlops | None = None,
    sampling: Mapping[str, Any] | None = None,
    verifier: str | None = None,
    seed: int = 0,
) -> Samples:
    """A pool as what a sequential policy is fitted to, the answer chosen by `method`.

    Searches that were run on their own may be switched to, and so may a larger model's greedy answer where FLOPs tell what it
    costs. Costs are in generations, and in FLOPs beside them where those are known: a sample's own tokens, and what a verifier
    reads of the k-th sample, whichever it is, since it reads a step once however many samples share it.
    """
    select = SELECTS[method]
    pool = pool if pool.probabilities is not None else with_probabilities(pool, seed)
    other: dict[str, Floats] = {}
    by_place: dict[str, Floats] = {}
    base: dict[str, Floats] = {}
    ways = [
        way
        for run in runs
        if run.candidate and run.spec["name"] not in PLAIN_SAMPLING
        for way in _searches(run, pool.model)
    ]
    if flops is not None and all(way.other for way in ways):
        each = np.repeat(flops.sample[:, None], pool.size, axis=1)
        if pool.tokens is not None:
            mean = np.maximum(pool.tokens.mean(axis=1, keepdims=True), 1e-9)
            each = each * pool.tokens / mean
        other, base = {FLOPS: each}, {FLOPS: flops.prompt}
        if method not in UNSCORED:
            by_place = {FLOPS: np.diff(flops.reading, axis=1, prepend=0.0)}
        ways += [_large(one, flops, method) for one in larger if one.greedy.flops is not None]
    else:
        ways = [replace(way, other={}) for way in ways]
    return Samples(
        correct=pool.correct,
        select=select,
        answers=pool.answers if select != "best_of_n" else None,
        scores=pool.scores if select != "majority" else None,
        probabilities=pool.probabilities if select != "majority" else None,
        other=other,
        by_place=by_place,
        base=base,
        alternatives=tuple(ways[:MOST_ALTERNATIVES]),
        task=pool.task,
        model=pool.model,
        verifier=verifier,
        strategy={"name": DRAWN_BY[select], **dict(sampling or {})},
    )


def samples_of_recorded(found: Recorded, method: str, seed: int = 0, *, switching: bool = True) -> Samples:
    """What was recorded on one task and model, as what a sequential policy is fitted to."""
    return samples_of(
        found.pool,
        method,
        runs=found.runs if switching else (),
        larger=found.larger if switching else (),
        flops=found.flops,
        sampling=found.sampling,
        verifier=found.verifier,
        seed=seed,
    )


def _searches(run: Realised, model: str) -> list[Alternative]:
    name = "greedy" if run.spec["name"] == "greedy" else method_name(run.key)
    return [
        Alternative(
            name=f"{name} x {budget}",
            model=model,
            strategy=dict(run.spec),
            generations=budget,
            correct=run.correct[:, column].astype(np.float64),
            cost=run.cost[:, column],
            other={} if run.flops is None else {FLOPS: run.flops[:, column]},
        )
        for column, budget in enumerate(run.budgets)
    ]


def _large(larger: Larger, flops: PoolFlops, method: str) -> Alternative:
    """The larger model's greedy answer; a generation is what drawing and scoring one sample of the small model costs."""
    assert larger.greedy.flops is not None
    spent = larger.greedy.flops[:, 0]
    generation = float(flops.of(method, [1]).mean())
    return Alternative(
        name=f"{larger.model}, greedy",
        model=larger.model,
        strategy={"name": "greedy"},
        generations=max(1, ceil(float(spent.mean()) / generation - 1e-9)),
        correct=larger.greedy.correct[:, 0].astype(np.float64),
        cost=spent / generation,
        other={FLOPS: spent},
    )


def sequences(samples: Samples, budgets: Sequence[float], settings: Settings) -> dict[str, Followed]:
    """The policies of a summary that look before they decide, cross-fitted, at mean budgets up to the headline's.

    None where questions are too few. Fewer orders than `outlay savings` takes, and no switching: a summary is made often.
    """
    at = [budget for budget in budgets if budget <= max(settings.headline_budget, 2)]
    if samples.questions < FEWEST_QUESTIONS or samples.size < 2:
        return {}
    plain = replace(samples, alternatives=())
    return cross_fitted(plain, at, SUMMARISED, orders=ORDERS, fitting_orders=FITTING_ORDERS, seed=settings.seed)
