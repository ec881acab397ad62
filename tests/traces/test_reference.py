from pathlib import Path

import pytest

from outlay.traces.schema import RUNS, SOLUTIONS, as_markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "traces.md"


@pytest.mark.parametrize("schema", [RUNS, SOLUTIONS], ids=["runs", "solutions"])
def test_the_reference_page_describes_every_field_as_the_schema_does(schema: object) -> None:
    if not PAGE.is_file():
        pytest.skip("the documentation is not part of this installation")
    assert as_markdown(schema) in PAGE.read_text(encoding="utf-8")
