"""From recorded traces to a policy with a promise: fitted on some questions, promised by others, or refused.

The questions are parted by lot. The learning part fits the policies and orders the candidates; the other part, which nothing has
seen, tests them (`outlay.promises.learn_then_test`), measures the one that is promised, and is the reference for drift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from outlay.curves import compute_ratio, interval
from outlay.errors import UserError
from outlay.policies import (
    AcrossPolicy,
    Difficulty,
    Figure,
    Measured,
    PerBinPolicy,
    Plan,
    Provenance,
    RulePolicy,
    Saving,
    SequentialPolicy,
)
from outlay.promises import Goal, MeanBudget, Outcomes, PriceOfError, Promise, Shown, TargetAccuracy, learn_then_test
from outlay.study.options import KINDS, Option, options_of, replay_options
from outlay.study.pools import Floats, Ints, Pool
from outlay.study.replays import orders_of, probabilities_from
from outlay.study.runs import Recorded
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
    """Everything that a promise is looked for among: options fitted on the learning part, with their outcomes on both parts."""

    options: tuple[Option, ...]
    learned: Outcomes
    tested: Outcomes
    parted: Parted
    pool: Pool
    orders: tuple[Ints, ...]

    @property
    def same_for_all(self) -> list[int]:
        """The places of the options that treat every question alike."""
        return [place for place, option in enumerate(self.options) if option.kind == "same_for_all"]


@dataclass(frozen=True)
class Kept:
    """A policy with its promise, what led to it, and the place of its option among those that were ready."""

    policy: PerBinPolicy | SequentialPolicy | RulePolicy
    option: Option
    shown: Shown
    place: int


def part(questions: int, seed: int, share: float = LEARN_SHARE) -> Parted:
    """Part the questions by lot, decided by the seed."""
    order = np.random.default_rng([seed, 0x1EA2]).permutation(questions)
    cut = round(share * questions)
    return Parted(order[:cut], order[cut:])


def ready(
    found: Recorded,
    settings: Settings,
    *,
    kinds: Sequence[str] = KINDS,
    share: float = LEARN_SHARE,
    orders: int = ORDERS,
    switching: bool = False,
    source: str | None = None,
) -> Ready:
    """Fit on the learning part, and replay every option on all questions; `switching` and `source` as in `options_of`.

    Raises:
        UserError: nothing can choose among the samples, or fewer than 20 questions would be on either side.
    """
    parted = part(len(found.pool.questions), settings.seed, share)
    if min(parted.learn.size, parted.test.size) < 20:
        raise UserError(
            f"A promise needs at least 20 questions to learn from and 20 others to test it on; of "
            f"{len(found.pool.questions)} questions {parted.learn.size} would learn and {parted.test.size} test: sample more."
        )
    pool = probabilities_from(found.pool, parted.learn)
    options = options_of(found, pool, parted.learn, settings, kinds, switching=switching, source=source)
    drawn = tuple(orders_of(pool, orders, settings.seed))
    correct, cost = replay_options(pool, options, drawn, found)
    caps = np.maximum(np.array([option.cap for option in options]), cost.max(axis=0))
    outcomes = Outcomes(tuple(option.name for option in options), correct, cost, caps)
    learned, tested = outcomes.on(parted.learn), outcomes.on(parted.test)
    return Ready(tuple(options), learned, tested, parted, pool, drawn)


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
    policy = _with_promise(candidates, place, _promise(goal, shown, candidates), shown, seed)
    return Kept(policy, candidates.options[place], shown, place)


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


def _with_promise(
    candidates: Ready, place: int, promise: Promise, shown: Shown, seed: int
) -> PerBinPolicy | SequentialPolicy | RulePolicy:
    """The policy that follows the promised option, with what the tested questions measured of it.

    A policy by bins keeps its smaller plans, for requests with less to spend; the largest plan is the promised one.
    """
    option = candidates.options[place]
    measured = _measured(candidates, place, seed)
    provenance = Provenance(
        questions=shown.tested,
        seed=seed,
        orders=len(candidates.orders),
        baseline=_family(candidates.options[-1]) if measured.baseline is not None else "",
        date=date.today().isoformat(),
    )
    if not isinstance(option.policy, PerBinPolicy):
        following = option.policy.model_copy(update={"promise": promise})
        return following.measured({option.policy.plan().budget: measured}, provenance)
    own = _plan(candidates, place)
    smaller = [
        other
        for other, one in enumerate(candidates.options)
        if one.policy is option.policy
        and (smaller_plan := _plan(candidates, other)) in option.policy.plans
        and smaller_plan.budget < own.budget
    ]
    plans = sorted([*(_plan(candidates, other) for other in smaller), own], key=lambda plan: plan.budget)
    update = {"plans": tuple(plans), "promise": promise}
    if isinstance(option.policy, AcrossPolicy):
        update["mean_budget"] = own.budget
    elif all(len(plan.choices) == 1 for plan in plans):
        update |= {"edges": (), "difficulty": Difficulty()}
    figures = {own.budget: measured}
    figures |= {_plan(candidates, other).budget: _measured(candidates, other, seed) for other in smaller}
    return option.policy.model_copy(update=update).measured(figures, provenance)


def _plan(candidates: Ready, place: int) -> Plan:
    plan = candidates.options[place].plan
    assert plan is not None
    return plan


def _family(option: Option) -> str:
    return f"uniform {_strategy(option)['name']}"


def _strategy(option: Option) -> Mapping[str, Any]:
    assert option.plan is not None
    return option.plan.choices[0].strategy


def _measured(candidates: Ready, place: int, seed: int) -> Measured:
    """Accuracy and cost on the tested questions; beside them the baseline, the last family of all, with as much to spend on
    average, and how many times less compute the option needs at equal accuracy.
    """
    tested, last = candidates.tested, candidates.options[-1]
    family = [other for other in candidates.same_for_all if _strategy(candidates.options[other]) == _strategy(last)]
    family.sort(key=lambda other: candidates.options[other].cap)
    spent = tested.cost[:, place].mean()
    base = [other for other in family if candidates.options[other].cap <= spent * (1 + 1e-9)]
    return Measured(
        accuracy=_figure(tested.correct[:, place], seed, proportions=True),
        cost=_figure(tested.cost[:, place], seed, proportions=False),
        baseline=_figure(tested.correct[:, base[-1]], seed, proportions=True) if base else None,
        times_less_than_baseline=_times_less(tested, family, place, seed),
    )


def _times_less(tested: Outcomes, family: Sequence[int], place: int, seed: int) -> Saving | None:
    """The least cost at which the family is as accurate, over the option's; None without a family."""
    if not family:
        return None
    ratio = compute_ratio(
        tested.cost[:, family].mean(axis=0),
        tested.correct[:, family],
        tested.cost[:, place],
        tested.correct[:, place],
        seed=seed,
    )
    value, low, high = (round(float(each), 6) for each in (ratio.value, ratio.low, ratio.high))
    return Saving(value=value, low=low, high=high, censored=bool(ratio.censored))


def _figure(values: Floats, seed: int, *, proportions: bool) -> Figure:
    found = interval(values, seed=seed, proportions=proportions)
    return Figure(
        mean=round(float(found.mean[0]), 6), low=round(float(found.low[0]), 6), high=round(float(found.high[0]), 6)
    )
