import importlib
import pkgutil

from outlay import study
from outlay.study.catalogue import every
from outlay.study.claim import Finding


def test_every_finding_that_is_defined_is_in_a_topic() -> None:
    modules = [name for _, name, _ in pkgutil.iter_modules(study.__path__) if name.startswith("claims_")]
    defined = {
        value
        for name in modules
        for value in vars(importlib.import_module(f"outlay.study.{name}")).values()
        if isinstance(value, Finding)
    }
    assert len(modules) >= 10
    assert defined == set(every())


def test_each_says_what_is_claimed_where_and_what_its_authors_report() -> None:
    for finding in every():
        assert finding.says and finding.source and finding.paper.endswith("."), finding.name
        assert not finding.says.endswith("."), finding.name


def test_names_are_unique() -> None:
    names = [finding.name for finding in every()]
    assert len(names) == len(set(names))
