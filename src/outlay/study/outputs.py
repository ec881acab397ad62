"""What a finished study leaves beside its traces: `summary.json`, `policy.yaml`, `report.html`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outlay.study.settings import Settings
from outlay.study.study import Study
from outlay.study.summary import summarise, write_summary
from outlay.traces import Store


def settings_of(study: Study) -> Settings:
    """How the study's traces are to be read."""
    return Settings(
        seed=study.seed, bins=study.bins, pilot=study.pilot, headline_budget=study.headline_budget
    )


def summarise_study(study: Study, store: Store) -> dict[str, Any]:
    """The summary of a study's traces, groups in the study's order."""
    summary = summarise(store, settings_of(study))
    order = {entry.task: number for number, entry in enumerate(study.entries)}
    summary["groups"].sort(key=lambda group: order.get(group["task"], len(order)))
    return {"study": study.name, **summary}


def write_outputs(summary: Mapping[str, Any], out: Path) -> list[Path]:
    """Write summary and report into `out`; the paths written."""
    from outlay.report import write_report

    paths = [out / "summary.json", out / "report.html"]
    write_summary(summary, paths[0])
    write_report(dict(summary), paths[1])
    return paths
