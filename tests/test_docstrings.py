import doctest
import importlib
import pkgutil

import pytest

import outlay

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(outlay.__path__, "outlay.") if "cli.main" not in module.name
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_run(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        pytest.skip(f"{name} needs {missing.name}")
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    assert (
        sum(
            bool(test.examples)
            for name in ("outlay.selection", "outlay.cost", "outlay.registry")
            for test in finder.find(importlib.import_module(name))
        )
        >= 3
    )
