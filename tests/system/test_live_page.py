"""The live page in a real browser: a question is typed, and what happens to it is seen."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import PROGRAM, Browser

sys.path.insert(0, str(Path(__file__).parents[1] / "serve"))
from serving import PILOT, Running, measured, policy_file, serving

QUESTION = "9 3 5 7 > 64"
DONE = """new Promise((done) => {
    const ended = () => document.querySelector(".decisions .end") && !document.getElementById("cost-section").hidden;
    const look = () => (ended() || !document.getElementById("problem").hidden ? done(true) : setTimeout(look, 20));
    look();
})"""

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    figures = zip(PILOT["plans"], (0.3, 0.8, 0.9), (1, 7, 14), (0.3, 0.6, 0.8), strict=True)
    plans = [plan | {"measured": measured(right, cost, baseline)} for plan, right, cost, baseline in figures]
    with serving(policy_file(tmp_path_factory.mktemp("served"), PILOT, plans=plans)) as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


def ask(browser: Browser, server: Running, question: str, width: int = 1280, **chosen: Any) -> None:
    browser.go(f"{server.url}/", width)
    browser.value("policy()")
    browser.value(f"document.getElementById('question').value = {question!r}")
    for name, value in chosen.items():
        browser.value(f"document.getElementById({name!r}).value = {value!r}")
    browser.click("#go")
    browser.value(DONE)


def text(browser: Browser, selector: str) -> str:
    return str(browser.value(f"document.querySelector({selector!r}).innerText"))


@pytest.mark.parametrize("width", [1280, 390])
def test_candidates_scores_bars_the_reason_and_both_costs_are_shown(
    browser: Browser, server: Running, width: int
) -> None:
    ask(browser, server, QUESTION, width, budget="16")
    assert browser.value("document.querySelectorAll('.card').length") == 16
    assert browser.value("document.querySelectorAll('.card .meter').length") > 0
    assert browser.value("document.querySelectorAll('.card.chosen').length") == 1
    assert text(browser, "#final") == text(browser, ".card.chosen .answer") == text(browser, "#bars .name.chosen")
    assert "look first: 4 more" in text(browser, "#decisions") and "bin 1" in text(browser, "#decisions")
    assert "stopped: the plan is carried out" in text(browser, "#decisions .end") and " s" in text(
        browser, ".end .when"
    )
    assert "16 samples" in text(browser, "#cost") and "32 samples" in text(browser, "#cost")
    assert "2.0 times fewer samples than uniform" in text(browser, "#saved")
    assert "80%" in text(browser, "#facts")
    assert browser.value("document.documentElement.scrollWidth") == width


def test_the_page_says_nothing_on_the_console_and_asks_this_server_alone(browser: Browser, server: Running) -> None:
    ask(browser, server, QUESTION)
    assert browser.console == []
    assert all(address.startswith(server.url) for address in browser.requests)


def test_a_question_that_the_model_cannot_read_is_told_of(browser: Browser, server: Running) -> None:
    ask(browser, server, "What is love?")
    assert "cannot read" in text(browser, "#problem")


def test_what_a_model_wrote_is_shown_as_text_and_never_run(browser: Browser, server: Running) -> None:
    browser.go(f"{server.url}/")
    browser.value("begin()")
    written = "<img src=x onerror=document.title=1>"
    browser.value(f"candidate({{place: 0, answer: {written!r}, score: 0.5, tokens: 3, text: {written!r}}})")
    assert text(browser, ".card .answer") == written
    assert browser.value("document.querySelectorAll('.card img').length") == 0
