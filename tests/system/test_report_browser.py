"""The report in a real browser: headless Chromium draws every figure, without a word on its console."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from outlay.report import write_report
from report.example_summary import example_summary

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
]

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(BROWSER is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"),
]


def opened(page: Path, profile: Path, *flags: str) -> tuple[str, list[str]]:
    """The document after its scripts ran, and what they said on the console."""
    assert BROWSER is not None
    command = [BROWSER, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    folder = tmp_path_factory.mktemp("report")
    write_report(example_summary(), folder / "report.html")
    return opened(folder / "report.html", folder / "profile")


def test_every_figure_is_drawn(loaded: tuple[str, list[str]]) -> None:
    figures = re.findall(r"<figure .*?</figure>", loaded[0], flags=re.DOTALL)
    assert len(figures) == 9
    for figure in figures:
        chart = figure[figure.index('class="chart') :]
        assert "<svg" in chart and ("<path" in chart or "<rect" in chart)
        assert "could not be drawn" not in figure


def test_the_console_stays_empty(loaded: tuple[str, list[str]]) -> None:
    assert loaded[1] == []


def test_every_figure_tells_its_finding_to_those_who_cannot_see_it(loaded: tuple[str, list[str]]) -> None:
    labels = re.findall(r'class="chart[^"]*" role="img" aria-label="([^"]+)"', loaded[0])
    assert len(labels) == 9 and all(len(label) > 40 for label in labels)


def test_a_curve_has_a_legend_entry_for_each_of_its_series(loaded: tuple[str, list[str]]) -> None:
    figure = loaded[0][loaded[0].index('id="g0-countdown-accuracy"') :]
    legend = re.search(r'class="legend">(.*?)</div>', figure, flags=re.DOTALL)
    assert legend is not None
    assert re.findall(r"</svg>([^<]+)</button>", legend[1]) == [
        "coverage (pass@N)",
        "best-of-N",
        "beam search, M = 4",
        "lookahead search, k = 1, M = 4",
        "greedy (one sample, temperature 0)",
    ]


def test_a_name_that_is_a_script_does_not_run(tmp_path: Path) -> None:
    script = "</script><script>document.title = 'it ran'</script><img src=x onerror=\"document.title = 'it ran'\">"
    summary = example_summary()
    summary["groups"][0] |= {"task": script, "model": script, "warnings": [script]}
    summary["groups"][0]["curves"][script] = summary["groups"][0]["curves"]["best_of_n"]
    write_report(summary, tmp_path / "report.html")
    document, console = opened(tmp_path / "report.html", tmp_path / "profile")
    assert "<title>What test-time compute buys</title>" in document
    assert console == []


def test_a_telephone_needs_no_sideways_scrolling(tmp_path: Path) -> None:
    write_report(example_summary(), tmp_path / "report.html")
    (tmp_path / "telephone.html").write_text(
        """<iframe src="report.html" style="width: 390px; height: 800px; border: 0"></iframe>
        <script>
        document.querySelector("iframe").addEventListener("load", (event) => {
            const root = event.target.contentDocument.documentElement;
            document.title = `${root.scrollWidth - root.clientWidth} too wide at ${event.target.clientWidth}`;
        });
        </script>"""
    )
    document, _ = opened(tmp_path / "telephone.html", tmp_path / "profile", "--allow-file-access-from-files")
    assert "<title>0 too wide at 390</title>" in document
