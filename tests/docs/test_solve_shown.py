import importlib
import inspect
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "explanation" / "strategies").glob("*.md"))
SHOWN = re.compile(r"`(outlay\.strategies\.\w+)\.(\w+)\.(\w+)`:\n\n```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
MADE_ELSEWHERE = "reproduction.md"
"""Made from a whole study's figures, which not every checkout has run."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_that_a_page_shows_is_the_real_code(page: Path) -> None:
    for module, cls, method, shown in SHOWN.findall(page.read_text(encoding="utf-8")):
        assert shown == inspect.getsource(getattr(getattr(importlib.import_module(module), cls), method))


def test_there_are_pages_that_show_code() -> None:
    assert sum(bool(SHOWN.search(page.read_text(encoding="utf-8"))) for page in PAGES) >= 5


@pytest.mark.parametrize(
    "page", [*PAGES, DOCS / "explanation" / "how-strategies-relate.md"], ids=lambda page: page.stem
)
def test_every_page_that_is_linked_exists(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists() or Path(link).name == MADE_ELSEWHERE, link
