import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "explanation" / "strategies").glob("*.md"))
SOURCES = "\n".join(path.read_text() for path in (ROOT / "src" / "outlay" / "strategies").glob("*.py"))


def squeezed(text):
    return re.sub(r"\s+", "", text)


def quoted(page):
    """The code that stands in the right column of a page's blocks, cut where the page leaves something out."""
    for block in re.findall(r"```text\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.splitlines():
            _, gap, code = line.rpartition("    ")
            if gap and code.strip():
                yield from (part for part in code.split("#")[0].split("...") if len(squeezed(part)) > 3)


def test_there_is_a_page_for_each_search():
    assert {page.stem for page in PAGES} >= {
        "best-of-n",
        "beam-search",
        "lookahead",
        "dvts",
        "rebase",
        "particle-filter",
        "tree-search",
    }


BESIDE = [page for page in PAGES if page.stem != "README" and "```python" not in page.read_text()]
"""Pages that show a whole `solve` below the pseudo-code instead are held to it by `test_solve_shown.py`."""


@pytest.mark.parametrize("page", BESIDE, ids=lambda page: page.stem)
def test_the_code_beside_the_pseudo_code_is_the_code(page):
    source = squeezed(SOURCES)
    parts = list(quoted(page))
    checked = [part for part in parts if re.search(r"[=(\[]", part)]
    assert checked
    for part in checked:
        assert squeezed(part).rstrip(",)]") in source, part


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http") and not target.endswith("reproduction.md"):  # made by `outlay run`
            assert (page.parent / target).exists(), target
