"""How the embedded model reads earlier attempts: before the question, exactly as it was trained, and never silently fewer."""

import json

import numpy as np
import pytest

from outlay.errors import Unsupported, UserError
from outlay.models.embedded import Engine, GenerateJob, load_weights
from outlay.models.embedded.backend import EmbeddedModel
from outlay.models.embedded.revising import revision_prompt
from outlay.types import Question, Sample, Solution, Step

END = 1
QUESTION = Question("q", "5 6 7")


@pytest.fixture
def make_model(make_folder):
    """A model with random weights, whose card says how many attempts it reads (None: nothing)."""

    def make(attempts):
        folder = make_folder()
        card = {"name": "toy", "role": "policy", "task": "toy", "step_token": ";", "eos_token": "<end>"}
        card |= {"max_tokens": 6, "parameters": 1} | ({} if attempts is None else {"attempts": attempts})
        (folder / "outlay.json").write_text(json.dumps(card), encoding="utf-8")
        return EmbeddedModel.load(folder)

    return make


def drawn(model, *attempts, keys=(3,)):
    model.begin(Sample(QUESTION, n=len(keys), attempts=attempts), keys, "tag")
    while not model.idle:
        for _, solutions in model.advance():
            return solutions
    return []


def attempt(*state, finished=True):
    return Solution((Step(" text", len(state)),), finished=finished, truncated=not finished, state=state)


def test_attempts_stand_before_the_question_and_end_in_the_end_token():
    assert revision_prompt([(4, 7, 1), (4, 8, 1)], (5, 6), end=1) == (4, 7, 1, 4, 8, 1, 5, 6)


def test_an_attempt_that_was_cut_off_keeps_its_length():
    assert revision_prompt([(4, 7, 9)], (5, 6), end=1) == (4, 7, 1, 5, 6)


def test_without_attempts_the_prompt_is_the_question():
    assert revision_prompt([], (5, 6), end=1) == (5, 6)


def test_the_model_goes_on_from_exactly_that_prompt(make_model, make_folder):
    model = make_model(2)
    first, second = attempt(9, 4, END), attempt(8, 3, 3, END)
    found = drawn(model, first, second, keys=(3, 4, 5))
    prompt = revision_prompt([first.state, second.state], model.tokenizer.encode(QUESTION.text), END)
    job = GenerateJob(prompt, (3, 4, 5), 6, eos=frozenset({END}))
    by_hand = sorted(Engine(load_weights(make_folder())).run([job]), key=lambda one: one.index)
    assert [solution.state for solution in found] == [one.tokens for one in by_hand]
    np.testing.assert_allclose([s.logprob for s in found], [np.sum(one.logprobs) for one in by_hand], rtol=1e-12)


def test_an_attempt_from_elsewhere_is_read_as_its_text(make_model):
    model = make_model(2)
    ours = attempt(9, 4, END)
    text = Solution((Step(model.tokenizer.decode([9, 4]), 3),), finished=True)
    assert drawn(model, ours) == drawn(model, text)
    assert drawn(model, ours) != drawn(model, attempt(4, 9, END))


def test_more_attempts_than_it_was_trained_on_are_refused_not_dropped(make_model):
    with pytest.raises(UserError, match="at most 2 earlier attempts and 3 were given"):
        drawn(make_model(2), *[attempt(9, END)] * 3)


@pytest.mark.parametrize("attempts", [None, 0])
def test_a_model_whose_card_says_nothing_cannot_revise(make_model, attempts):
    with pytest.raises(Unsupported, match="not trained to revise"):
        drawn(make_model(attempts), attempt(9, END))
