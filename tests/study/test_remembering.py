"""Samples that one verifier has scored are scored by the next without being drawn again, and no trace tells the difference."""

from pathlib import Path
from typing import Any

import pytest
from test_run import contents

from outlay import models
from outlay.study.remembering import Remembering
from outlay.study.run import run_package, run_packages
from outlay.study.study import parse_study
from outlay.study.work import packages, sharing
from outlay.tasks import load
from outlay.traces import Store
from outlay.types import Sample, Solution, Step

ENTRY = {
    "task": "countdown",
    "model": "embedded:countdown-small",
    "verifier": "embedded:countdown-prm",
    "weak_verifiers": ["random:1", "random:2"],
    "questions": 60,
    "pool": 6,
    "difficulty_samples": 4,
    "searches": [{"strategy": "beam_search", "budgets": [4]}],
}
STUDY = parse_study({"name": "weak", "pilot": 2, "entries": [ENTRY]}, "test")


def test_packages_that_score_the_same_samples_stand_together() -> None:
    groups = sharing(list(packages(STUDY, set())))
    told = [[(package.start, package.verifier) for package in group] for group in groups]
    judges = ["embedded:countdown-prm", "random:1", "random:2"]
    assert [(0, judge) for judge in judges] in told
    assert [(50, judge) for judge in judges] in told
    assert [[(start, None)] in told for start in (0, 50)] == [True, True]
    assert sum(map(len, told)) == 8


def test_without_weak_verifiers_every_package_stands_alone() -> None:
    alone = parse_study({"name": "s", "entries": [{**ENTRY, "weak_verifiers": []}]}, "test")
    assert all(len(group) == 1 for group in sharing(list(packages(alone, set()))))


def test_traces_are_the_same_with_and_without_a_memory(tmp_path: Path) -> None:
    run_packages(list(packages(STUDY, set())), Store(tmp_path / "together").path, 2, lambda _: None)
    alone, loaded = Store(tmp_path / "alone"), {}
    for package in packages(STUDY, set()):
        run_package(package, alone.path, loaded, lambda _: None)
    assert contents(tmp_path / "together") == contents(tmp_path / "alone")


@pytest.fixture
def engine() -> Any:
    return models.load("embedded:countdown-small")


def served(model: Any, request: Sample, keys: list[int]) -> list[Solution]:
    model.begin(request, keys, "tag")
    found: list[Solution] = []
    while not model.idle:
        for tag, solutions in model.advance():
            assert tag == "tag"
            found = solutions
    return found


def test_a_known_request_leaves_the_engine_idle(engine: Any) -> None:
    (question,) = load("countdown").questions("validation", 1, 0)
    known: dict[Any, list[Solution]] = {}
    first = served(Remembering(engine, known), Sample(question, n=2), [1, 2])
    again = Remembering(engine, known)
    again.begin(Sample(question, n=2), [1, 2], "tag")
    assert engine.idle and not again.idle
    assert again.advance() == [("tag", first)]
    assert again.idle


@pytest.mark.parametrize("changed", ["keys", "temperature", "n"])
def test_another_request_is_drawn(engine: Any, changed: str) -> None:
    (question,) = load("countdown").questions("validation", 1, 0)
    known: dict[Any, list[Solution]] = {}
    served(Remembering(engine, known), Sample(question, n=2), [1, 2])
    other = Sample(question, n=3 if changed == "n" else 2, temperature=0.5 if changed == "temperature" else 1.0)
    Remembering(engine, known).begin(other, [3, 4, 5][: other.n] if changed != "temperature" else [1, 2], "tag")
    assert not engine.idle


def test_what_goes_on_from_something_is_never_kept(engine: Any) -> None:
    (question,) = load("countdown").questions("validation", 1, 0)
    known: dict[Any, list[Solution]] = {}
    served(Remembering(engine, known), Sample(question, n=1, until="step"), [1])
    words = question.text.split()
    begun = Solution((Step(f" {words[0]} + {words[1]} = {int(words[0]) + int(words[1])} ;", 6),), False)
    served(Remembering(engine, known), Sample(question, prefix=begun), [1])
    assert known == {}
