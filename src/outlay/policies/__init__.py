"""Policies: what to spend on which question, chosen on some questions and measured on others.

`Candidates` is the table of what could be done; `per_bin` the compute-optimal policy, `uniform` and `best_fixed` its
baselines, each a `PolicyCurve`; `fit_policy`, or `calibrate` which measures it too, makes the `Policy` file that a server
loads and asks to `decide`.
"""

from outlay.policies.across import across
from outlay.policies.across_policy import AcrossPlan, AcrossPolicy
from outlay.policies.calibrate import Calibration, calibrate, fit_policy
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import Rule
from outlay.policies.crossfit import PolicyCurve, best_fixed, per_bin, uniform
from outlay.policies.crossfit_sequences import Followed, cross_fitted
from outlay.policies.observed import Spend, State, Stop
from outlay.policies.parts import Choice, Difficulty, Figure, Measured, Plan, Provenance, Saving
from outlay.policies.per_bin_policy import PerBinPolicy
from outlay.policies.policy import Evaluation, Policy
from outlay.policies.rule_policy import RulePlan, RulePolicy
from outlay.policies.samples import Alternative, Samples
from outlay.policies.sequential_policy import SequentialPlan, SequentialPolicy, Switch

BUILTIN = {policy.__name__: policy for policy in (uniform, best_fixed, per_bin, across)}
"""The kinds of policy that a table of candidates can be turned into."""

__all__ = [
    "AcrossPlan",
    "AcrossPolicy",
    "Alternative",
    "Calibration",
    "Candidates",
    "Choice",
    "Difficulty",
    "Evaluation",
    "Figure",
    "Followed",
    "Measured",
    "PerBinPolicy",
    "Plan",
    "Policy",
    "PolicyCurve",
    "Provenance",
    "Rule",
    "RulePlan",
    "RulePolicy",
    "Samples",
    "Saving",
    "SequentialPlan",
    "SequentialPolicy",
    "Spend",
    "State",
    "Stop",
    "Switch",
    "across",
    "best_fixed",
    "calibrate",
    "cross_fitted",
    "fit_policy",
    "per_bin",
    "uniform",
]
