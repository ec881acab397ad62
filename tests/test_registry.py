from dataclasses import dataclass
from typing import Any

import pytest

from outlay import models, strategies, tasks, verifiers
from outlay.errors import UserError
from outlay.registry import build


@pytest.mark.parametrize(
    ("load", "name", "hint"),
    [
        (strategies.from_spec, "beam_serch", 'no strategy named "beam_serch": did you mean "beam_search"'),
        (models.load, "embeded:x", 'no model named "embeded": did you mean "embedded"'),
        (models.load, "embedded:countdown-smal", 'did you mean "countdown-small"'),
        (models.load, "countdown-small", "write BACKEND:NAME"),
        (verifiers.load, "orakle:countdown", 'did you mean "oracle"'),
        (tasks.load, "countdwn", "countdown"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_known_one(load, name, hint):
    with pytest.raises(UserError, match=hint):
        load(name)


def test_an_unknown_option_is_refused_not_ignored():
    with pytest.raises(UserError, match='no option "widht": did you mean "width"'):
        strategies.from_spec({"name": "beam_search", "widht": 3})


def test_a_policy_model_is_no_verifier_and_the_other_way_round():
    with pytest.raises(UserError, match="not a verifier"):
        verifiers.load("embedded:countdown-small")
    with pytest.raises(UserError, match="not a policy"):
        models.load("embedded:countdown-prm")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"name": "lookahead", "steps": 1.5}, '"steps" of "lookahead" should be a whole number, not 1.5'),
        ({"name": "beam_search", "distinct": [1]}, '"distinct" of "beam_search" should be true or false, not [1]'),
        ({"name": "beam_search", "distinct": 1}, '"distinct" of "beam_search" should be true or false'),
        (
            {"name": "best_of_n", "temperature": "hot"},
            '"temperature" of "best_of_n" should be a finite number, not \'hot\'',
        ),
        ({"name": "best_of_n", "temperature": True}, "should be a finite number"),
        ({"name": "best_of_n", "temperature": float("nan")}, "should be a finite number"),
        ({"name": "beam_search", "width": "square"}, 'should be a whole number or "sqrt"'),
        ({"name": "beam_search", "width": True}, 'should be a whole number or "sqrt"'),
        ({"name": "beam_search", "selection": 3}, "should be a text"),
    ],
)
def test_an_option_of_another_type_is_refused_with_what_was_expected(spec, says):
    with pytest.raises(UserError) as raised:
        strategies.from_spec(spec)
    assert says in str(raised.value)


def test_a_whole_number_is_a_temperature_and_the_same_spec():
    assert strategies.from_spec({"name": "best_of_n", "temperature": 2}).spec() == {
        "name": "best_of_n",
        "temperature": 2.0,
    }


@dataclass(frozen=True)
class Needy:
    depth: int
    shape: "Unknown" = None  # type: ignore[name-defined]  # noqa: F821


def test_an_option_that_is_needed_is_asked_for():
    with pytest.raises(UserError, match='"needy" needs its option "depth"'):
        build("needy", Needy)


def test_annotations_that_cannot_be_resolved_are_not_judged():
    assert build({"name": "needy", "depth": 3, "shape": "any"}, Needy) == Needy(3, "any")


def test_richer_annotations_are_the_strategys_own_affair():
    @dataclass(frozen=True)
    class Rich:
        parts: Any = ()

    assert build({"name": "rich", "parts": [1]}, Rich) == Rich([1])
