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
from outlay.policies import AcrossPolicy, Choice, PerBinPolicy, Plan, RulePolicy, SequentialPolicy, Switch, fit_policy
from outlay.policies.across_policy import AcrossPlan
from outlay.policies.choosing import Rule
from outlay.policies.fit_sequence import fit_path, fit_sequence, replay
from outlay.policies.prefixes import Prefixes, prefixes
from outlay.policies.rules import RULES
from outlay.policies.samples import Alternative, Samples, Select
from outlay.study.deciding import STRATEGIES
from outlay.study.fitting import score_map_of
from outlay.study.fitting_bins import Ground, across_policy, ground_of, least_mean
from outlay.study.measure import budgets_up_to
from outlay.study.pools import Floats, Ints, Pool, on_questions
from outlay.study.replays import PlanReplay
from outlay.study.runs import Recorded, recorded_on
from outlay.study.sequences import FEWEST_QUESTIONS, samples_of
from outlay.study.settings import Settings

KINDS = ("per_bin", "same_for_all", "sequential")
"""The kinds of candidates that are tried for a promise where none is named."""
NAMED_KINDS = (*KINDS, "across", "router", *RULES)
"""Those that may be named."""
MEANS = 12
"""Mean budgets that policies across questions and rules are fitted for, evenly on a log scale."""


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
        if isinstance(self.policy, SequentialPolicy | RulePolicy):
            return self.policy.cap
        assert self.plan is not None
        if isinstance(self.policy, AcrossPolicy) and isinstance(self.plan, AcrossPlan):
            return self.policy.most(self.plan)
        return self.plan.budget

    @property
    def select(self) -> Select | None:
        """How the answer is chosen among samples, where one rule chooses it for every question."""
        return None if isinstance(self.policy, PerBinPolicy) else self.policy.select


def options_of(
    found: Recorded,
    pool: Pool,
    rows: Ints,
    settings: Settings,
    kinds: Sequence[str] = KINDS,
    *,
    switching: bool = False,
    source: str | None = None,
) -> list[Option]:
    """Policies of these kinds, fitted to the questions `rows` alone.

    Args:
        found: what was recorded.
        pool: its pool, with probabilities that only `rows` were used for.
        rows: the questions that fit.
        settings: seed, bins, pilot and shrinkage.
        kinds: among `NAMED_KINDS`; policies that are the same for all are always there, to be compared with.
        switching: whether a policy may hand over to another model, a sequential one to a search too.
        source: what tells difficulty for bins: "question" (its words), or None: the probe that was asked, else a pilot.

    Raises:
        UserError: nothing can choose among the samples, or a kind that these samples do not allow.
    """
    learning = on_questions(pool, [pool.questions[row] for row in rows])
    part = replace(recorded_on(found, rows), pool=learning)
    ground, fallback = _ground(part, settings, source, switching=switching)
    per_bin = fit_policy(
        ground.table,
        None if fallback else ground.values,
        None if fallback else ground.estimate,
        bins=settings.bins,
        budgets=[float(k) for k in budgets_up_to(learning.size)],
        shrinkage=settings.shrinkage,
    )
    options: list[Option] = []
    if "per_bin" in kinds:
        options += [Option(named(plan), "per_bin", per_bin, plan) for plan in per_bin.plans if len(plan.choices) > 1]
    method = best_method(pool)
    for kind in (one for one in kinds if one in ("across", "router")):
        own = ground_of(part, settings, source, switching=switching or kind == "router", single=kind == "router")
        options += _across_options(own, kind, learning.size, settings)
    if "sequential" in kinds and len(rows) >= FEWEST_QUESTIONS and method is not None:
        samples = samples_for(part, learning, method, switching=switching)
        path = fit_path(samples, score_map=score_map_of(learning), seed=settings.seed)
        options += [Option(f"sequential, {one.plan().budget:.2g} on average", "sequential", one) for one in path]
    for kind in (one for one in kinds if one in RULES):
        if method is not None:
            samples = samples_for(part, learning, method, switching=switching or kind == "cascade")
            options += _rule_options(samples, kind, learning, settings)
    fixed = [plan for plan in per_bin.plans if len(plan.choices) == 1] + _same_for_all(found, pool, per_bin)
    return [*options, *(Option(named(plan), "same_for_all", per_bin, plan) for plan in fixed)]


def _ground(part: Recorded, settings: Settings, source: str | None, *, switching: bool) -> tuple[Ground, bool]:
    """What policies by bins are fitted on; where nothing tells difficulty, without bins (and True)."""
    try:
        return ground_of(part, settings, source, switching=switching and bool(part.larger)), False
    except UserError:
        return ground_of(part, settings, "none", switching=switching and bool(part.larger)), True


def _across_options(ground: Ground, kind: str, size: int, settings: Settings) -> list[Option]:
    """A policy across questions at each of several mean budgets."""
    least = least_mean(ground)
    most = max(1.2 * least, float(ground.table.budget.max()) if kind == "router" else size)
    budgets = sorted({round(float(b), 2) for b in np.geomspace(1.05 * least + 0.01, most, MEANS)})
    policy = across_policy(ground, kind, budgets, budgets[-1], settings, Rule(settings.shrinkage))
    words = "router" if kind == "router" else "across questions"
    return [Option(f"{words}, {plan.budget:g} on average", kind, policy, plan) for plan in policy.plans]


def _rule_options(samples: Samples, kind: str, learning: Pool, settings: Settings) -> list[Option]:
    """A rule tuned for each of several mean budgets, each setting once."""
    budgets = sorted({round(float(b), 2) for b in np.geomspace(1.0, samples.size, MEANS)})
    policy = fit_sequence(samples, budgets, kind, score_map=score_map_of(learning), seed=settings.seed)
    assert isinstance(policy, RulePolicy)
    found = {plan.model_copy(update={"budget": 1.0}): plan for plan in reversed(policy.plans)}
    return [
        Option(
            f"{kind.replace('_', ' ')}, {one.budget:g} on average", kind, policy.model_copy(update={"plans": (one,)})
        )
        for one in sorted(found.values(), key=lambda plan: plan.budget)
    ]


def replay_options(
    pool: Pool, options: Sequence[Option], orders: Sequence[Ints], found: Recorded
) -> tuple[Floats, Floats]:
    """Correctness and cost of every option on every question, `[Q, C]` each, averaged over the orders."""
    correct, cost = (np.empty((len(pool.questions), len(options))) for _ in range(2))
    by_bins: dict[int, list[int]] = {}
    replays = _Replays(found, pool, np.stack(orders))
    for place, option in enumerate(options):
        if isinstance(option.policy, PerBinPolicy):
            by_bins.setdefault(id(option.policy), []).append(place)
            continue
        right, spent = replays.of(option.policy)
        correct[:, place], cost[:, place] = right.mean(axis=1), spent.mean(axis=1)
    for places in by_bins.values():
        policy = options[places[0]].policy
        assert isinstance(policy, PerBinPolicy)
        plans = [plan for place in places if (plan := options[place].plan) is not None]
        correct[:, places], cost[:, places] = PlanReplay(pool, policy, plans, found).averaged(orders)
    return np.clip(correct, 0.0, 1.0), cost


class _Replays:
    """Replays of many policies on the same orders; what is seen at each stage is worked out once for all that look at the same
    stages.
    """

    def __init__(self, found: Recorded, pool: Pool, orders: Ints) -> None:
        self.found, self.pool, self.orders = found, pool, orders
        self._seen: dict[tuple[object, ...], Prefixes] = {}

    def of(self, policy: SequentialPolicy | RulePolicy) -> tuple[Floats, Floats]:
        """`outlay.policies.fit_sequence.replay` of this policy: correctness and cost, `[Q, O]` each."""
        samples = samples_under(self.found, self.pool, policy)
        if isinstance(policy, RulePolicy):
            return replay(policy, samples, self.orders)
        walk = policy.walk(policy.plan())
        key = (policy.select, walk.stages, *((switch.name, switch.cost) for switch in policy.switches))
        if key not in self._seen:
            self._seen[key] = prefixes(samples, self.orders, walk.stages)
        rows = self._seen[key]
        ended = walk.end(rows)
        shape = (len(self.orders), samples.questions)
        return ended.credit(rows).reshape(shape).T, ended.cost(rows).reshape(shape).T


def samples_for(found: Recorded, pool: Pool, method: str, *, switching: bool = False) -> Samples:
    """The pool as what sequential policies are fitted to; another model's answer counts for its mean cost.

    Raises:
        UserError: there is nothing to switch to.
    """
    if not switching:
        return samples_of(pool, method, sampling=found.sampling, verifier=found.verifier)
    samples = samples_of(
        pool,
        method,
        runs=found.runs,
        larger=found.larger,
        flops=found.flops,
        sampling=found.sampling,
        verifier=found.verifier,
    )
    if not samples.alternatives:
        raise UserError(
            f"There is nothing to switch to in the traces of {pool.model} on {pool.task}: no search, and no other model whose "
            "cost is known."
        )
    prices = {one.name: round(float(one.cost.mean()), 4) for one in samples.alternatives}
    return _priced(samples, prices)


def samples_under(found: Recorded, pool: Pool, policy: SequentialPolicy | RulePolicy) -> Samples:
    """The pool as this policy is replayed on it, with what it may switch to at the prices in its file."""
    switches: Sequence[Switch] = policy.switching
    if not switches:
        return samples_for(found, pool, policy.select)
    samples = samples_for(found, pool, policy.select, switching=True).switching_to([one.name for one in switches])
    return _priced(samples, {one.name: one.cost for one in switches})


def _priced(samples: Samples, prices: dict[str, float]) -> Samples:
    """The same, where each answer of another model costs what it counts for."""

    def priced(one: Alternative) -> Alternative:
        return replace(one, cost=np.full(one.cost.size, prices[one.name])) if one.model != samples.model else one

    return replace(samples, alternatives=tuple(priced(one) for one in samples.alternatives))


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
