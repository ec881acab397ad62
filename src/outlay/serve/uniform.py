"""What uniform best-of-N would have cost instead: as many samples for every question, as the policy file measured it."""

from __future__ import annotations

from typing import Any

from outlay.policies import Policy
from outlay.serve.outcome import Answered


def uniform_alternative(policy: Policy, answered: Answered) -> dict[str, Any] | None:
    """Generations and tokens of uniform best-of-N: with the same accuracy where the file tells it, else with the same budget.

    The number of generations is the least measured budget at which uniform best-of-N is as accurate as the policy is at the
    request's; `at_least` says that no measured budget is enough. Tokens are that many times this question's mean sample. None where
    the file has no plans.
    """
    plans = [plan for plan in getattr(policy, "plans", ()) if plan.budget <= answered.asked.budget * (1 + 1e-9)]
    if not plans or not answered.generations:
        return None
    plan, measured = plans[-1], plans[-1].measured
    budget, at_least, basis = plan.budget, False, "the same budget"
    if measured is not None and measured.baseline is not None:
        wanted = measured.accuracy.mean
        enough = [
            one.budget
            for one in policy.plans
            if one.measured is not None and one.measured.baseline is not None and one.measured.baseline.mean >= wanted
        ]
        budget, at_least, basis = (
            (min(enough), False, "the same accuracy")
            if enough
            else (policy.plans[-1].budget, True, "the same accuracy")
        )
    each = answered.cost.generated_tokens / answered.generations
    return {"generations": budget, "at_least": at_least, "tokens": round(budget * each), "for": basis}
