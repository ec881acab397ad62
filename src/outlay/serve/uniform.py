"""What uniform best-of-N would have cost instead: as many samples for every question, as the policy file measured it."""

from __future__ import annotations

import math
from typing import Any

from outlay.policies import Policy
from outlay.serve.budgets import steps
from outlay.serve.outcome import Answered

ACCURACY, BUDGET = "the same accuracy", "the same budget"


def uniform_alternative(policy: Policy, answered: Answered) -> dict[str, Any] | None:
    """Generations and tokens of uniform best-of-N: with the same accuracy where the file tells it, else with the same budget.

    The same accuracy costs uniform best-of-N `times_less_than_baseline` times the policy's mean cost, where the file has measured
    that; else it is the least measured budget at which it is as accurate. `at_least` says that no measured budget is enough.
    Tokens are that many times this question's mean sample. None where the file has no plans.
    """
    plan = steps(policy, answered.asked.budget)[-1].plan
    if plan is None or not answered.generations:
        return None
    generations, at_least, basis = _as_accurate(policy, plan) or (float(plan.budget), False, BUDGET)
    each = answered.cost.generated_tokens / answered.generations
    return {
        "generations": round(generations, 1),
        "at_least": at_least,
        "tokens": round(generations * each),
        "for": basis,
    }


def _as_accurate(policy: Policy, plan: Any) -> tuple[float, bool, str] | None:
    measured = plan.measured
    if measured is None or measured.baseline is None or not math.isfinite(measured.accuracy.mean):
        return None
    saving = measured.times_less_than_baseline
    if saving is not None and math.isfinite(saving.value) and saving.value > 0:
        return saving.value * measured.cost.mean, saving.censored, ACCURACY
    plans: Any = getattr(policy, "plans", ())
    known = [one for one in plans if one.measured is not None and one.measured.baseline is not None]
    enough = [one.budget for one in known if one.measured.baseline.mean >= measured.accuracy.mean]
    if enough:
        return float(min(enough)), False, ACCURACY
    largest = float(known[-1].budget)
    return (largest, True, ACCURACY) if largest > plan.budget else None
