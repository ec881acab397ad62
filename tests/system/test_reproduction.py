"""The paper as a study, in its quick form: every finding that it allows is asked, and the page is made from it."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from programs import PROGRAM

from outlay.study.catalogue import every
from outlay.study.claim import verdict_of

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
NOT_ASKED = {"human_levels_agree", "human_levels_order"}
"""They need levels that people gave: real samples, which are no part of the repository."""


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproduction")
    study = ROOT / "studies" / "snell2024-quick.yaml"
    command = [*PROGRAM, "run", str(study), "--out", str(folder), "--workers", "2", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=2400)  # a busy machine may take long
    assert ran.returncode == 0, ran.stderr
    return folder, json.loads(ran.stdout)


def test_every_finding_that_the_lab_allows_is_asked(summary):
    _, found = summary
    asked = {claim["name"] for claim in found["claims"]}
    assert {finding.name for finding in every()} - asked == NOT_ASKED


def test_every_verdict_follows_from_its_interval(summary):
    _, found = summary
    for claim in found["claims"]:
        low, high = claim["difference"]["low"], claim["difference"]["high"]
        high = float("inf") if high is None else high
        assert claim["verdict"] == verdict_of(low, high, claim["differing"], claim["margin"], claim["level"])


def test_the_page_is_made_from_the_summary(summary, tmp_path):
    folder, found = summary
    page = tmp_path / "reproduction.md"
    script = ROOT / "docs" / "reproduction.py"
    made = subprocess.run(
        [sys.executable, str(script), str(folder / "summary.json"), "--page", str(page)], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    text = page.read_text()
    rows = list(csv.DictReader(page.with_suffix(".csv").open()))
    assert [row["verdict"] for row in rows] == [claim["verdict"] for claim in found["claims"]]
    for finding in every():
        decided = [c for c in found["claims"] if c["name"] == finding.name and c["verdict"] != "cannot be told"]
        part = text.partition(f'<a id="{finding.name.replace("_", "-")}"></a>')[2].partition("<a id=")[0]
        assert part.count("\n| holds | ") + part.count("\n| does not hold | ") == len(decided)
    for told in ("Search methods against budget", "Sequential against parallel", "At equal FLOPs", "joint optimum"):
        assert told in text


def test_the_report_tells_what_training_buys(summary):
    folder, _ = summary
    page = (folder / "report.html").read_text()
    assert '<section id="training">' in page
    assert "weak model&#39;s?" in page or "weak model's?" in page
