"""From recorded samples to policies that look before they decide, fitted with all the questions given; and their replay.

What such a policy achieves is measured elsewhere: on other questions (`evaluate`), or by cross-fitting (`cross_fitted`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from outlay.curves.shapes import Floats, Ints
from outlay.errors import UserError
from outlay.policies.crossfit_sequences import (
    FITTING_ORDERS,
    FITTING_ROWS,
    fitting_rows,
    looked_at,
    stages_of,
)
from outlay.policies.prefixes import Ended, Prefixes, prefixes
from outlay.policies.rule_policy import RuleName, RulePlan, RulePolicy
from outlay.policies.rules import RULES, available, tuned
from outlay.policies.samples import Samples
from outlay.policies.seeing import ScoreMap
from outlay.policies.sequential_policy import SequentialPolicy, Switch
from outlay.policies.walking import PRICES, Fitting, Walk
from outlay.registry import nearest

KINDS = ("sequential", *RULES)
"""What `fit_sequence` can fit."""


def fit_sequence(
    samples: Samples,
    budgets: Sequence[float],
    kind: str = "sequential",
    *,
    most: int | None = None,
    score_map: ScoreMap | None = None,
    seed: int = 0,
) -> SequentialPolicy | RulePolicy:
    """A sequential policy, or a published rule, fitted to all these questions for each mean budget.

    Args:
        samples: what was recorded.
        budgets: mean generations a question, rising; one plan each.
        kind: "sequential", or a rule's name (`outlay.policies.rules`).
        most: the most samples a question may cost; the whole pool where None.
        score_map: how the samples' probabilities were made of raw scores, kept in the file.
        seed: of the random orders.

    Raises:
        UserError: an unknown kind, or a rule that these samples do not allow.
    """
    at = sorted({float(budget) for budget in budgets})
    rows = fitting(samples, most, seed)
    if kind == "sequential":
        fit = Fitting(rows, [name for name in looked_at(samples) if name in rows.signals])
        path = fit.path()
        walks = [fit.within(budget, path) for budget in at]
        return SequentialPolicy.of_walks(
            walks, at, samples, stops=[_stops(walk, rows) for walk in walks], score_map=score_map
        )
    if kind not in RULES:
        raise UserError(f'there is no policy "{kind}": {nearest(kind, KINDS)}')
    if kind not in available(rows.signals, len(samples.alternatives)):
        needs = "something to switch to" if kind == "cascade" else "answers that can vote, or a verifier's scores"
        raise UserError(f"The rule {kind} cannot be fitted to these samples: it needs {needs}.")
    ways = _one_alternative(samples, rows, kind)
    found = tuned(kind, rows, at, ways)
    switch = next((samples.alternatives[rule.switch] for rule in found if rule.switch is not None), None)
    rule_name: RuleName = kind  # type: ignore[assignment]
    return RulePolicy(
        task=samples.task,
        model=samples.model,
        verifier=samples.verifier,
        rule=rule_name,
        select=samples.select,
        strategy=dict(samples.strategy),
        score_map=score_map,
        switch=None
        if switch is None
        else Switch(
            name=switch.name,
            model=switch.model or samples.model,
            strategy=dict(switch.strategy),
            generations=switch.generations,
            cost=round(float(switch.cost.mean()), 4),
        ),
        plans=tuple(
            RulePlan(
                budget=budget,
                signal=rule.signal,
                threshold=None if np.isinf(rule.threshold) else rule.threshold,
                least=rule.least,
                most=rule.most,
                hands_over=rule.switch is not None,
            )
            for budget, rule in zip(at, found, strict=True)
        ),
    )


def fit_path(
    samples: Samples,
    count: int = 12,
    *,
    most: int | None = None,
    score_map: ScoreMap | None = None,
    seed: int = 0,
) -> list[SequentialPolicy]:
    """Sequential policies along falling prices, from the cheapest to the dearest: candidates for a promise.

    Those that cost the same on the fitting questions are one; each file's budget is its mean cost there.
    """
    rows = fitting(samples, most, seed)
    fit = Fitting(rows, [name for name in looked_at(samples) if name in rows.signals])
    found: list[SequentialPolicy] = []
    last = 0.0
    for walk, cost in fit.path(np.geomspace(PRICES[0], PRICES[-1], count).tolist()):
        if cost > last * 1.01:
            found.append(
                SequentialPolicy.of_walks(
                    [walk], [round(cost, 6)], samples, stops=[_stops(walk, rows)], score_map=score_map
                )
            )
            last = cost
    return found


def fitting(samples: Samples, most: int | None = None, seed: int = 0, orders: int = FITTING_ORDERS) -> Prefixes:
    """Replays that fit: fewer orders where there are more questions."""
    few = max(1, min(orders, FITTING_ROWS // samples.questions))
    rows = prefixes(samples, samples.orders(few, seed), stages_of(samples, most))
    order = np.arange(rows.rows) // samples.questions
    return rows.only(fitting_rows(rows, np.ones(samples.questions, dtype=np.bool_), samples.questions, order, few))


def replay(
    policy: SequentialPolicy | RulePolicy, samples: Samples, orders: Ints | None = None
) -> tuple[Floats, Floats]:
    """What a policy gives and costs on each order of each question's samples.

    Args:
        policy: its first plan, or the one that it follows.
        samples: recorded samples of questions that did not fit it.
        orders: `[O, Q, n]`; 64 random ones where None.

    Returns:
        correct `[Q, O]` in [0, 1], and cost `[Q, O]` in generations.
    """
    rows, ended = followed(policy, samples, samples.orders(64) if orders is None else orders)
    shape = (rows.rows // samples.questions, samples.questions)
    return ended.credit(rows).reshape(shape).T, ended.cost(rows).reshape(shape).T


def followed(policy: SequentialPolicy | RulePolicy, samples: Samples, orders: Ints) -> tuple[Prefixes, Ended]:
    """What these orders `[O, Q, n]` show at each look, and where the policy ends each; the rows are orders by questions.

    The samples' alternatives are the policy's own switches then, in its order.
    """
    policy.check(task=samples.task or None, model=samples.model or None, verifier=samples.verifier)
    samples = samples.switching_to([switch.name for switch in policy.switching])
    if isinstance(policy, SequentialPolicy):
        walk = policy.walk(policy.plan())
        rows = prefixes(samples, orders, walk.stages)
        return rows, walk.end(rows)
    rows = prefixes(samples, orders, stages_of(samples))
    return rows, policy.plan().rule().end(rows)


def _stops(walk: Walk, rows: Prefixes) -> Floats:
    """The share of rows that end at each stage."""
    ended = walk.end(rows)
    shares: Floats = np.bincount(ended.stage, minlength=len(walk.stages)) / rows.rows
    return shares


def _one_alternative(samples: Samples, rows: Prefixes, kind: str) -> tuple[int, ...]:
    """A cascade's file hands over to one alternative: the one that is right most often on the fitting questions."""
    if kind != "cascade":
        return ()
    return (int(rows.alternative_credit.mean(axis=0).argmax()),)
