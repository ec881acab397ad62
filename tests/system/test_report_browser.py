"""The report in a real browser: headless Chromium draws every figure, without a word on its console."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import PROGRAM, Browser

from outlay.report import write_report
from report.example_summary import example_summary

FIGURES = 13
WAYS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
PAPER = {"light": "rgb(253, 253, 252)", "dark": "rgb(21, 23, 26)"}
CHARTS = """[...document.querySelectorAll("figure")].map((figure) => {
    const chart = figure.querySelector(".chart"), box = chart.getBoundingClientRect();
    const drawings = [...chart.querySelectorAll(":scope svg")].filter((svg) => !svg.parentElement.closest("svg"));
    return {
        id: figure.id,
        drawings: drawings.length,
        panels: chart.querySelectorAll(".panel").length,
        marks: chart.querySelectorAll("path, rect, circle").length,
        failed: chart.querySelector(".failed") !== null,
        within: drawings.every((svg) => svg.getBoundingClientRect().right <= box.right + 1 && svg.clientHeight > 50),
    };
})"""

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(example_summary(), path)
    return path


@pytest.mark.parametrize(("width", "scheme"), WAYS)
def test_every_figure_is_drawn(browser: Browser, report: Path, width: int, scheme: str) -> None:
    browser.open(report, width, scheme)
    charts = browser.value(CHARTS)
    assert len(charts) == FIGURES
    for chart in charts:
        assert chart["drawings"] == max(1, chart["panels"]), chart
        assert chart["marks"] > 3 and chart["within"] and not chart["failed"], chart


@pytest.mark.parametrize(("width", "scheme"), WAYS)
def test_the_page_says_nothing_on_the_console_and_asks_the_network_for_nothing(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    browser.open(report, width, scheme)
    browser.click(".legend button")
    browser.click(".under summary")
    assert browser.console == []
    assert browser.requests == [report.as_uri()]


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_no_width_needs_sideways_scrolling(browser: Browser, report: Path, width: int) -> None:
    browser.open(report, width)
    assert browser.value("document.documentElement.clientWidth") == width
    assert browser.value("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colour_scheme(browser: Browser, report: Path, scheme: str) -> None:
    browser.open(report, 1280, scheme)
    assert browser.value("getComputedStyle(document.body).backgroundColor") == PAPER[scheme]


def test_a_window_that_changes_its_width_is_drawn_anew(browser: Browser, report: Path) -> None:
    browser.open(report, 390)
    browser.send("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    widths = """(() => { const chart = document.querySelector("#g0-countdown-accuracy .chart");
        return [chart.clientWidth, chart.querySelector("svg").clientWidth]; })()"""
    # Drawn after the observer's call, which comes within the frame after the change.
    browser.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")
    chart, drawing = browser.value(widths)
    assert chart == drawing > 390


def test_a_figure_is_saved_as_csv_with_the_rows_it_shows(browser: Browser, report: Path) -> None:
    browser.open(report)
    saved = list(csv.DictReader(io.StringIO(browser.downloaded('#g0-countdown-accuracy a[download$=".csv"]'))))
    curve = example_summary()["groups"][0]["curves"]["best_of_n"]
    shown = [row for row in saved if row["Method"] == "best-of-N"]
    assert [float(row["Accuracy"]) for row in shown] == curve["mean"]
    assert [float(row["95% low"]) for row in shown] == curve["low"]
    assert browser.console == []


def test_a_figure_is_saved_as_json_with_the_rows_it_shows(browser: Browser, report: Path) -> None:
    browser.open(report)
    saved = json.loads(browser.downloaded('#exchange-0-joint a[download$=".json"]'))
    joint = example_summary()["exchange"][0]["joint"][0]["small"]
    shown = [row for row in saved["rows"] if row["R"] == "R = 0.16" and row["Method"].startswith("small")]
    assert [row["FLOPs a question"] for row in shown] == joint["total"]
    assert [row["Accuracy"] for row in shown] == joint["mean"]


def test_every_figure_tells_its_finding_to_those_who_cannot_see_it(browser: Browser, report: Path) -> None:
    browser.open(report)
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    told = [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") in ("image", "img")]
    told = [name for name in told if name]
    assert len(told) == FIGURES and all(re.search(r"\d", name) for name in told)


def legend(browser: Browser, figure: str, kind: str = "button") -> Any:
    return browser.value(f"[...document.querySelectorAll('#{figure} .legend {kind}')].map((item) => item.textContent)")


def test_a_curve_has_a_legend_entry_for_each_of_its_series(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert legend(browser, "g0-countdown-accuracy") == [
        "coverage (pass@N)",
        "best-of-N",
        "beam search, M = 4",
        "lookahead search, k = 1, M = 4",
        "greedy (one sample, temperature 0)",
    ]


def test_every_figure_has_a_legend(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert browser.value("[...document.querySelectorAll('.legend')].every((legend) => legend.childElementCount > 0)")


def test_a_name_in_the_legend_hides_its_line_and_shows_it_again(browser: Browser, report: Path) -> None:
    browser.open(report)
    lines = "document.querySelectorAll('#g0-countdown-accuracy .chart [aria-label=line]').length"
    before = browser.value(lines)
    browser.click("#g0-countdown-accuracy .legend button")
    assert browser.value(lines) == before - 1
    browser.click("#g0-countdown-accuracy .legend button")
    assert browser.value(lines) == before


def test_symbols_beyond_the_pool_are_open(browser: Browser, report: Path) -> None:
    browser.open(report)
    opened = """document.querySelectorAll('#exchange-0-matched .chart [aria-label=dot] [fill="var(--paper)"]').length"""
    assert browser.value(opened) == 6  # all questions and five bins, at R = 0.16


def test_without_javascript_the_numbers_are_there_and_said_to_be(browser: Browser, report: Path) -> None:
    browser.open(report, javascript=False)
    document = browser.send("DOM.getDocument", depth=-1)["root"]
    tables = browser.send("DOM.querySelectorAll", nodeId=document["nodeId"], selector="figure table")["nodeIds"]
    notes = browser.send("DOM.querySelectorAll", nodeId=document["nodeId"], selector="noscript p")["nodeIds"]
    assert (len(tables), len(notes)) == (FIGURES, 1)


def test_a_name_that_is_a_script_does_not_run(browser: Browser, tmp_path: Path) -> None:
    script = "</script><script>document.title = 'it ran'</script><img src=x onerror=\"document.title = 'it ran'\">"
    summary = example_summary()
    summary["groups"][0] |= {"task": script, "model": script, "warnings": [script]}
    summary["groups"][0]["curves"][script] = summary["groups"][0]["curves"]["best_of_n"]
    summary["exchange"][0] |= {"task": script, "small": script, "sentences": [script]}
    write_report(summary, tmp_path / "report.html")
    browser.open(tmp_path / "report.html")
    assert browser.value("document.title") == "What test-time compute buys"
    assert browser.console == []
