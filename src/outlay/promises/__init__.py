"""Promises that can be checked: what a policy guarantees, how sure an answer is, and whether the world is still the same.

`learn_then_test` promises an accuracy, a mean cost or a gain with a finite-sample guarantee, or refuses (`NotPromised`);
`Confidence` is a calibrated P(right) for every answer; a `Monitor` notices when what is served is no longer like what was
calibrated on. Tables and numbers only: no model, no trace and no file is known here.
"""

from outlay.promises.confidence import Confidence, Drawn, Reliability
from outlay.promises.drift import Monitor, Reference, Spread, Status, statistics
from outlay.promises.goals import Goal, MeanBudget, Outcomes, PriceOfError, TargetAccuracy
from outlay.promises.learn_then_test import NotPromised, Shown, Tested, learn_then_test
from outlay.promises.p_values import betting, binomial, hoeffding_bentkus
from outlay.promises.promise import Promise
from outlay.promises.testing import Test, questions_needed

__all__ = [
    "Confidence",
    "Drawn",
    "Goal",
    "MeanBudget",
    "Monitor",
    "NotPromised",
    "Outcomes",
    "PriceOfError",
    "Promise",
    "Reference",
    "Reliability",
    "Shown",
    "Spread",
    "Status",
    "TargetAccuracy",
    "Test",
    "Tested",
    "betting",
    "binomial",
    "hoeffding_bentkus",
    "learn_then_test",
    "questions_needed",
    "statistics",
]
