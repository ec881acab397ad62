"""What a study's traces say: its summary, and a policy for each task and model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outlay.policies.policy import Policy
from outlay.study.carrying import confiding
from outlay.study.claims import with_claims
from outlay.study.fitting import fitted
from outlay.study.roles import recorded_name, roles_of
from outlay.study.runs import recorded
from outlay.study.settings import Settings
from outlay.study.study import Study
from outlay.study.summary import group_of, summary_of, with_exchange
from outlay.traces import Store


@dataclass(frozen=True)
class Findings:
    """A study's summary, and the policies that it allows, by task; by task and model where models share a task."""

    summary: dict[str, Any]
    policies: Mapping[str, Policy]


def settings_of(study: Study) -> Settings:
    """How the study's traces are to be read."""
    return Settings(
        seed=study.seed,
        bins=study.bins,
        pilot=study.pilot,
        headline_budget=study.headline_budget,
        every_finding=study.every_finding,
    )


def find(study: Study, store: Store) -> Findings:
    """Read a study's traces: groups in the study's order, and policies."""
    settings = settings_of(study)
    order = {(recorded_name(entry.task), entry.model): number for number, entry in enumerate(study.entries)}
    found = sorted(
        recorded(store.solutions(), store.runs(), roles_of(study), detailed=study.every_finding),
        key=lambda one: order[one.pool.task, one.pool.model],
    )
    groups = [group_of(one, settings) for one in found]
    models = Counter(one.pool.task for one in found)
    policies = {
        one.pool.task if models[one.pool.task] == 1 else f"{one.pool.task} {one.pool.model}": confiding(
            fitted(one, group, settings), one, settings
        )
        for one, group in zip(found, groups, strict=True)
        if {"per_bin_pilot", "per_bin_probe"} & set(group.get("policies", {}))
    }
    summary = with_claims(with_exchange(summary_of(groups, settings), found, settings), found, settings)
    return Findings({"study": study.name, **summary}, policies)
