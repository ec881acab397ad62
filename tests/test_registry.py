import pytest

from outlay import models, strategies, tasks, verifiers
from outlay.errors import UserError


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
