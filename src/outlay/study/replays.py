"""Plans replayed on recorded pools: what each would have done on every question, in random orders of its samples.

A plan that looks at a pilot before it decides is no statistic of k-subsets, so it is run: in each order the first samples are
the pilot, they place the question in a bin, and the bin's choice goes on from them. Averages over orders are unbiased for a run
on fresh samples, and questions stay independent, which is all that a promise needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from outlay.curves import IsotonicMap
from outlay.difficulty import Bins
from outlay.errors import UserError
from outlay.policies import Candidates, Choice, PerBinPolicy, Plan
from outlay.policies.choosing import charge
from outlay.policies.per_bin_policy import place_of
from outlay.study.deciding import STRATEGIES, Realised, candidates_of, pilot_values
from outlay.study.handing import GREEDY, Handed, with_handed
from outlay.study.measure import budgets_up_to, in_order, replayed
from outlay.study.pools import Floats, Ints, Pool
from outlay.study.runs import Recorded

METHODS_OF = {strategy: method for method, strategy in STRATEGIES.items()}
"""Strategies whose method on a pool has another name."""


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


class PlanReplay:
    """Plans of one policy by bins on recorded samples, order by order.

    Args:
        pool: the samples, with `probabilities` where votes are weighted by scores.
        policy: whose difficulty and bins the plans with several choices use.
        plans: with one choice each or one for every bin of the policy.
        found: what else was recorded of the pool's questions: searches, other models' answers, texts.

    Raises:
        UserError: a choice that was not recorded.
    """

    def __init__(self, pool: Pool, policy: PerBinPolicy, plans: Sequence[Plan], found: Recorded) -> None:
        self.pool, self.policy, self.plans, self.found = pool, policy, plans, found
        self.ks = budgets_up_to(pool.size)
        self.table = with_handed(_table(pool, self.ks, found.runs), handed_as_priced(found, plans))
        self.charged = charge(self.table, policy.difficulty.drawn).cost + policy.difficulty.reading
        self.low = [self._places(plan.choices) for plan in plans]
        self.high = [self._places(getattr(plan, "dearer", ()) or plan.choices) for plan in plans]
        self.share = [np.array(getattr(plan, "shares", ()) or [0.0] * len(plan.choices)) for plan in plans]

    def _places(self, choices: Sequence[Choice]) -> Ints:
        return np.array([_column(self.table, choice) for choice in choices])

    def averaged(self, orders: Sequence[Ints]) -> tuple[Floats, Floats]:
        """Correctness and cost `[Q, P]` of every plan, averaged over the orders, and over the lots that part a bin."""
        correct, cost = (np.zeros((len(self.pool.questions), len(self.plans))) for _ in range(2))
        for order in orders:
            drawn = in_order(self.pool, order)
            right, bins = _in_this_order(self.table, drawn, self.ks), self._bins(drawn)
            for place in range(len(self.plans)):
                at = self._at(place, bins)
                paid, dearer = self._paid(place), self.share[place][at]
                for columns, share in ((self.low[place], 1.0 - dearer), (self.high[place], dearer)):
                    picked = columns[at]
                    correct[:, place] += share * _each(right, picked) / len(orders)
                    cost[:, place] += share * _each(paid, picked) / len(orders)
        return np.clip(correct, 0.0, 1.0), cost

    def followed(self, place: int, order: Ints, lots: Floats) -> tuple[Floats, Floats, list[Choice]]:
        """What the plan at `place` gives and costs in one order with these lots `[Q]`, and the choice of each question."""
        plan, drawn = self.plans[place], in_order(self.pool, order)
        at = self._at(place, self._bins(drawn))
        dear = lots < self.share[place][at]
        picked = np.where(dear, self.high[place][at], self.low[place][at])
        dearer = getattr(plan, "dearer", ()) or plan.choices
        choices = [(dearer if up else plan.choices)[number] for up, number in zip(dear, at, strict=True)]
        right = _each(_in_this_order(self.table, drawn, self.ks), picked)
        return np.clip(right, 0.0, 1.0), _each(self._paid(place), picked), choices

    def _bins(self, drawn: Pool) -> Ints:
        """The difficulty bin of each question; 0 where the policy has no bins."""
        policy = self.policy
        if not policy.edges:
            return np.zeros(len(drawn.questions), dtype=np.int64)
        known = told_before(policy, self.found)
        if known is not None:
            return Bins(policy.edges).assign(known)
        values = pilot_values(drawn, policy.difficulty.samples)
        if values is None:
            raise UserError(
                "The policy's pilot cannot be read off this pool: it has neither scores nor answers that can vote."
            )
        return Bins(policy.edges).assign(values)

    def _at(self, place: int, bins: Ints) -> Ints:
        """Which of a plan's choices each question gets."""
        return bins if len(self.plans[place].choices) > 1 else np.zeros_like(bins)

    def _paid(self, place: int) -> Floats:
        """What each candidate costs each question under this plan, the pilot or probe included where it makes one."""
        return self.table.cost if len(self.plans[place].choices) == 1 else self.charged


def told_before(policy: PerBinPolicy, found: Recorded) -> Floats | None:
    """What the policy knows of each question before anything is drawn `[Q]`; None where it knows nothing then.

    Raises:
        UserError: its probe was not asked about these questions.
    """
    if policy.difficulty.reader is not None:
        return policy.difficulty.reader.values(found.texts)
    if policy.difficulty.source != "probe":
        return None
    if found.pool.probed is None:
        raise UserError(
            f"The policy's bins are by {policy.difficulty.probe}, which was not asked about these questions."
        )
    return found.pool.probed.values


def _each(table: Floats, picked: Ints) -> Floats:
    found: Floats = table[np.arange(len(table)), picked]
    return found


def handed_as_priced(found: Recorded, plans: Sequence[Plan]) -> list[Handed]:
    """The other models' answers that these plans choose, each at the price that stands in the plans.

    Raises:
        UserError: one that was not recorded.
    """
    recorded = {one.model: one.greedy for one in found.larger}
    handed: dict[tuple[str, float], Handed] = {}
    for choice in (one for plan in plans for one in (*plan.choices, *getattr(plan, "dearer", ()))):
        if choice.model is None:
            continue
        run = recorded.get(choice.model)
        if run is None or choice.strategy != GREEDY:
            raise UserError(f"No answer of {choice.model} was recorded for these questions, so it cannot be replayed.")
        counts = float(choice.generations) if choice.cost is None else choice.cost
        flops = np.zeros(len(run.correct)) if run.flops is None else run.flops[:, 0]
        handed[choice.model, counts] = Handed(choice.model, run.correct[:, 0].astype(float), counts, flops)
    return list(handed.values())


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
    if choice.model is None and name in table.names:
        return table.names.index(name)
    return place_of(table, choice)
