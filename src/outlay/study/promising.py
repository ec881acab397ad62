"""From recorded traces to a policy with a promise: fitted on some questions, promised by others, or refused.

The questions are parted by lot. The learning part fits the policies and orders the candidates; the other part, which nothing has
seen, tests them (`outlay.promises.learn_then_test`), measures the one that is promised, and is the reference for drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from outlay.curves import interval
from outlay.errors import UserError
from outlay.policies import Choice, Difficulty, Figure, Measured, Plan, Policy, Provenance, fit_policy
from outlay.promises import Goal, MeanBudget, Outcomes, PriceOfError, Promise, Shown, TargetAccuracy, learn_then_test
from outlay.study.calibration import calibration_view
from outlay.study.deciding import STRATEGIES, Realised
from outlay.study.measure import budgets_up_to
from outlay.study.pools import Floats, Ints, Pool
from outlay.study.replays import orders_of, probabilities_from, replay_plans
from outlay.study.runs import Recorded, on_questions
from outlay.study.settings import Settings

LEARN_SHARE = 0.4
"""The share of questions that fits; the rest tests. A test needs more questions than a choice among a few dozen candidates."""
ORDERS = 32
"""Random orders of each pool that a plan is replayed in."""


@dataclass(frozen=True)
class Parted:
    """The questions parted by lot: `[Q1]` that learn and `[Q2]` that test, both in random order."""

    learn: Ints
    test: Ints


@dataclass(frozen=True, eq=False)
class Ready:
    """Everything that a promise is looked for among: a policy fitted on the learning part, and plans with their outcomes on both
    parts.

    `same_for_all` are the places of the plans that treat every question alike.
    """

    policy: Policy
    plans: tuple[Plan, ...]
    learned: Outcomes
    tested: Outcomes
    same_for_all: tuple[int, ...]
    parted: Parted
    pool: Pool
    orders: tuple[Ints, ...]


@dataclass(frozen=True)
class Kept:
    """A policy with its promise, what led to it, and the place of its plan among those that were ready."""

    policy: Policy
    shown: Shown
    place: int


def part(questions: int, seed: int, share: float = LEARN_SHARE) -> Parted:
    """Part the questions by lot, decided by the seed."""
    order = np.random.default_rng([seed, 0x1EA2]).permutation(questions)
    cut = round(share * questions)
    return Parted(order[:cut], order[cut:])


def ready(found: Recorded, settings: Settings, *, share: float = LEARN_SHARE, orders: int = ORDERS) -> Ready:
    """Fit on the learning part, and replay every plan on all questions.

    Raises:
        UserError: nothing can choose among the samples, or fewer than 20 questions would be on either side.
    """
    parted = part(len(found.pool.questions), settings.seed, share)
    if min(parted.learn.size, parted.test.size) < 20:
        raise UserError(
            f"A promise needs at least 20 questions to learn from and 20 others to test it on; of "
            f"{len(found.pool.questions)} questions "
            f"{parted.learn.size} would learn and {parted.test.size} test: sample more questions."
        )
    pool = probabilities_from(found.pool, parted.learn)
    learning = on_questions(pool, [pool.questions[row] for row in parted.learn])
    policy = _fit(found, learning, parted.learn, settings)
    plans = [*policy.plans, *_same_for_all(found, pool, policy)]
    drawn = tuple(orders_of(pool, orders, settings.seed))
    done = replay_plans(pool, policy, plans, drawn, found.runs)
    names = tuple(named(plan) for plan in plans)
    caps = np.maximum(np.array([plan.budget for plan in plans]), done.cost.max(axis=0))
    outcomes = Outcomes(names, done.correct, done.cost, caps)
    return Ready(
        policy,
        tuple(plans),
        outcomes.on(parted.learn),
        outcomes.on(parted.test),
        tuple(place for place, plan in enumerate(plans) if len(plan.choices) == 1),
        parted,
        pool,
        drawn,
    )


def keep(
    candidates: Ready,
    *,
    target_accuracy: float | None = None,
    mean_budget: float | None = None,
    price_of_error: float | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Kept:
    """The best plan that can be promised to keep the one goal that is given.

    Raises:
        NotPromised: the questions do not support it.
        UserError: not exactly one goal.

    >>> keep(ready(found, Settings()), target_accuracy=0.8).policy.promise.sentence()       # doctest: +SKIP
    'At least 80.0% of answers are right, with 95% confidence, ...'
    """
    goal = _goal(candidates, target_accuracy, mean_budget, price_of_error)
    shown = learn_then_test(goal, candidates.learned, candidates.tested, level=level, seed=seed)
    place = shown.chosen.candidate
    promise = _promise(goal, shown, candidates)
    return Kept(_with_promise(candidates, place, promise, shown, seed), shown, place)


def named(plan: Plan) -> str:
    """A plan in a few words: `per bin, up to 16`, or `majority x 8 for all`."""
    if len(plan.choices) > 1:
        return f"per bin, up to {plan.budget:g}"
    choice = plan.choices[0]
    return f"{choice.strategy['name']} x {choice.generations} for all"


def _fit(found: Recorded, learning: Pool, rows: Ints, settings: Settings) -> Policy:
    runs = _runs_on(found.runs, rows)
    difficulty_pool = None
    if found.difficulty_pool is not None:
        difficulty_pool = on_questions(found.difficulty_pool, list(learning.questions))
    view = calibration_view(
        learning, difficulty_pool=difficulty_pool, runs=runs, sampling=found.sampling, settings=settings
    )
    table = replace(view.candidates, verifier=found.verifier)
    budgets = [float(k) for k in budgets_up_to(learning.size)]
    if "pilot" not in view.values:
        return fit_policy(table, budgets=budgets, shrinkage=settings.shrinkage)
    scored = learning.scores is not None
    samples = round(view.difficulty_cost["pilot"])
    source = Difficulty(
        source="pilot",
        measure="score" if scored else "consensus",
        samples=samples,
        cost=float(samples),
        strategy={"name": "best_of_n" if scored else "majority", **found.sampling},
    )
    return fit_policy(
        table, view.values["pilot"], source, bins=settings.bins, budgets=budgets, shrinkage=settings.shrinkage
    )


def _same_for_all(found: Recorded, pool: Pool, policy: Policy) -> list[Plan]:
    """Every method of the pool at every k, as a plan for all questions; those that the policy has already are left out."""
    methods = []
    if pool.can_vote and pool.answers is not None:
        methods.append("majority")
    if pool.scores is not None:
        methods.append("best_of_n")
        if "majority" in methods:
            methods.append("weighted")  # the last one is the baseline
    known = [plan.choices for plan in policy.plans if len(plan.choices) == 1]
    plans = []
    for method in methods:
        for k in budgets_up_to(pool.size):
            strategy = {"name": STRATEGIES.get(method, method), **found.sampling}
            choices = (Choice(strategy=strategy, generations=k, reuses_pilot=True),)
            if choices not in known:
                plans.append(Plan(budget=float(k), choices=choices))
    return plans


def _goal(
    candidates: Ready, target_accuracy: float | None, mean_budget: float | None, price_of_error: float | None
) -> Goal:
    given = [one for one in (target_accuracy, mean_budget, price_of_error) if one is not None]
    if len(given) != 1:
        raise UserError("Give exactly one goal: a target accuracy, a mean budget, or the price of an error.")
    if target_accuracy is not None:
        return TargetAccuracy(target_accuracy)
    if mean_budget is not None:
        return MeanBudget(mean_budget)
    assert price_of_error is not None
    goal = PriceOfError(price_of_error, candidates.same_for_all[0])
    losses = goal.loss(candidates.learned).mean(axis=0)
    return PriceOfError(price_of_error, min(candidates.same_for_all, key=lambda place: losses[place]))


def _promise(goal: Goal, shown: Shown, candidates: Ready) -> Promise:
    chosen = shown.chosen
    needed_no_test = chosen.p_value == 0.0 and goal.thresholds(candidates.tested)[chosen.candidate] < 0
    return Promise(
        kind=goal.kind,
        target=goal.target,
        level=1.0 if needed_no_test else shown.level,
        estimate=round(chosen.estimate, 6),
        bound=round(chosen.bound, 6),
        candidate=chosen.name,
        against=candidates.tested.names[goal.against] if isinstance(goal, PriceOfError) else "",
        p_value=float(f"{chosen.p_value:.3g}"),
        test="by construction" if needed_no_test else chosen.test.kind,
        learned_on=shown.learned,
        tested_on=0 if needed_no_test else shown.tested,
        steps=len(shown.steps),
    )


def _with_promise(candidates: Ready, place: int, promise: Promise, shown: Shown, seed: int) -> Policy:
    """The policy whose largest plan is the promised one, with what the tested questions measured of every plan."""
    plan = candidates.plans[place]
    smaller = [one for one in candidates.policy.plans if one.budget < plan.budget]
    kept = [*smaller, plan]
    figures = {one.budget: _measured(candidates, one, seed) for one in kept}
    bare = candidates.policy.model_copy(update={"plans": tuple(kept), "promise": promise})
    if all(len(one.choices) == 1 for one in kept):
        bare = bare.model_copy(update={"edges": (), "difficulty": Difficulty()})
    return bare.measured(
        figures,
        Provenance(
            questions=shown.tested,
            seed=seed,
            orders=len(candidates.orders),
            level=0.95,
            baseline=candidates.tested.names[candidates.same_for_all[-1]].partition(" x ")[0],
            date=date.today().isoformat(),
        ),
    )


def _measured(candidates: Ready, plan: Plan, seed: int) -> Measured:
    place = candidates.plans.index(plan)
    family = candidates.plans[candidates.same_for_all[-1]].choices[0].strategy
    base = [
        other
        for other in candidates.same_for_all
        if candidates.plans[other].choices[0].strategy == family and candidates.plans[other].budget <= plan.budget
    ]
    return Measured(
        accuracy=_figure(candidates.tested.correct[:, place], seed, proportions=True),
        cost=_figure(candidates.tested.cost[:, place], seed, proportions=False),
        baseline=_figure(candidates.tested.correct[:, base[-1]], seed, proportions=True) if base else None,
    )


def _figure(values: Floats, seed: int, *, proportions: bool) -> Figure:
    found = interval(values, seed=seed, proportions=proportions)
    return Figure(
        mean=round(float(found.mean[0]), 6), low=round(float(found.low[0]), 6), high=round(float(found.high[0]), 6)
    )


def _runs_on(runs: Sequence[Realised], rows: Ints) -> list[Realised]:
    """The same runs on these questions alone."""
    return [replace(run, correct=run.correct[rows], cost=run.cost[rows], flops=None) for run in runs]
