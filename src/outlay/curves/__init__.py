"""Unbiased estimators over pools of samples, and the intervals that every figure carries.

Notation: Q questions, n samples a question in the order they were asked for, k a subset size. `correct` is bool `[Q, n]`,
`scores` float `[Q, n]` (minus infinity: no parsable answer), `answers` int `[Q, n]` (a number for each class of equal
answers, -1: none). Estimators return `[Q, len(k)]`: exact expectations over all k-subsets of a question's pool, drawn
without replacement and averaged over ties (weighted votes: estimated by random permutations, with their error).

Pools of unequal size: pass a rectangle with `valid` (bool `[Q, n]`); where a question has fewer than k samples the value is
NaN, and `interval` takes the mean over the questions that have a value.

What looks before it decides (a pilot, a stopping rule) is no function of a k-subset and does not belong here.
"""

from outlay.curves.best_of import best_of_k
from outlay.curves.calibration import IsotonicMap, calibrated_scores
from outlay.curves.coverage import pass_at_k
from outlay.curves.intervals import Interval, interval, paired_difference
from outlay.curves.majority import majority_at_k
from outlay.curves.quality import (
    Estimate,
    Reliability,
    accuracy,
    auc,
    auc_by_question,
    auc_within_question,
    brier,
    reliability,
)
from outlay.curves.ratio import Ratio, compute_ratio
from outlay.curves.weighted import MonteCarlo, class_times_score_at_k, weighted_at_k, weighted_with_error

__all__ = [
    "Estimate",
    "Interval",
    "IsotonicMap",
    "MonteCarlo",
    "Ratio",
    "Reliability",
    "accuracy",
    "auc",
    "auc_by_question",
    "auc_within_question",
    "best_of_k",
    "brier",
    "calibrated_scores",
    "class_times_score_at_k",
    "compute_ratio",
    "interval",
    "majority_at_k",
    "paired_difference",
    "pass_at_k",
    "reliability",
    "weighted_at_k",
    "weighted_with_error",
]
