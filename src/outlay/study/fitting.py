"""From recorded traces to a policy file: choices fitted on all questions, with the figures that other questions measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from outlay.errors import UserError
from outlay.policies import Difficulty, Figure, Measured, Policy, Provenance, Saving, fit_policy
from outlay.study.calibration import calibration_view
from outlay.study.deciding import ORDERS
from outlay.study.measure import budgets_up_to
from outlay.study.runs import Recorded
from outlay.study.settings import Settings


def fitted(found: Recorded, group: Mapping[str, Any], settings: Settings) -> Policy:
    """The policy for what was recorded on one task and model: bins by a pilot, whose samples are part of the budget.

    `group` is its group of the summary: the figures in the file are those of `per_bin_pilot` there, replayed over random orders and
    measured on questions that did not choose. Raises UserError where nothing tells difficulty without reference answers.
    """
    view = calibration_view(
        found.pool, difficulty_pool=found.difficulty_pool, runs=found.runs, sampling=found.sampling, settings=settings
    )
    if "pilot" not in view.values:
        raise UserError("a pilot cannot tell difficulty here: it needs a verifier's scores, or answers that can vote")
    samples = round(view.difficulty_cost["pilot"])
    scored = found.pool.scores is not None
    drawing = {"name": "best_of_n" if scored else "majority", **found.sampling}
    policy = fit_policy(
        replace(view.candidates, verifier=found.verifier),
        view.values["pilot"],
        Difficulty(
            source="pilot",
            measure="score" if scored else "consensus",
            samples=samples,
            cost=float(samples),
            strategy=drawing,
        ),
        bins=settings.bins,
        budgets=[float(k) for k in budgets_up_to(found.pool.size)],
        shrinkage=settings.shrinkage,
    )
    figures = _measured(group)
    baseline = next((name for name in group.get("policies", {}) if name.startswith("uniform_")), "")
    provenance = Provenance(
        questions=view.candidates.questions,
        seed=settings.seed,
        orders=ORDERS if figures else 0,
        baseline=baseline.replace("_", " ", 1) if figures else "",
        date=date.today().isoformat(),
    )
    return policy.measured(figures, provenance)


def _measured(group: Mapping[str, Any]) -> dict[float, Measured]:
    """What the summary says of the pilot's policy and of its baselines, by budget."""
    policies: Mapping[str, Any] = group.get("policies", {})
    pilot = policies.get("per_bin_pilot")
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
