import base64
import csv
import hashlib
import io
import json
import re
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from example_summary import example_summary
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.errors import UserError
from outlay.report import render, write_report
from outlay.report.page import embedded_json

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Elements(HTMLParser):
    """Counts start tags and keeps the content of script elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._open: dict[str, str | None] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open = dict(attrs) if tag == "script" else self._open

    def handle_endtag(self, tag: str) -> None:
        self._open = None if tag == "script" else self._open

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.scripts.append((self._open, data))

    @property
    def data(self) -> list[Any]:
        return [json.loads(text) for attrs, text in self.scripts if attrs.get("type") == "application/json"]


@pytest.fixture(scope="module")
def page() -> str:
    return render(example_summary())


def test_the_page_asks_for_nothing(page: str) -> None:
    outside = re.sub(r"<script.*?</script>|<pre>.*?</pre>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?!data:)[^"'#]|url\(|@import""", outside)
    assert "default-src &#39;none&#39;" in page


def test_every_script_that_runs_is_allowed_by_its_hash(page: str) -> None:
    running = [text for attrs, text in Elements(page).scripts if "type" not in attrs]
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in running}
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and hashes == set(re.findall(r"sha256-([^&']+)", policy[1])) and len(hashes) == 3


def test_every_figure_has_a_label_a_table_and_data(page: str) -> None:
    figures = re.findall(r"<figure .*?</figure>", page, flags=re.DOTALL)
    assert len(figures) == 13 == len(Elements(page).data)
    for figure in figures:
        label = re.search(r'role="img" aria-label="([^"]+)"', figure)
        assert label is not None and len(label[1]) > 40
        assert "<details>" in figure


def test_every_figure_can_be_saved_as_csv_and_as_json_with_the_same_rows(page: str) -> None:
    for figure in re.findall(r"<figure .*?</figure>", page, flags=re.DOTALL):
        files = dict(re.findall(r'href="data:([a-z/]+);charset=utf-8;base64,([^"]+)" download="[a-z0-9-]+\.', figure))
        table = list(csv.DictReader(io.StringIO(decoded(files["text/csv"]))))
        rows = json.loads(decoded(files["application/json"]))["rows"]
        assert (
            table
            and [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows] == table
        )


def decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def test_every_link_inside_the_page_leads_somewhere(page: str) -> None:
    targets = set(re.findall(r'<[a-z]+ id="([^"]+)"', page)) | set(re.findall(r'class="opening" id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= targets


def test_no_two_parts_share_an_anchor(page: str) -> None:
    anchors = re.findall(r'<(?:section|article|figure)[^>]* id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))


def test_warnings_stand_before_the_first_figure(page: str) -> None:
    assert page.index("One training seed") < page.index("<figure")


def test_infinite_numbers_do_not_break_the_data(page: str) -> None:
    assert "Infinity" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_names_and_warnings_are_escaped() -> None:
    summary = example_summary()
    group = summary["groups"][0]
    group |= {"task": HOSTILE, "model": HOSTILE, "warnings": [HOSTILE], "sentences": [HOSTILE]}
    group["curves"][HOSTILE] = deepcopy(group["curves"]["best_of_n"])
    group["policies"][HOSTILE] = deepcopy(group["policies"]["per_bin_oracle"])
    summary |= {"headline": HOSTILE, "warnings": [HOSTILE], "machine": {"cpu": HOSTILE}, "versions": {HOSTILE: HOSTILE}}
    page = render(summary)
    clean, hostile = Elements(render(example_summary())), Elements(page)
    assert hostile.tags.count("script") == clean.tags.count("script")
    assert "img" not in hostile.tags
    assert any(series["key"] == HOSTILE for data in hostile.data for series in data["series"])


@given(st.text(alphabet="<>&/script!-\"'\u2028 ", max_size=30))
def test_embedded_json_comes_back_unchanged_and_opens_no_tag(text: str) -> None:
    embedded = embedded_json({"name": text})
    assert json.loads(embedded) == {"name": text}
    assert "<" not in embedded


@pytest.mark.parametrize("summary", [{}, {"groups": []}, {"groups": [{}]}, {"groups": [{"task": "t", "curves": None}]}])
def test_an_empty_summary_makes_a_page_without_figures(summary: dict[str, Any]) -> None:
    assert "figure" not in Elements(render(summary)).tags


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_any_part_of_a_group_may_be_absent(data: st.DataObject) -> None:
    summary = example_summary()
    group = summary["groups"][0]
    for key in data.draw(st.sets(st.sampled_from(sorted(group)))):
        del group[key]
    for part in ("curves", "policies", "verifier", "bins"):
        inner = group.get(part, {})
        for key in data.draw(st.sets(st.sampled_from(sorted(inner) or ["none"]))):
            inner.pop(key, None)
    assert "</html>" in render(summary)


def test_a_part_that_is_absent_is_named_at_the_end(page: str) -> None:
    assert "There is no part on accuracy by difficulty: it needs" in page[page.index('id="limits"') :]


def test_the_same_summary_gives_the_same_page(page: str) -> None:
    assert render(example_summary()) == page


def test_a_malformed_summary_is_reported_with_its_place() -> None:
    with pytest.raises(UserError, match=r"groups\[0\]\.curves in the summary should be an object but is a list"):
        render({"groups": [{"curves": [1, 2]}]})


def test_a_summary_read_back_from_json_gives_the_same_page(page: str) -> None:
    assert render(json.loads(json.dumps(example_summary()))) == page


def test_the_report_is_written_whole_and_nothing_else(tmp_path: Path, page: str) -> None:
    write_report(example_summary(), tmp_path / "deep" / "report.html")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["report.html"]
    assert (tmp_path / "deep" / "report.html").read_text(encoding="utf-8") == page


def test_a_place_that_cannot_be_written_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_report({}, tmp_path / "file" / "report.html")


def test_the_licences_of_the_drawing_libraries_travel_with_the_page(page: str) -> None:
    assert "Observable, Inc." in page and "Mike Bostock" in page and "Robert Penner" in page
