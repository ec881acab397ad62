"""Difficulty by a probe, by a pilot of four, and known: what each is worth on the demo's questions, its cost included.

    outlay demo --out demo
    outlay run studies/probe.yaml --out runs/probe
    outlay train probe studies/probes/arithmetic-difficulty.yaml
    outlay train probe studies/probes/countdown-difficulty.yaml
    python studies/probe_difficulty.py demo

The probes learn from split `prm`; the demo asks split `test`, and a question that a probe learnt from would be refused.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from outlay.study.findings import settings_of
from outlay.study.probing import texts_in, with_probe
from outlay.study.roles import roles_of
from outlay.study.runs import recorded
from outlay.study.study import parse_study
from outlay.study.summary import group_of
from outlay.traces import Store

MODELS = {"arithmetic": "embedded:arithmetic-small", "countdown": "embedded:countdown-small"}
POLICIES = ("best_fixed", "per_bin_probe", "across_probe", "per_bin_pilot", "across_pilot", "per_bin_oracle")


def main() -> None:
    """Print a table for each task."""
    store = Store(Path(sys.argv[1]), create=False)
    study = parse_study(store.meta["study"], "meta.json")
    runs, solutions = store.runs(), store.solutions()
    for role in roles_of(study):
        if MODELS.get(role.task) != role.model:
            continue
        (found,) = recorded(solutions, runs, [role])
        probe = f"probe:runs/probes/{role.task}-difficulty"
        pool = with_probe(found.pool, probe, texts_in(runs, role.task), found.flops)
        show(group_of(replace(found, pool=pool), settings_of(study)))


def show(group: Mapping[str, Any]) -> None:
    """One task's table."""
    policies, pilot = group["policies"], group["difficulty"]["pilot"]
    agreed = dict(zip(pilot["m"], pilot["agreement"], strict=True))
    cost = policies["per_bin_probe"]["difficulty_cost"]
    print(f"{group['task']}, {group['questions']} questions; the probe costs {cost:.2f} generations a question")
    placed = group["bins"]["probe"]["agreement"]["accuracy"]
    print(f"  in its true bin of five: probe {placed:.1%}, pilot of 4 {agreed[4]:.1%}, pilot of 16 {agreed[16]:.1%}")
    for name in POLICIES:
        policy = policies[name]
        for budget in (4.0, 8.0, 16.0):
            at = policy["budget"].index(budget)
            gain = policy.get("gain_over_best_fixed", [None] * (at + 1))[at]
            line = f"  {name:15} at {budget:2.0f}: {told(policy['accuracy'][at])} right, {policy['cost'][at]:.1f} generations"
            print(line + ("" if gain is None else f", less best fixed {told(gain)}"))
    over = policies["per_bin_probe"]["gain_over_pilot"]
    for budget, gain in zip(over["budget"], over["points"], strict=True):
        print(f"  per bin, probe less pilot, at {budget:2.0f}: {told(gain)}")


def told(point: Mapping[str, float]) -> str:
    """A share with its interval, in percent."""
    return f"{100 * point['mean']:.1f} ({100 * point['low']:.1f} to {100 * point['high']:.1f})"


if __name__ == "__main__":
    main()
