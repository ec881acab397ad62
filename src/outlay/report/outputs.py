"""What a finished study leaves beside its traces: `summary.json`, `report.html`, and a policy file for each task.

`policy.yaml` is the first entry's policy; every entry's is in `policies/`.
"""

from __future__ import annotations

from pathlib import Path

from outlay.report import write_report
from outlay.study.findings import Findings
from outlay.study.summary import write_summary


def write(findings: Findings, out: Path) -> list[Path]:
    """Write everything into `out`; the paths that a reader will want, in that order."""
    report, summary, policy = out / "report.html", out / "summary.json", out / "policy.yaml"
    write_summary(findings.summary, summary)
    write_report(findings.summary, report)
    for task, fit in findings.policies.items():
        fit.save(out / "policies" / f"{task}.yaml")
    if not findings.policies:
        return [report, summary]
    next(iter(findings.policies.values())).save(policy)
    return [report, summary, policy]
