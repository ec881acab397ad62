"""Plans replayed on recorded pools: what each would have done on every question, in random orders of its samples.

A plan that looks at a pilot before it decides is no statistic of k-subsets, so it is run: in each order the first samples are
the pilot, they place the question in a bin, and the bin's choice goes on from them. Averages over orders are unbiased for a run
on fresh samples, and questions stay independent, which is all that a promise needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from outlay.curves import IsotonicMap
from outlay.difficulty import Bins
from outlay.errors import UserError
from outlay.policies import Candidates, Choice, PerBinPolicy, Plan
from outlay.study.deciding import STRATEGIES, Realised, candidates_of, pilot_values
from outlay.study.measure import budgets_up_to, in_order, replayed
from outlay.study.pools import Floats, Ints, Pool

METHODS_OF = {strategy: method for method, strategy in STRATEGIES.items()}
"""Strategies whose method on a pool has another name."""


@dataclass(frozen=True, eq=False)
class Replayed:
    """What P plans did on Q questions: mean correctness and cost over the orders `[Q, P]`."""

    correct: Floats
    cost: Floats


def probabilities_from(pool: Pool, learn: Ints) -> Pool:
    """The pool with scores as probabilities; a map that they need is fitted on the learning questions (rows `learn`) alone."""
    if pool.scores is None:
        return pool
    known, mapped = np.isfinite(pool.scores), score_map(pool, learn)
    if mapped is None:
        return replace(pool, probabilities=np.where(known, pool.scores, 0.0))
    return replace(pool, probabilities=mapped(pool.scores))


def score_map(pool: Pool, learn: Ints) -> IsotonicMap | None:
    """The map from scores to P(right) that the learning questions give; None where scores lie in [0, 1] already, or there are
    none.
    """
    if pool.scores is None:
        return None
    known = np.isfinite(pool.scores)
    finite = pool.scores[known]
    if finite.min() >= 0 and finite.max() <= 1:
        return None
    inside = np.zeros(len(pool.questions), dtype=np.bool_)
    inside[learn] = True
    fitting = known & inside[:, None]
    return IsotonicMap.fit(pool.scores[fitting], pool.correct[fitting])


def orders_of(pool: Pool, count: int, seed: int) -> list[Ints]:
    """Random orders of each question's samples: `count` arrays `[Q, n]`."""
    generator = np.random.default_rng([seed, 0x0DE2])
    return [np.argsort(generator.random(pool.correct.shape), axis=1) for _ in range(count)]


def replay_plans(
    pool: Pool, policy: PerBinPolicy, plans: Sequence[Plan], orders: Sequence[Ints], runs: Sequence[Realised] = ()
) -> Replayed:
    """Every plan on every question, averaged over the orders.

    Args:
        pool: the samples, with `probabilities` where votes are weighted by scores.
        policy: whose difficulty and bins the plans with several choices use.
        plans: with one choice each or one for every bin of the policy.
        orders: `[Q, n]` each.
        runs: strategies that were run on their own, for plans that choose them.

    Raises:
        UserError: a choice that was not recorded.
    """
    ks = budgets_up_to(pool.size)
    table = _table(pool, ks, runs)
    where = [[_column(table, choice) for choice in plan.choices] for plan in plans]
    correct, cost = (np.zeros((len(pool.questions), len(plans))) for _ in range(2))
    rows = np.arange(len(pool.questions))
    for order in orders:
        drawn = in_order(pool, order)
        realised = _in_this_order(table, drawn, ks)
        bins = bins_of(drawn, policy)
        for place, (plan, columns) in enumerate(zip(plans, where, strict=True)):
            picked = np.array(columns)[bins if len(columns) > 1 else np.zeros_like(bins)]
            correct[:, place] += realised[rows, picked] / len(orders)
            cost[:, place] += _paid(table, plan, policy)[rows, picked] / len(orders)
    return Replayed(np.clip(correct, 0.0, 1.0), cost)


def bins_of(drawn: Pool, policy: PerBinPolicy) -> Ints:
    """The difficulty bin of each question, by the policy's pilot of the first samples or its probe; 0 where it has no bins."""
    if not policy.edges:
        return np.zeros(len(drawn.questions), dtype=np.int64)
    if policy.difficulty.source == "probe":
        if drawn.probed is None:
            raise UserError(
                f"The policy's bins are by {policy.difficulty.probe}, which was not asked about these questions."
            )
        return Bins(policy.edges).assign(drawn.probed.values)
    values = pilot_values(drawn, policy.difficulty.samples)
    if values is None:
        raise UserError(
            "The policy's pilot cannot be read off this pool: it has neither scores nor answers that can vote."
        )
    return Bins(policy.edges).assign(values)


def method_of(choice: Choice) -> str:
    """The name among a pool's methods of what a choice runs."""
    name = str(choice.strategy["name"])
    return METHODS_OF.get(name, name)


def _table(pool: Pool, ks: Sequence[int], runs: Sequence[Realised]) -> Candidates:
    table = candidates_of(pool, replayed(pool, ks), ks, runs)
    if table is None:
        raise UserError(
            f"Nothing can choose among the samples of {pool.model} on {pool.task}: no scores, no answers that vote."
        )
    return table


def _in_this_order(table: Candidates, drawn: Pool, ks: Sequence[int]) -> Floats:
    realised = table.accuracy.copy()
    place = {name: index for index, name in enumerate(table.names)}
    for method, values in replayed(drawn, ks).items():
        for column, k in enumerate(ks):
            realised[:, place[f"{method}@{k}"]] = values[:, column]
    return realised


def _column(table: Candidates, choice: Choice) -> int:
    name = f"{method_of(choice)}@{choice.generations}"
    if name in table.names:
        return table.names.index(name)
    for index, (spec, budget) in enumerate(zip(table.specs, table.budget, strict=True)):
        if dict(spec) == choice.strategy and budget == choice.generations:
            return index
    raise UserError(
        f"{choice.strategy} with {choice.generations} generations was not recorded, so it cannot be replayed."
    )


def _paid(table: Candidates, plan: Plan, policy: PerBinPolicy) -> Floats:
    """What each candidate costs each question under this plan, the pilot or probe included where it makes one."""
    if len(plan.choices) == 1:
        return table.cost
    pilot = policy.difficulty.drawn
    reuses = np.array(table.reuses_pilot)
    paid: Floats = np.where(reuses, np.maximum(table.cost, pilot), table.cost + pilot) + policy.difficulty.reading
    return paid
