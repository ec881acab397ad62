from typing import Any

import pytest
from example_summary import example_summary

from outlay.report import render
from outlay.report.claims import claims_in_short, claims_section
from outlay.report.parts import Table


def claim(verdict: str = "holds", says: str = "search is ahead", number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "finding": number,
        "name": "ahead",
        "claim": says,
        "source": "a paper, section 5",
        "task": "sums",
        "model": "embedded:small",
        "ahead": "search",
        "behind": "best-of-N",
        "subject": "beam search M=4",
        "on": "all, N = 4",
        "bins": None,
        "questions": 100,
        "differing": 40,
        "difference": {"mean": 0.05, "low": 0.01, "high": 0.09},
        "margin": None,
        "verdict": verdict,
        "note": "",
        **changes,
    }


RISING = {
    "task": "sums",
    "model": "embedded:small",
    "method": "best_of_n",
    "n": 4,
    "still": False,
    "doublings": [{"from": 4, "to": 8, "gain": {"mean": -0.01, "low": -0.02, "high": 0.01}}],
}


def test_each_finding_has_a_table_with_all_its_claims() -> None:
    claims = [
        claim(),
        claim("does not hold"),
        claim("cannot be told", "votes are ahead", 2, note="they differ on 3 questions only"),
    ]
    section = claims_section({"claims": claims, "rising": [RISING]})
    assert section is not None
    one, two, rising = section.blocks
    assert isinstance(one, Table) and isinstance(two, Table) and isinstance(rising, Table)
    assert (one.title, two.title) == ("1. Search is ahead", "2. Votes are ahead")
    assert [row[1] for row in one.rows] == ["holds", "does not hold"]
    assert one.rows[0] == (
        "sums, small, beam search M=4, all, N = 4",
        "holds",
        "+5.0 (+1.0 to +9.0)",
        "search, less best-of-N",
        "40 / 100",
        "",
    )
    assert two.rows[0][-1] == "they differ on 3 questions only"
    assert one.note == "a paper, section 5"
    assert rising.rows[0][1:] == (
        "4",
        "sums: after N = 4 no doubling of best-of-N surely gains (up to 8).",
        "to 8: −1.0 (−2.0 to +1.0)",
    )


def test_the_count_of_verdicts_stands_in_the_opening() -> None:
    section = claims_section({"claims": [claim(), claim(), claim("cannot be told")]})
    (finding,) = claims_in_short(section)
    assert finding.text == "3 claims: 2 hold, 0 do not, 1 cannot be told."
    assert finding.id == "claims"


def test_without_claims_there_is_no_section() -> None:
    assert claims_section({}) is None
    assert claims_section({"claims": []}) is None
    assert claims_in_short(None) == ()


@pytest.mark.parametrize("verdict", ["holds", "does not hold", "cannot be told"])
def test_the_page_says_every_verdict_in_words(verdict: str) -> None:
    page = render({**example_summary(), "claims": [claim(verdict)], "rising": [RISING]})
    assert f'<td class="short">{verdict}</td>' in page
    assert page.count('href="#claims"') == 2  # from the opening and from the contents
    assert '<section id="claims">' in page


def test_names_in_claims_are_escaped() -> None:
    page = render({**example_summary(), "claims": [claim(task="<b>sums</b>")]})
    assert "<b>sums" not in page
