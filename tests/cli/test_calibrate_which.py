"""Traces may hold several tasks and models; what is calibrated is named."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from outlay.cli.calibrate import one_of
from outlay.errors import UserError

EVERYTHING = [
    SimpleNamespace(pool=SimpleNamespace(task=task, model=model))
    for task, model in (("sums", "small"), ("games", "small"), ("games", "reviser"))
]


@pytest.mark.parametrize("task, model, place", [("sums", None, 0), ("games", "reviser", 2), ("games", "small", 1)])
def test_what_is_named_is_taken(task, model, place):
    assert one_of(EVERYTHING, Path("traces"), task, model) is EVERYTHING[place]


@pytest.mark.parametrize(
    "task, model, says",
    [
        (None, None, "several tasks (games, sums): name one with --task"),
        (None, "small", "several tasks (games, sums): name one with --task"),
        ("games", None, "several models (reviser, small): name one with --model"),
        ("game", None, 'nothing on the task game: did you mean "games"?'),
        ("games", "revisor", 'nothing of the model revisor on that task: did you mean "reviser"?'),
    ],
)
def test_what_is_not_clear_is_refused_with_the_option_that_helps(task, model, says):
    with pytest.raises(UserError) as refused:
        one_of(EVERYTHING, Path("traces"), task, model)
    assert says in str(refused.value)
