"""The page that is made from summaries: every claim is on it, with its verdict, and what was not asked is said."""

import csv
import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from outlay.study.catalogue import every
from outlay.study.claim import VERDICTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reproduction() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "docs"))  # where Python looks when the script is run
    spec = importlib.util.spec_from_file_location("reproduction", ROOT / "docs" / "reproduction.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "docs"))


def claim(name: str, verdict: str, task: str = "countdown", **changes: Any) -> dict[str, Any]:
    finding = next(finding for finding in every() if finding.name == name)
    return {
        "finding": finding.number,
        "name": name,
        "claim": finding.says,
        "source": finding.source,
        "paper": finding.paper,
        "task": task,
        "model": "embedded:small",
        "ahead": "one | thing",
        "behind": "another",
        "subject": "what",
        "on": "all",
        "bins": None,
        "questions": 50,
        "differing": 20,
        "difference": {"mean": 0.05, "low": 0.01, "high": 0.09},
        "margin": None,
        "unit": "points",
        "level": 0.0,
        "verdict": verdict,
        "note": "",
        **changes,
    }


NAME = "beam_ahead_at_small_n"


def test_all_three_verdicts_stand_beside_the_papers_words(reproduction: ModuleType) -> None:
    claims = [claim(NAME, verdict) for verdict in VERDICTS]
    page = reproduction.page([{"study": "snell2024", "groups": [], "claims": claims}])
    part = page[page.index('<a id="beam-ahead-at-small-n">') :].partition("<a id=")[2].partition("<a id=")[0]
    assert "At small budgets beam search is significantly ahead of best-of-N." in part
    for verdict in VERDICTS:
        assert f"| {verdict} | +5.0 [+1.0, +9.0] points | countdown, small |" in part
    assert "one / thing" in part  # a bar would end the cell
    assert "1 holds, 1 does not, 1 cannot be told" in page


def test_the_sentence_says_where_it_holds(reproduction: ModuleType) -> None:
    claims = [claim(NAME, "holds"), claim(NAME, "cannot be told"), claim(NAME, "does not hold", "halving")]
    assert reproduction.sentence(claims) == "holds on countdown (1 of 2); does not hold on halving (1 of 1)."
    undecided = [claim(NAME, "cannot be told"), claim(NAME, "cannot be told", "knowledge")]
    assert reproduction.sentence(undecided) == "cannot be told on countdown (1) and knowledge (1)."


def test_a_row_of_the_overview_counts_each_family(reproduction: ModuleType) -> None:
    claims = [claim(NAME, "holds"), claim(NAME, "does not hold", "arithmetic"), claim(NAME, "holds", "math500")]
    (row,) = [line for line in reproduction.glance(claims) if f"#{NAME.replace('_', '-')}" in line]
    assert row.split("|")[2:] == [" 1 / 0 / 0 ", " 0 / 1 / 0 ", "  ", "  ", "  ", " 1 / 0 / 0 ", ""]


def test_what_could_not_be_asked_is_said_of_every_other_finding(reproduction: ModuleType) -> None:
    page = reproduction.page([{"study": "snell2024", "groups": [], "claims": [claim(NAME, "holds")]}])
    assert page.count("nothing that was recorded allows to ask it.") == len(every()) - 1


def test_a_page_of_one_topic_has_no_other_findings(reproduction: ModuleType) -> None:
    claims = [claim(NAME, "holds"), claim("verifier_over_majority", "holds")]
    summaries = [{"study": "weak-verifiers", "groups": [], "claims": claims}]
    page = reproduction.page(summaries, "Weak verifiers", "weak-verifiers")
    assert page.startswith("# Weak verifiers, claim by claim\n")
    assert '<a id="verifier-over-majority"></a>' in page and "beam-ahead" not in page
    assert "1 holds, 0 do not" in page and page.count("\n## ") == 2  # at a glance, and the topic
    assert '--topic "Weak verifiers" --page docs/weak-verifiers.md' in page and "(weak-verifiers.csv)" in page
    assert len(reproduction.every_claim(summaries, "Weak verifiers").splitlines()) == 2


def test_a_ratio_is_told_as_one(reproduction: ModuleType) -> None:
    ratio = {"unit": "times", "level": 4.0, "difference": {"mean": 2.5, "low": 1.2, "high": None}}
    page = reproduction.page(
        [{"study": "s", "groups": [], "claims": [claim("compute_optimal_saves", "holds", **ratio)]}]
    )
    assert "| holds | 2.5x [1.2, inf] | countdown, small | what: another / one / thing |" in page


def test_of_many_claims_the_page_shows_the_decided_and_the_file_all(reproduction: ModuleType) -> None:
    many = [claim(NAME, "cannot be told") for _ in range(reproduction.MOST_SHOWN)] + [claim(NAME, "holds")]
    summaries = [{"study": "s", "groups": [], "claims": many}]
    page = reproduction.page(summaries)
    assert page.count("\n| holds | ") == 1 and "\n| cannot be told | " not in page
    assert f"The {reproduction.MOST_SHOWN} that cannot be told are in [reproduction.csv](reproduction.csv)" in page
    rows = list(csv.DictReader(io.StringIO(reproduction.every_claim(summaries))))
    assert len(rows) == len(many)
    assert (rows[-1]["verdict"], rows[-1]["mean"], rows[-1]["bins"]) == ("holds", "0.05", "")


def test_the_page_tells_no_date_and_no_machine(reproduction: ModuleType) -> None:
    summary = {
        "study": "s",
        "groups": [],
        "claims": [claim(NAME, "holds")],
        "seconds": 7.5,
        "machine": {"cpu": "A CPU"},
    }
    page = reproduction.page([summary])
    assert "A CPU" not in page and "7.5" not in page


def test_the_page_of_the_repository_has_every_finding() -> None:
    page = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    for finding in every():
        assert f'<a id="{finding.name.replace("_", "-")}"></a>' in page
