"""What a finished study leaves beside its traces: `summary.json`, `report.html`, and its policy files.

`policy.yaml` is the first entry's policy; every entry's is in `policies/`, named by its task, and by its model too where
several models share a task.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from outlay.report import write_report
from outlay.study.findings import Findings
from outlay.study.summary import write_summary


def write(findings: Findings, out: Path) -> list[Path]:
    """Write everything into `out`; the paths that a reader will want, in that order."""
    report, summary, policy = out / "report.html", out / "summary.json", out / "policy.yaml"
    write_summary(findings.summary, summary)
    write_report(findings.summary, report)
    for name, fit in zip(file_names(list(findings.policies)), findings.policies.values(), strict=True):
        fit.save(out / "policies" / f"{name}.yaml")
    if not findings.policies:
        return [report, summary]
    next(iter(findings.policies.values())).save(policy)
    return [report, summary, policy]


def file_names(keys: Sequence[str]) -> list[str]:
    """A file name for each key, all different, of letters, digits, dots, dashes and underscores.

    >>> file_names(["countdown", "jsonl:a/b", "jsonl:a-b"])
    ['countdown', 'jsonl-a-b', 'jsonl-a-b-2']
    """
    found: list[str] = []
    for key in keys:
        name = plain = re.sub(r"[^A-Za-z0-9._-]+", "-", key).strip("-.") or "policy"
        number = 2
        while name in found:
            name, number = f"{plain}-{number}", number + 1
        found.append(name)
    return found
