"""What a study's traces say: its summary, and a policy for each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outlay.policies.policy import Policy
from outlay.study.fitting import fitted
from outlay.study.runs import recorded
from outlay.study.settings import Settings
from outlay.study.study import Study
from outlay.study.summary import group_of, summary_of
from outlay.traces import Store


@dataclass(frozen=True)
class Findings:
    """A study's summary, and the policy for each task that allows one."""

    summary: dict[str, Any]
    policies: Mapping[str, Policy]


def settings_of(study: Study) -> Settings:
    """How the study's traces are to be read."""
    return Settings(seed=study.seed, bins=study.bins, pilot=study.pilot, headline_budget=study.headline_budget)


def find(study: Study, store: Store) -> Findings:
    """Read a study's traces: groups in the study's order, and policies."""
    settings = settings_of(study)
    order = {entry.task: number for number, entry in enumerate(study.entries)}
    found = sorted(recorded(store.solutions(), store.runs()), key=lambda one: order.get(one.pool.task, len(order)))
    groups = [group_of(one, settings) for one in found]
    policies = {
        one.pool.task: fitted(one, group, settings)
        for one, group in zip(found, groups, strict=True)
        if "per_bin_pilot" in group.get("policies", {})
    }
    return Findings({"study": study.name, **summary_of(groups, settings)}, policies)
