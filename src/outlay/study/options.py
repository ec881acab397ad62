"""What could be promised: policies that follow one plan each, and what each would have done on every question of a recorded pool.

Whatever looks at samples before it decides is no statistic of k-subsets, so it is run on random orders of each question's
samples. Averages over orders are unbiased for a run on fresh samples, and questions stay independent, which is all that a
promise needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from outlay.errors import UserError
from outlay.policies import Choice, PerBinPolicy, Plan, RulePolicy, SequentialPolicy, fit_policy
from outlay.policies.fit_sequence import fit_path, replay
from outlay.policies.prefixes import Prefixes, prefixes
from outlay.policies.samples import Samples, Select
from outlay.study.calibration import calibration_view
from outlay.study.deciding import STRATEGIES
from outlay.study.fitting import estimate_of, score_map_of
from outlay.study.measure import budgets_up_to
from outlay.study.pools import Floats, Ints, Pool
from outlay.study.replays import replay_plans
from outlay.study.runs import Recorded, on_questions
from outlay.study.sequences import FEWEST_QUESTIONS, samples_of
from outlay.study.settings import Settings

KINDS = ("per_bin", "same_for_all", "sequential")
"""The kinds of candidates that are tried for a promise."""


@dataclass(frozen=True, eq=False)
class Option:
    """A policy and the plan of it that is followed; `cap` is the most generations that a question can cost under it."""

    name: str
    kind: str
    policy: PerBinPolicy | SequentialPolicy | RulePolicy
    plan: Plan | None = None

    @property
    def cap(self) -> float:
        """The most that a question can cost, in generations."""
        if self.plan is not None:
            return self.plan.budget
        if isinstance(self.policy, SequentialPolicy):
            return float(self.policy.plan().stages[-1].samples)
        assert isinstance(self.policy, RulePolicy)
        return float(self.policy.plan().most)

    @property
    def select(self) -> Select | None:
        """How the answer is chosen among samples, where one rule chooses it for every question."""
        return None if isinstance(self.policy, PerBinPolicy) else self.policy.select


def options_of(
    found: Recorded, pool: Pool, rows: Ints, settings: Settings, kinds: Sequence[str] = KINDS
) -> list[Option]:
    """Policies of these kinds, fitted to the questions `rows` alone.

    Args:
        found: what was recorded.
        pool: its pool, with probabilities that only `rows` were used for.
        rows: the questions that fit.
        settings: seed, bins, pilot and shrinkage.
        kinds: among `KINDS`; policies that are the same for all are always there, to be compared with.

    Raises:
        UserError: nothing can choose among the samples.
    """
    learning = on_questions(pool, [pool.questions[row] for row in rows])
    per_bin = _per_bin(found, learning, rows, settings)
    options = []
    if "per_bin" in kinds:
        options += [Option(named(plan), "per_bin", per_bin, plan) for plan in per_bin.plans if len(plan.choices) > 1]
    method = best_method(pool)
    if "sequential" in kinds and len(rows) >= FEWEST_QUESTIONS and method is not None:
        path = fit_path(samples_for(found, learning, method), score_map=score_map_of(learning), seed=settings.seed)
        options += [Option(f"sequential, {one.plan().budget:.2g} on average", "sequential", one) for one in path]
    fixed = [plan for plan in per_bin.plans if len(plan.choices) == 1] + _same_for_all(found, pool, per_bin)
    return [*options, *(Option(named(plan), "same_for_all", per_bin, plan) for plan in fixed)]


def replay_options(
    pool: Pool, options: Sequence[Option], orders: Sequence[Ints], found: Recorded
) -> tuple[Floats, Floats]:
    """Correctness and cost of every option on every question, `[Q, C]` each, averaged over the orders."""
    correct, cost = (np.empty((len(pool.questions), len(options))) for _ in range(2))
    planned = [place for place, option in enumerate(options) if option.plan is not None]
    if planned:
        plans = [plan for place in planned if (plan := options[place].plan) is not None]
        policy = options[planned[0]].policy
        assert isinstance(policy, PerBinPolicy)
        done = replay_plans(pool, policy, plans, orders, found.runs)
        correct[:, planned], cost[:, planned] = done.correct, done.cost
    replays = _Replays(found, pool, np.stack(orders))
    for place, option in enumerate(options):
        if not isinstance(option.policy, PerBinPolicy):
            right, spent = replays.of(option.policy)
            correct[:, place], cost[:, place] = right.mean(axis=1), spent.mean(axis=1)
    return np.clip(correct, 0.0, 1.0), cost


class _Replays:
    """Replays of many policies on the same orders; what is seen at each stage is worked out once for all that look at the same
    stages.
    """

    def __init__(self, found: Recorded, pool: Pool, orders: Ints) -> None:
        self.found, self.pool, self.orders = found, pool, orders
        self._seen: dict[tuple[str, tuple[int, ...]], Prefixes] = {}

    def of(self, policy: SequentialPolicy | RulePolicy) -> tuple[Floats, Floats]:
        """`outlay.policies.fit_sequence.replay` of this policy: correctness and cost, `[Q, O]` each."""
        samples = samples_for(self.found, self.pool, policy.select)
        if isinstance(policy, RulePolicy):
            return replay(policy, samples, self.orders)
        walk = policy.walk(policy.plan())
        key = (policy.select, walk.stages)
        if key not in self._seen:
            self._seen[key] = prefixes(samples, self.orders, walk.stages)
        rows = self._seen[key]
        ended = walk.end(rows)
        shape = (len(self.orders), samples.questions)
        return ended.credit(rows).reshape(shape).T, ended.cost(rows).reshape(shape).T


def samples_for(found: Recorded, pool: Pool, method: str) -> Samples:
    """The pool as what sequential policies are fitted to and replayed on."""
    return samples_of(pool, method, sampling=found.sampling, verifier=found.verifier)


def best_method(pool: Pool) -> str | None:
    """How answers are chosen where nothing else is asked for: weighted, else best-of-N, else majority."""
    votes = pool.can_vote and pool.answers is not None
    if pool.scores is not None:
        return "weighted" if votes else "best_of_n"
    return "majority" if votes else None


def named(plan: Plan) -> str:
    """A plan in a few words: `per bin, up to 16`, or `majority x 8 for all`."""
    if len(plan.choices) > 1:
        return f"per bin, up to {plan.budget:g}"
    choice = plan.choices[0]
    return f"{choice.strategy['name']} x {choice.generations} for all"


def _per_bin(found: Recorded, learning: Pool, rows: Ints, settings: Settings) -> PerBinPolicy:
    runs = [replace(run, correct=run.correct[rows], cost=run.cost[rows], flops=None) for run in found.runs]
    difficulty_pool = found.difficulty_pool
    if difficulty_pool is not None:
        difficulty_pool = on_questions(difficulty_pool, list(learning.questions))
    view = calibration_view(
        learning, difficulty_pool=difficulty_pool, runs=runs, sampling=found.sampling, settings=settings
    )
    table = replace(view.candidates, verifier=found.verifier)
    budgets = [float(k) for k in budgets_up_to(learning.size)]
    if "pilot" not in view.values and "probe" not in view.values:
        return fit_policy(table, budgets=budgets, shrinkage=settings.shrinkage)
    kind, source = estimate_of(found, view)
    return fit_policy(
        table, view.values[kind], source, bins=settings.bins, budgets=budgets, shrinkage=settings.shrinkage
    )


def _same_for_all(found: Recorded, pool: Pool, policy: PerBinPolicy) -> list[Plan]:
    """Every method of the pool at every k, as a plan for all questions; those that the policy has already are left out."""
    methods = []
    if pool.can_vote and pool.answers is not None:
        methods.append("majority")
    if pool.scores is not None:
        methods.append("best_of_n")
        if "majority" in methods:
            methods.append("weighted")  # the last one is the baseline
    if not methods:
        raise UserError(
            f"Nothing can choose among the samples of {pool.model} on {pool.task}: no scores, no answers that vote."
        )
    known = [plan.choices for plan in policy.plans if len(plan.choices) == 1]
    plans = []
    for method in methods:
        for k in budgets_up_to(pool.size):
            strategy = {"name": STRATEGIES.get(method, method), **found.sampling}
            choices = (Choice(strategy=strategy, generations=k, reuses_pilot=True),)
            if choices not in known:
                plans.append(Plan(budget=float(k), choices=choices))
    return plans
