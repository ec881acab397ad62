"""Policies: what to spend on which question, chosen on some questions and measured on others.

`Candidates` is the table of what could be done; `per_bin` the compute-optimal policy, `uniform` and `best_fixed` its
baselines, each a `PolicyCurve`; `fit_policy`, or `calibrate` which measures it too, makes the `Policy` file that a server
loads and asks to `decide`.
"""

from outlay.policies.calibrate import Calibration, calibrate, fit_policy
from outlay.policies.candidates import Candidates
from outlay.policies.choosing import Rule
from outlay.policies.crossfit import PolicyCurve, best_fixed, per_bin, uniform
from outlay.policies.policy import (
    Choice,
    Difficulty,
    Evaluation,
    Figure,
    Measured,
    Plan,
    Policy,
    Provenance,
    Saving,
    Spend,
    State,
    Stop,
)

BUILTIN = {policy.__name__: policy for policy in (uniform, best_fixed, per_bin)}
"""The kinds of policy that a table of candidates can be turned into."""

__all__ = [
    "Calibration",
    "Candidates",
    "Choice",
    "Difficulty",
    "Evaluation",
    "Figure",
    "Measured",
    "Plan",
    "Policy",
    "PolicyCurve",
    "Provenance",
    "Rule",
    "Saving",
    "Spend",
    "State",
    "Stop",
    "best_fixed",
    "calibrate",
    "fit_policy",
    "per_bin",
    "uniform",
]
