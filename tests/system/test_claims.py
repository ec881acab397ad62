"""The quick demo tells for every finding whether it holds, in the terminal, the summary and the report alike."""

import json
import subprocess

import pytest
from programs import PROGRAM, outlay

from outlay.study.claim import counted, verdict_of
from outlay.study.study import demo_study

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick") / "demo"
    command = [*PROGRAM, "demo", "--quick", "--out", str(folder), "--workers", "2"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=2400)  # a busy machine may take long
    assert ran.returncode == 0, ran.stderr
    return folder, ran.stdout, json.loads((folder / "summary.json").read_text())


def test_every_finding_is_asked_of_every_entry_that_allows_it(demo):
    _, _, summary = demo
    asked = {}
    for claim in summary["claims"]:
        asked.setdefault((claim["task"], claim["model"]), set()).add(claim["finding"])
    for entry in demo_study(quick=True).entries:
        names = {search.strategy["name"] for search in entry.searches}
        wanted = {4, 8}
        wanted |= {1, 2, 3} if "beam_search" in names else set()
        wanted |= {5} if "revisions" in names else set()
        wanted |= {6, 7} if entry.large else set()
        wanted |= {9} if entry.recall else set()
        assert asked[entry.task, entry.model] == wanted


def test_every_verdict_follows_from_its_interval(demo):
    _, _, summary = demo
    for claim in summary["claims"]:
        difference = claim["difference"]
        assert difference["low"] <= difference["mean"] <= difference["high"]
        ends = difference["low"], difference["high"]
        assert claim["verdict"] == verdict_of(*ends, claim["differing"], claim["margin"])


def test_a_claim_on_all_questions_is_the_difference_of_the_curves(demo):
    """The claims are read off the same tables as the curves, so their means agree."""
    _, _, summary = demo
    curves = {(group["task"], group["model"]): group["curves"] for group in summary["groups"]}
    claims = [claim for claim in summary["claims"] if claim["name"] == "beam_ahead_at_small_n"]
    assert claims
    for claim in claims:
        of_group = curves[claim["task"], claim["model"]]
        n = int(claim["on"].rpartition(" ")[2])
        pool = of_group["weighted" if "weighted" in of_group else "best_of_n"]
        behind = pool["mean"][pool["n"].index(n)]
        beams = [curve for name, curve in of_group.items() if "beam_search" in name]
        leads = [curve["mean"][curve["n"].index(n)] - behind for curve in beams]
        assert any(lead == pytest.approx(claim["difference"]["mean"], abs=2e-6) for lead in leads)


def test_the_terminal_counts_every_claim_and_shows_those_that_are_decided(demo):
    _, printed, summary = demo
    told = " ".join(printed.split())
    assert f"{len(summary['claims'])} claims: {counted(summary['claims'])}" in told
    lines = printed[printed.index("What others found") :].splitlines()
    shown = [line[:14].strip() for line in lines if line.startswith(("holds ", "does not hold "))]
    assert shown == [claim["verdict"] for claim in summary["claims"] if claim["verdict"] != "cannot be told"]
    undecided = [line.split()[3] for line in lines if line.startswith("cannot be told ")]
    assert sum(map(int, undecided)) == sum(claim["verdict"] == "cannot be told" for claim in summary["claims"])


def test_where_best_of_n_stops_rising_is_told_for_every_family(demo):
    _, printed, summary = demo
    told = " ".join(printed.split())
    assert [one["task"] for one in summary["rising"]] == [group["task"] for group in summary["groups"]]
    for one in summary["rising"]:
        name = (
            one["model"].removeprefix("embedded:") if one["task"] == "countdown" else one["task"]
        )  # two models share it
        assert f"- {name}: " in told


def test_the_report_shows_every_claim(demo):
    folder, _, summary = demo
    page = (folder / "report.html").read_text()
    section = page[page.index('<section id="claims">') : page.index('<section id="limits">')]
    assert section.count('<tr><th scope="row">') == len(summary["claims"]) + len(summary["rising"])


def test_asking_again_changes_no_claim(demo):
    folder, _, summary = demo
    again = outlay("demo", "--quick", "--out", folder, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["claims"] == summary["claims"]
