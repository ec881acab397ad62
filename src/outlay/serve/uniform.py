"""What uniform best-of-N would have cost instead: as many samples for every question, as the policy file measured it."""

from __future__ import annotations

from typing import Any

from outlay.policies import Policy
from outlay.serve.budgets import steps
from outlay.serve.outcome import Answered


def uniform_alternative(policy: Policy, answered: Answered) -> dict[str, Any] | None:
    """Generations and tokens of uniform best-of-N: with the same accuracy where the file tells it, else with the same budget.

    The number of generations is the least measured budget at which uniform best-of-N is as accurate as the policy's plan is;
    `at_least` says that no measured budget is enough. Tokens are that many times this question's mean sample. None where the
    file has no plans.
    """
    plan = steps(policy, answered.asked.budget)[-1].plan
    if plan is None or not answered.generations:
        return None
    budget, at_least, basis = float(plan.budget), False, "the same budget"
    if plan.measured is not None and plan.measured.baseline is not None:
        basis, wanted = "the same accuracy", plan.measured.accuracy.mean
        known = [one for one in policy.plans if one.measured is not None and one.measured.baseline is not None]  # type: ignore[attr-defined]
        enough = [one.budget for one in known if one.measured.baseline.mean >= wanted]
        budget, at_least = (float(min(enough)), False) if enough else (float(known[-1].budget), True)
    each = answered.cost.generated_tokens / answered.generations
    return {"generations": budget, "at_least": at_least, "tokens": round(budget * each), "for": basis}
