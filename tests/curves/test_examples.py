"""The examples in docstrings and in the user guide are run as they stand."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import outlay.curves
import outlay.difficulty

GUIDE = Path(__file__).parents[2] / "docs" / "explanation" / "statistics.md"
MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (outlay.curves, outlay.difficulty)
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_show_what_happens(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.skipif(not GUIDE.exists(), reason="the user guide is not beside these tests")
def test_the_guide_shows_what_happens():
    assert doctest.testfile(str(GUIDE), module_relative=False, encoding="utf-8").failed == 0
