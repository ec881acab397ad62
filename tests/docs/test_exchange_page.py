import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "exchange.md"


def test_the_examples_of_the_page_run() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried > 3) == (0, True)
