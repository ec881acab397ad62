"""From recorded traces to a policy file: choices fitted on all questions, with the figures that other questions measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from outlay.curves.calibration import IsotonicMap
from outlay.errors import UserError
from outlay.policies import (
    AcrossPlan,
    AcrossPolicy,
    Choice,
    Difficulty,
    Figure,
    Measured,
    PerBinPolicy,
    PolicyCurve,
    Provenance,
    Rule,
    RulePolicy,
    Saving,
    SequentialPolicy,
    cross_fitted,
    fit_policy,
)
from outlay.policies.across import fit_across
from outlay.policies.fit_sequence import fit_sequence
from outlay.policies.seeing import ScoreMap
from outlay.study.calibration import calibration_view
from outlay.study.deciding import ORDERS, View, baseline_method, baselines, candidates_of
from outlay.study.figures import as_points, as_ratios
from outlay.study.measure import budgets_up_to, expected, with_probabilities
from outlay.study.pools import Pool
from outlay.study.runs import Recorded
from outlay.study.sequences import FEWEST_QUESTIONS, samples_of_recorded
from outlay.study.settings import Settings


def fitted(found: Recorded, group: Mapping[str, Any], settings: Settings) -> PerBinPolicy:
    """The policy for what was recorded on one task and model: bins by a probe where the questions were probed, else by a pilot,
    whose samples are part of the budget.

    `group` is its group of the summary: the figures in the file are those of `per_bin_pilot` (`per_bin_probe`) there, replayed over
    random orders and measured on questions that did not choose. Raises UserError where nothing tells difficulty without reference
    answers.
    """
    view = calibration_view(
        found.pool, difficulty_pool=found.difficulty_pool, runs=found.runs, sampling=found.sampling, settings=settings
    )
    kind, source = estimate_of(found, view)
    policy = fit_policy(
        replace(view.candidates, verifier=found.verifier),
        view.values[kind],
        source,
        bins=settings.bins,
        budgets=[float(k) for k in budgets_up_to(found.pool.size)],
        shrinkage=settings.shrinkage,
    )
    figures = _measured(group, f"per_bin_{kind}")
    baseline = next((name for name in group.get("policies", {}) if name.startswith("uniform_")), "")
    provenance = Provenance(
        questions=view.candidates.questions,
        seed=settings.seed,
        orders=ORDERS if figures and kind == "pilot" else 0,
        splits=settings.splits if figures and kind == "probe" else 0,
        baseline=baseline.replace("_", " ", 1) if figures else "",
        date=date.today().isoformat(),
    )
    return policy.measured(figures, provenance)


def estimate_of(found: Recorded, view: View) -> tuple[str, Difficulty]:
    """What tells difficulty here without reference answers, by its name among the view's values, and as a policy file says it: the
    probe where the questions were probed, else a pilot.

    Raises UserError where neither can.
    """
    if found.pool.probed is not None:
        return "probe", Difficulty(source="probe", probe=found.pool.probed.address, cost=found.pool.probed.cost)
    if "pilot" not in view.values:
        raise UserError("a pilot cannot tell difficulty here: it needs a verifier's scores, or answers that can vote")
    samples, scored = view.difficulty_cost["pilot"], found.pool.scores is not None
    return "pilot", Difficulty(
        source="pilot",
        measure="score" if scored else "consensus",
        samples=round(samples),
        cost=samples,
        strategy={"name": "best_of_n" if scored else "majority", **found.sampling},
    )


def fitted_across(found: Recorded, group: Mapping[str, Any], settings: Settings) -> AcrossPolicy:
    """The policy that spends across questions, for what was recorded: bins by a pilot or a probe, budgets means over questions.

    `group` is its group of the summary, whose `across_pilot` (`across_probe`) has the figures. Raises UserError where nothing tells
    difficulty.
    """
    plain = fitted(found, group, settings)
    view = calibration_view(
        found.pool, difficulty_pool=found.difficulty_pool, runs=found.runs, sampling=found.sampling, settings=settings
    )
    budgets = np.array([float(k) for k in budgets_up_to(found.pool.size) if k >= plain.difficulty.drawn])
    rule = Rule(settings.shrinkage)
    kind = plain.difficulty.source
    edges, split = fit_across(view.candidates, view.values[kind], settings.bins, budgets, plain.difficulty.drawn, rule)
    figures = _measured(group, f"across_{kind}")

    def choices(picked: np.ndarray) -> tuple[Choice, ...]:
        return tuple(
            Choice(
                strategy=dict(view.candidates.specs[index]),
                generations=round(float(view.candidates.budget[index])),
                reuses_pilot=view.candidates.reuses_pilot[index],
            )
            for index in picked
        )

    return AcrossPolicy(
        task=plain.task,
        model=plain.model,
        verifier=plain.verifier,
        calibrated=plain.calibrated,
        difficulty=plain.difficulty,
        edges=edges.edges,
        plans=tuple(
            AcrossPlan(
                budget=float(budget),
                choices=choices(split.low[:, b]),
                dearer=choices(split.high[:, b]),
                shares=tuple(round(float(share), 6) for share in split.share[:, b]),
                measured=figures.get(float(budget)),
            )
            for b, budget in enumerate(budgets)
        ),
        mean_budget=float(max((b for b in budgets if b <= settings.headline_budget), default=budgets[0])),
    )


def fitted_sequence(
    found: Recorded, kind: str, budget: float, settings: Settings, *, switching: bool = False
) -> SequentialPolicy | RulePolicy:
    """A policy that looks before it decides, for what was recorded: one plan for each power of two up to the mean budget, and for
    it.

    Its figures are cross-fitted by question, over random orders of the samples. Raises UserError where nothing can choose among
    the samples, or where the kind cannot be fitted to them.
    """
    pool = with_probabilities(found.pool, settings.seed)
    tables = expected(pool, [1], settings.seed)[0]
    method = baseline_method(tables)
    if method is None:
        raise UserError(
            f"Nothing can choose among the samples of {pool.model} on {pool.task} (no scores, no answers that vote), so no "
            "policy can be fitted; score the samples with a verifier first."
        )
    samples = samples_of_recorded(replace(found, pool=pool), method, settings.seed, switching=switching)
    budgets = [float(k) for k in budgets_up_to(max(1, int(budget)))]
    policy = fit_sequence(samples, budgets, kind, score_map=score_map_of(pool), seed=settings.seed)
    measured: dict[float, Measured] = {}
    if samples.questions >= FEWEST_QUESTIONS:
        ks = budgets_up_to(pool.size)
        whole = expected(pool, ks, settings.seed)[0]
        table = candidates_of(pool, whole, ks, found.runs)
        assert table is not None
        base = baselines(table, method, ks, settings.splits, settings.seed)
        one = cross_fitted(samples, budgets, (kind,), seed=settings.seed)[kind]
        measured = figures_of(one.curve, base[f"uniform_{method}"], base["best_fixed"], settings)
    provenance = Provenance(
        questions=samples.questions,
        seed=settings.seed,
        orders=ORDERS if measured else 0,
        baseline=f"uniform {method}" if measured else "",
        date=date.today().isoformat(),
    )
    return policy.measured(measured, provenance)


def score_map_of(pool: Pool) -> ScoreMap | None:
    """The map from raw scores to P(right) that all the pool's questions give; None where scores are in [0, 1]."""
    if pool.scores is None:
        return None
    finite = np.isfinite(pool.scores)
    raw = pool.scores[finite]
    if raw.min() >= 0 and raw.max() <= 1:
        return None
    fit = IsotonicMap.fit(raw, pool.correct[finite])
    knots = np.column_stack([fit.lower, fit.upper]).ravel()
    return ScoreMap(
        scores=tuple(round(float(x), 6) for x in knots),
        probabilities=tuple(round(float(p), 6) for p in np.repeat(fit.value, 2)),
    )


def figures_of(
    curve: PolicyCurve, uniform: PolicyCurve, fixed: PolicyCurve, settings: Settings
) -> dict[float, Measured]:
    """What a policy file says of each budget: accuracy and cost, the baselines' accuracy, how many times less it needs."""
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    accuracy, cost = as_points(curve.accuracy_interval(**options)), as_points(curve.cost_interval(**options))
    plain, best = as_points(uniform.accuracy_interval(**options)), as_points(fixed.accuracy_interval(**options))
    less, less_than_best = as_ratios(curve.savings(uniform, **options)), as_ratios(curve.savings(fixed, **options))
    found = {}
    for place, budget in enumerate(curve.budgets):
        there = np.flatnonzero(uniform.budgets == budget)
        found[float(budget)] = Measured(
            accuracy=_figure(accuracy[place]),
            cost=_figure(cost[place]),
            baseline=_figure(plain[there[0]]) if there.size else None,
            best_fixed=_figure(best[there[0]]) if there.size else None,
            times_less_than_baseline=_saving(less[place]),
            times_less_than_best_fixed=_saving(less_than_best[place]),
        )
    return found


def _measured(group: Mapping[str, Any], name: str) -> dict[float, Measured]:
    """What the summary says of a policy and of its baselines, by budget."""
    policies: Mapping[str, Any] = group.get("policies", {})
    pilot = policies.get(name)
    if pilot is None:
        return {}
    uniform = next((policy for name, policy in policies.items() if name.startswith("uniform_")), None)
    return {
        float(budget): Measured(
            accuracy=_figure(pilot["accuracy"][place]),
            cost=_figure(pilot["cost_interval"][place]),
            baseline=_at(uniform, budget),
            best_fixed=_at(policies.get("best_fixed"), budget),
            times_less_than_baseline=_saving(pilot["compute_ratio"][place]),
            times_less_than_best_fixed=_saving(pilot["compute_ratio_to_best_fixed"][place]),
        )
        for place, budget in enumerate(pilot["budget"])
    }


def _at(policy: Mapping[str, Any] | None, budget: float) -> Figure | None:
    if policy is None or budget not in policy["budget"]:
        return None
    return _figure(policy["accuracy"][policy["budget"].index(budget)])


def _figure(point: Mapping[str, float]) -> Figure:
    return Figure(mean=point["mean"], low=point["low"], high=point["high"])


def _saving(ratio: Mapping[str, Any]) -> Saving | None:
    """A ratio of the summary, in which null stands for infinity; None where the ratio itself is unknown."""
    if ratio["value"] is None:
        return None
    infinite = float("inf")
    return Saving(
        value=ratio["value"],
        low=infinite if ratio["low"] is None else ratio["low"],
        high=infinite if ratio["high"] is None else ratio["high"],
        censored=ratio["censored"],
    )
