from pathlib import Path

import pytest
import yaml

import outlay

CITATION = Path(__file__).parents[1] / "CITATION.cff"


@pytest.fixture(scope="module")
def citation():
    return yaml.safe_load(CITATION.read_text(encoding="utf-8"))


def test_it_cites_this_version(citation):
    assert citation["version"] == outlay.__version__


def test_it_has_what_the_format_asks_for(citation):
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["type"] == "software" and citation["license"] == "Apache-2.0"
    for work in (citation, *citation["references"]):
        assert work["title"]
        assert work["authors"] and all("name" in author or "family-names" in author for author in work["authors"])


def test_it_refers_to_the_paper(citation):
    (paper,) = [one for one in citation["references"] if "Scaling LLM Test-Time Compute" in one["title"]]
    assert {"type": "other", "value": "arXiv:2408.03314"}.items() <= paper["identifiers"][0].items()
    assert paper["type"] == "conference-paper" and paper["year"] == 2025
    assert [author["family-names"] for author in paper["authors"]] == ["Snell", "Lee", "Xu", "Kumar"]
