"""From recorded traces to a policy file: fit on all questions, with the cross-validated figures that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from outlay.errors import UserError
from outlay.policies.policy import Policy, Source
from outlay.study.calibration import calibration_view
from outlay.study.measure import budgets_up_to
from outlay.study.runs import Recorded
from outlay.study.settings import Settings

SOURCES: tuple[Source, ...] = ("pilot", "predicted", "oracle")
"""How a policy may tell difficulty, the deployable one first."""


def fitted(found: Recorded, group: Mapping[str, Any], settings: Settings, source: Source = "pilot") -> Policy:
    """The policy for what was recorded on one task and model; `group` is its summary, from which the evaluation is taken.

    Raises UserError where nothing can choose among the samples, or where difficulty cannot be told in that way.
    """
    view = calibration_view(
        found.pool, difficulty_pool=found.difficulty_pool, runs=found.runs, sampling=found.sampling, settings=settings
    )
    if source not in view.values:
        raise UserError(
            f'difficulty cannot be told by "{source}" here: there are {", ".join(view.values)} (a pilot needs scores, or votes)'
        )
    samples = round(view.difficulty_cost[source])
    budgets = [float(k) for k in budgets_up_to(found.pool.size)]
    headline = max((b for b in budgets if b <= settings.headline_budget), default=budgets[0])
    pool_strategy = {"name": "best_of_n" if found.verifier else "majority", **found.sampling}
    return Policy.fit(
        replace(view.candidates, verifier=found.verifier),
        view.values[source],
        source=source,
        samples=samples,
        pilot_strategy=pool_strategy,
        budgets=budgets,
        budget=headline,
        bins=settings.bins,
        evaluation=_evaluation(group, source, settings),
    )


def _evaluation(group: Mapping[str, Any], source: Source, settings: Settings) -> dict[str, Any]:
    """Cross-validated accuracy and cost at every budget, from the group's summary: each question judged by other questions."""
    policy = group.get("policies", {}).get(f"per_bin_{source}")
    if policy is None:
        return {}
    kept = ("budget", "accuracy", "cost", "gain", "compute_ratio")
    return {
        "questions": group["questions"],
        "date": date.today().isoformat(),
        "seed": settings.seed,
        "method": "two-fold cross-validation within bins, by question",
        **{name: policy[name] for name in kept if name in policy},
    }
