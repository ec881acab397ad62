"""Policies by difficulty bins whose choices may name another model: routers among them.

Bins are told by a pilot, or by the question's words before anything is sampled; choices are strategies of the own model or, where
one may switch, another model's answer. A router has one answer of either model to choose from, and no more.

What such a policy achieves is measured on questions that fitted nothing of it: not its reader of words, not its edges, not its
choices. A policy that is the same for all, by lot between two choices at the same mean cost, is what it has to beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from outlay.errors import UserError
from outlay.policies import (
    AcrossPlan,
    AcrossPolicy,
    Candidates,
    Choice,
    Difficulty,
    PerBinPolicy,
    PolicyCurve,
    Provenance,
    Rule,
    across,
    fit_policy,
    per_bin,
)
from outlay.policies.across import fit_across
from outlay.policies.calibrate import choice_of
from outlay.policies.choosing import charge
from outlay.policies.crossfit import fit_choices
from outlay.policies.crossfit_sequences import folds_of
from outlay.policies.wording import FOLDS, Wording, cross_fitted_values, some
from outlay.study.calibration import calibration_view
from outlay.study.deciding import ORDERS, Pilot, baseline_method, baselines, pilot_policies
from outlay.study.fitting import estimate_of, figures_of
from outlay.study.handing import handed_of, with_handed
from outlay.study.measure import budgets_up_to, with_probabilities
from outlay.study.pools import Floats
from outlay.study.runs import Recorded
from outlay.study.settings import Settings

SOURCES = ("pilot", "question", "probe:FOLDER")
"""What may tell difficulty: the first samples, the question's words, or a probe that reads the question."""
REPEATS = 4
"""How often questions are dealt into folds anew, where a reader of words is fitted."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What a policy by bins is fitted on: candidates, difficulty values of the same questions `[Q]`, and how they are told.

    `everything` has the candidates that a router does not choose from: baselines do.
    """

    table: Candidates
    everything: Candidates
    values: Floats
    estimate: Difficulty
    method: str


@dataclass(frozen=True, eq=False)
class Fitted:
    """A policy, its curve, and that of lots between two choices that are the same for all; its `error` is Monte-Carlo."""

    policy: PerBinPolicy
    curve: PolicyCurve
    by_lot: PolicyCurve | None
    error: float = 0.0


def ground_of(
    found: Recorded, settings: Settings, source: str | None = None, *, switching: bool = False, single: bool = False
) -> Ground:
    """What was recorded, as a policy by bins is fitted on it; `single`, where one answer of each model is all that it may choose.

    Difficulty is told by the `source` "question" (its words), or where that is None by the probe that was asked, else by a pilot.

    Raises:
        UserError: nothing can choose among the samples, difficulty cannot be told so, or there is no other model to switch to.
    """
    view = calibration_view(
        found.pool, difficulty_pool=found.difficulty_pool, runs=found.runs, sampling=found.sampling, settings=settings
    )
    table = replace(view.candidates, verifier=found.verifier)
    method = baseline_method({name.partition("@")[0] for name in table.names})
    assert method is not None
    if switching:
        table = with_handed(table, handed_of(found, method))
    if source == "none":
        return Ground(table, table, np.zeros(table.questions), Difficulty(), method)
    if source == "question":
        texts, rates = texts_of(found), found.pool.correct.mean(axis=1)
        drawing = {"name": "majority" if found.pool.scores is None else "best_of_n", **found.sampling}
        estimate = Difficulty(source="question", reader=Wording.fit(texts, rates), strategy=drawing)
        values = cross_fitted_values(texts, rates, settings.seed)
    elif source is None:
        kind, estimate = estimate_of(found, view)
        values = view.values[kind]
    else:
        raise UserError(f"difficulty is told by {' or '.join(SOURCES)}, not {source!r:.40}")
    return Ground(_single(table, max(1, estimate.samples)) if single else table, table, values, estimate, method)


def _single(table: Candidates, most: int) -> Candidates:
    """One answer of each model: other models' answers, and what the own makes of so many samples (those of a pilot)."""
    return table.only([i for i, model in enumerate(table.models) if model is not None or table.budget[i] <= most])


def texts_of(found: Recorded) -> tuple[str, ...]:
    """The questions' texts. Raises UserError where the traces do not have them."""
    if not found.texts or not any(found.texts):
        raise UserError(
            "the traces do not hold the questions' texts, so their words cannot tell difficulty: use a pilot"
        )
    return found.texts


def fitted_by_bins(
    found: Recorded, settings: Settings, kind: str, budget: float, *, source: str | None = None, switching: bool = False
) -> Fitted:
    """A policy of the kind `per_bin`, `across` or `router` with its figures; those of the last two follow the mean `budget`.

    Raises UserError as `ground_of` does, and where the budget is below what the cheapest choices cost.
    """
    ground = ground_of(found, settings, source, switching=switching, single=kind == "router")
    means = kind != "per_bin"
    least = least_mean(ground) if means else 1.0
    largest = found.pool.size if kind != "router" else max(1, int(ground.table.budget.max()))
    budgets = sorted({float(k) for k in budgets_up_to(largest) if k >= least} | ({budget} if means else set()))
    if means and budget < least:
        raise UserError(
            f"a mean budget of {budget:g} generations is below the {least:g} that telling difficulty and one answer cost"
        )
    rule = Rule(settings.shrinkage)
    if means:
        policy: PerBinPolicy = across_policy(ground, kind, budgets, budget, settings, rule)
    else:
        policy = fit_policy(
            ground.table,
            ground.values,
            ground.estimate,
            bins=settings.bins,
            budgets=budgets,
            shrinkage=settings.shrinkage,
        )
    curve, error = _measured(found, ground, budgets, settings, means)
    base = baselines(ground.everything, ground.method, budgets, settings.splits, settings.seed)
    figures = figures_of(curve, base[f"uniform_{ground.method}"], base["best_fixed"], settings)
    provenance = Provenance(
        questions=ground.table.questions,
        seed=settings.seed,
        orders=ORDERS if ground.estimate.source == "pilot" else 0,
        splits=settings.splits if ground.estimate.source == "probe" else 0,
        baseline=f"uniform {ground.method}",
        date=date.today().isoformat(),
    )
    by_lot = None
    if means:
        blind = np.zeros(ground.table.questions)
        by_lot = across(ground.table, blind, 1, budgets, splits=settings.splits, seed=settings.seed, name="by lot")
    return Fitted(policy.measured(figures, provenance), curve, by_lot, error)


def least_mean(ground: Ground) -> float:
    """The least mean cost: telling difficulty, and the cheapest choice."""
    return float(charge(ground.table, ground.estimate.drawn).cost.mean(axis=0).min())


def across_policy(
    ground: Ground, kind: str, budgets: Sequence[float], budget: float, settings: Settings, rule: Rule
) -> AcrossPolicy:
    """The policy file of the best split of each mean budget over bins."""
    cost = ground.estimate.drawn
    edges, split = fit_across(ground.table, ground.values, settings.bins, np.array(budgets), cost, rule)

    def choices(picked: np.ndarray) -> tuple[Choice, ...]:
        return tuple(choice_of(ground.table, int(index)) for index in picked)

    return AcrossPolicy(
        kind="router" if kind == "router" else "across",
        task=ground.table.task,
        model=ground.table.model,
        verifier=ground.table.verifier,
        difficulty=ground.estimate,
        edges=edges.edges,
        plans=tuple(
            AcrossPlan(
                budget=one,
                choices=choices(split.low[:, b]),
                dearer=choices(split.high[:, b]),
                shares=tuple(round(float(share), 6) for share in split.share[:, b]),
            )
            for b, one in enumerate(budgets)
        ),
        mean_budget=budget,
    )


def _measured(
    found: Recorded, ground: Ground, budgets: Sequence[float], settings: Settings, means: bool
) -> tuple[PolicyCurve, float]:
    """The policy's curve on questions that did not fit it, and its Monte-Carlo error."""
    if ground.estimate.source == "question":
        rates = found.pool.correct.mean(axis=1)
        return by_words(ground.table, texts_of(found), rates, budgets, settings, means=means), 0.0
    if ground.estimate.source == "probe":
        options: dict[str, Any] = {"splits": settings.splits, "shrinkage": settings.shrinkage, "seed": settings.seed}
        fit = across if means else per_bin
        curve = fit(ground.table, ground.values, settings.bins, budgets, **options)
        return replace(curve, cost=curve.cost + ground.estimate.reading), 0.0
    pool = with_probabilities(found.pool, settings.seed)
    pilot = Pilot(ground.estimate.samples, tuple(budgets), across=means)
    return pilot_policies(pool, ground.table, budgets_up_to(pool.size), [pilot], settings, found.flops)[0]


def by_words(
    table: Candidates,
    texts: Sequence[str],
    rates: Floats,
    budgets: Sequence[float],
    settings: Settings,
    *,
    means: bool,
) -> PolicyCurve:
    """A policy whose bins are told by the questions' words, cross-fitted by question: reader, edges and choices of other folds.

    `rates` `[Q]` is how often the own model is right; `means` says that budgets are means over questions, no hard caps.
    """
    rule, at = Rule(settings.shrinkage), np.array(budgets, dtype=np.float64)
    shape = (table.questions, at.size)
    accuracy, cost = np.zeros(shape), np.zeros(shape)
    others = {unit: np.zeros(shape) for unit in table.other_costs}
    choices = np.full((REPEATS, FOLDS, settings.bins, at.size), -1, dtype=np.int64)
    for repeat in range(REPEATS):
        fold = folds_of(table.questions, FOLDS, settings.seed + repeat)
        lots = np.random.default_rng([settings.seed, repeat, 0x10757]).random(table.questions)
        for number in range(FOLDS):
            fit, own = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            learned = some(texts, fit)
            values = cross_fitted_values(learned, rates[fit], settings.seed)
            told = Wording.fit(learned, rates[fit]).values(some(texts, own))
            if means:
                edges, split = fit_across(table.on(fit), values, settings.bins, at, 0.0, rule)
                choices[repeat, number, : edges.count] = split.low
                picked = split.pick(edges.assign(told), lots[own])
            else:
                edges, chosen = fit_choices(table.on(fit), values, settings.bins, at, 0.0, rule)
                choices[repeat, number, : edges.count] = chosen
                picked = chosen[edges.assign(told)]
            rows = own[:, None]
            accuracy[own] += table.accuracy[rows, picked] / REPEATS
            cost[own] += table.cost[rows, picked] / REPEATS
            for unit, total in others.items():
                total[own] += table.other_costs[unit][rows, picked] / REPEATS
    unpaid = np.zeros(at.size, dtype=np.bool_)
    return PolicyCurve("router" if means else "per bin", at, accuracy, cost, choices, table.names, unpaid, others)
