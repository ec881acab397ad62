"""`summary.json`: one group a task and model, and what the figures were computed with.

The same samples and the same seed give the same summary, seconds aside.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from outlay.curves import interval, paired_difference
from outlay.study.analysis import analyse
from outlay.study.claims import with_claims
from outlay.study.figures import as_points, percent
from outlay.study.machine import machine, versions
from outlay.study.pairs import exchanges
from outlay.study.pools import Chains, Pool
from outlay.study.runs import Recorded, recorded_in
from outlay.study.samples import Samples, read
from outlay.study.settings import Settings
from outlay.traces import Store
from outlay.traces.files import write_text_whole

log = logging.getLogger(__name__)


def summarise(store: Store, settings: Settings | None = None) -> dict[str, Any]:
    """The summary of everything in a store: a group for each task and model that has a pool of plain samples.

    Raises UserError where there is no such pool.
    """
    settings = settings or Settings()
    found = recorded_in(store)
    summary = with_exchange(summary_of([group_of(one, settings) for one in found], settings), found, settings)
    return with_claims(summary, found, settings)


def with_exchange(summary: dict[str, Any], found: Sequence[Recorded], settings: Settings) -> dict[str, Any]:
    """The summary with small against large at equal compute, for every pair of models that was recorded."""
    entries, warnings = exchanges(found, settings)
    return {**summary, "exchange": [*summary["exchange"], *entries], "warnings": [*summary["warnings"], *warnings]}


def group_of(found: Recorded, settings: Settings) -> dict[str, Any]:
    """The group that recorded runs give."""
    began = time.monotonic()
    group = analyse(
        found.pool,
        difficulty_pool=found.difficulty_pool,
        runs=found.runs,
        flops=found.flops,
        settings=settings,
    )
    if found.verifier is not None and "verifier" in group:
        group["verifier"]["name"] = found.verifier
    what = (found.pool.task, found.pool.model, len(found.pool.questions))
    log.info("curves and policies of %s, %s, %d questions: %.1f s", *what, time.monotonic() - began)
    return {**group, "cost": dict(found.cost)}


def summarise_files(paths: Sequence[Path], settings: Settings | None = None) -> dict[str, Any]:
    """The summary of folders of traces and of files of samples, together.

    Raises UserError for a path that is neither, and for a mistake in a file.
    """
    return summarise_samples(read(paths), settings)


def summarise_samples(samples: Samples, settings: Settings | None = None) -> dict[str, Any]:
    """The summary of what was read from folders of traces and files of samples."""
    settings = settings or Settings()
    found, pools = samples.recorded, samples.pools
    groups = [group_of(one, settings) for one in found]
    groups += [analyse(pool, settings=settings) for pool in pools]
    summary = with_claims(with_exchange(summary_of(groups, settings), found, settings), found, settings, pools)
    summary["warnings"] = [*samples.warnings, *summary["warnings"]]
    comparisons = compare_models(pools, settings)
    if comparisons:
        summary["comparisons"] = comparisons
        for group in summary["groups"]:
            group["sentences"] = [*group["sentences"], *_compared(group, comparisons)]
    return summary


def summary_of(groups: Sequence[Mapping[str, Any]], settings: Settings) -> dict[str, Any]:
    """Groups with the seed, versions and machine; `exchange`, `warnings` and `seconds` are for others to fill."""
    return {
        "groups": [dict(group) for group in groups],
        "exchange": [],
        "warnings": [],
        "seed": settings.seed,
        "versions": versions(),
        "seconds": None,
        "machine": machine(),
    }


def write_summary(summary: Mapping[str, Any], path: Path) -> None:
    """Write the summary as JSON, whole or not at all."""
    write_text_whole(path, json.dumps(summary, indent=1, allow_nan=False) + "\n")


def compare_models(pools: Sequence[Pool | Chains], settings: Settings) -> list[dict[str, Any]]:
    """Models that answered the same questions of one task: accuracy of one sample, and paired differences."""
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    by_task: dict[tuple[str, tuple[str, ...]], list[Pool]] = {}
    for pool in pools:
        if isinstance(pool, Pool):
            by_task.setdefault((pool.task, pool.questions), []).append(pool)
    found = []
    for (task, questions), same in by_task.items():
        if len(same) > 1:
            rates = {pool.model: pool.correct.mean(axis=1) for pool in same}
            found.append(
                {
                    "task": task,
                    "questions": len(questions),
                    "accuracy": {name: as_points(interval(rate, **options))[0] for name, rate in rates.items()},
                    "differences": [
                        {"a": a, "b": b, "difference": as_points(paired_difference(rates[a], rates[b], **options))[0]}
                        for a, b in combinations(rates, 2)
                    ],
                }
            )
    return found


def _compared(group: Mapping[str, Any], comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    sentences = []
    for comparison in comparisons:
        for pair in comparison["differences"] if comparison["task"] == group["task"] else ():
            if group["model"] == pair["a"]:
                found = pair["difference"]
                verdict = "" if found["low"] > 0 or found["high"] < 0 else ", which cannot be told from nothing"
                sentences.append(
                    f"{pair['a']} is right in {percent(comparison['accuracy'][pair['a']]['mean'])} of cases, {pair['b']} in "
                    f"{percent(comparison['accuracy'][pair['b']]['mean'])}: a difference of {100 * found['mean']:+z.1f} points "
                    f"({100 * found['low']:+z.1f} to {100 * found['high']:+z.1f}, paired by question){verdict}."
                )
    return sentences
