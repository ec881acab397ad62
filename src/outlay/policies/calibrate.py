"""From a table of candidates to a policy file: choices from all questions, figures from cross-validation.

What the file says the policy achieves was measured on questions that did not choose (`per_bin`); what it will do was chosen
with all of them. The figures are therefore a little pessimistic, since the choices had twice the data that the measured ones
had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves import Interval, Ratio
from outlay.curves.shapes import Floats, Ints
from outlay.errors import UserError
from outlay.policies.candidates import Candidates, Where
from outlay.policies.choosing import Rule, charge
from outlay.policies.crossfit import PolicyCurve, best_fixed, fit_choices, pays_for_difficulty, per_bin, uniform
from outlay.policies.parts import Choice, Difficulty, Figure, Measured, Plan, Provenance, Saving
from outlay.policies.per_bin_policy import PerBinPolicy


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fitted policy, with the curves behind its figures."""

    policy: PerBinPolicy
    curve: PolicyCurve
    baseline: PolicyCurve | None
    fixed: PolicyCurve


def calibrate(
    candidates: Candidates,
    difficulty_values: ArrayLike | None = None,
    difficulty: Difficulty | None = None,
    *,
    bins: int = 5,
    budgets: Sequence[float] | None = None,
    baseline: Where | None = None,
    splits: int = 10,
    shrinkage: float = 0.0,
    one_standard_error: bool = False,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    date: str = "",
) -> Calibration:
    """Fit a per-bin policy and measure it by cross-validation against its baselines.

    Args:
        candidates, difficulty_values, difficulty, bins, budgets, shrinkage, one_standard_error: as in `fit_policy`.
        baseline: the family of the uniform baseline (`"best_of_n"`); None leaves it out.
        splits: random two-fold splits that the measurement averages, drawn from `seed`.
        level, resamples: for intervals.
        date: written into the file as it is (the caller's clock).

    Returns:
        Calibration with the policy and the measured curves.

    Raises:
        UserError: values without `difficulty`, or what `per_bin` refuses.
    """
    policy = fit_policy(
        candidates,
        difficulty_values,
        difficulty,
        bins=bins,
        budgets=budgets,
        shrinkage=shrinkage,
        one_standard_error=one_standard_error,
    )
    at = [plan.budget for plan in policy.plans]
    curve = per_bin(
        candidates,
        np.zeros(candidates.questions) if difficulty_values is None else difficulty_values,
        1 if difficulty_values is None else bins,
        at,
        difficulty_cost=policy.difficulty.drawn,
        splits=splits,
        shrinkage=shrinkage,
        one_standard_error=one_standard_error,
        seed=seed,
    )
    curve = replace(curve, cost=curve.cost + policy.difficulty.reading)
    fixed = best_fixed(candidates, at, splits=splits, one_standard_error=one_standard_error, seed=seed)
    base = None if baseline is None else uniform(candidates, baseline, at)
    figures = _measured(curve, base, fixed, level, resamples, seed)
    provenance = Provenance(
        questions=candidates.questions,
        seed=seed,
        splits=splits,
        level=level,
        baseline=base.name if base is not None else "",
        date=date,
    )
    return Calibration(policy.measured(figures, provenance), curve, base, fixed)


def fit_policy(
    candidates: Candidates,
    difficulty_values: ArrayLike | None = None,
    difficulty: Difficulty | None = None,
    *,
    bins: int = 5,
    budgets: Sequence[float] | None = None,
    shrinkage: float = 0.0,
    one_standard_error: bool = False,
) -> PerBinPolicy:
    """A per-bin policy chosen with all the questions, without any figure of what it achieves (see `PerBinPolicy.measured`).

    Args:
        candidates: the table; its task, model and verifier are written into the policy.
        difficulty_values: `[Q]`, higher = easier, from samples other than those behind the table; None treats every
            question alike.
        difficulty: how such values are obtained and what they cost; needed with values.
        bins, budgets, shrinkage, one_standard_error: as in `per_bin`.

    Raises:
        UserError: values without `difficulty`, or a budget that no candidate fits.

    >>> fit_policy(candidates).plans[0].measured is None        # doctest: +SKIP
    True
    """
    if (difficulty_values is None) != (difficulty is None or difficulty.source == "none"):
        raise UserError(
            "Difficulty values and their source (`Difficulty(source=..., cost=...)`) must be given together."
        )
    source = difficulty or Difficulty()
    values = (
        np.zeros(candidates.questions) if difficulty_values is None else np.asarray(difficulty_values, dtype=np.float64)
    )
    at = candidates.budgets() if budgets is None else np.unique(np.asarray(budgets, dtype=np.float64))
    rule = Rule(shrinkage, one_standard_error)
    edges, chosen = fit_choices(candidates, values, 1 if difficulty_values is None else bins, at, source.drawn, rule)
    pays = pays_for_difficulty(charge(candidates, source.drawn), at)
    return PerBinPolicy(
        task=candidates.task,
        model=candidates.model,
        verifier=candidates.verifier,
        difficulty=source,
        edges=edges.edges,
        plans=tuple(
            Plan(budget=float(at[b]), choices=_choices(candidates, chosen[:, b], bool(pays[b]))) for b in range(at.size)
        ),
        calibrated=Provenance(questions=candidates.questions),
    )


def choice_of(candidates: Candidates, index: int) -> Choice:
    """A candidate as a policy file names it; another model's answer counts for what it costs on average."""
    model = candidates.models[index]
    return Choice(
        strategy=dict(candidates.specs[index]),
        generations=round(float(candidates.budget[index])),
        reuses_pilot=candidates.reuses_pilot[index],
        model=model,
        cost=None if model is None else round(float(candidates.cost[:, index].mean()), 6),
    )


def _choices(candidates: Candidates, chosen: Ints, by_bin: bool) -> tuple[Choice, ...]:
    return tuple(choice_of(candidates, int(index)) for index in (chosen if by_bin else chosen[:1]))


def _measured(
    curve: PolicyCurve, base: PolicyCurve | None, fixed: PolicyCurve, level: float, resamples: int, seed: int
) -> dict[float, Measured]:
    accuracy = curve.accuracy_interval(level, resamples, seed)
    cost = curve.cost_interval(level, resamples, seed)
    best = fixed.accuracy_interval(level, resamples, seed)
    less_than_fixed = curve.savings(fixed, level, resamples, seed)
    plain = None if base is None else base.accuracy_interval(level, resamples, seed)
    less_than_base = None if base is None else curve.savings(base, level, resamples, seed)
    return {
        float(budget): Measured(
            accuracy=_figure(accuracy, b),
            cost=_figure(cost, b),
            baseline=None if plain is None else _figure(plain, b),
            best_fixed=_figure(best, b),
            times_less_than_baseline=None if less_than_base is None else _saving(less_than_base, b),
            times_less_than_best_fixed=_saving(less_than_fixed, b),
        )
        for b, budget in enumerate(curve.budgets)
    }


def _figure(values: Interval, b: int) -> Figure:
    return Figure(mean=_rounded(values.mean, b), low=_rounded(values.low, b), high=_rounded(values.high, b))


def _saving(ratio: Ratio, b: int) -> Saving:
    return Saving(
        value=_rounded(ratio.value, b),
        low=_rounded(ratio.low, b),
        high=_rounded(ratio.high, b),
        censored=bool(ratio.censored[b]),
    )


def _rounded(values: Floats, b: int) -> float:
    return round(float(values[b]), 6)
