import pytest

from outlay.cli.trying import model_beside, try_model, try_verifier
from outlay.errors import OutlayError, UserError
from outlay.models import load as load_model
from outlay.models.model import Completion
from outlay.verifiers import load as load_verifier
from toy import DigitModel


class Server:
    """An asynchronous model that says what it was asked and goes on from a prefix, or cannot."""

    name = "server"

    def __init__(self, *, prefix=True, logprobs=None, count=1):
        self.takes_prefix, self.logprobs, self.count = prefix, logprobs, count

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        if prefix and not self.takes_prefix:
            raise OutlayError("no prefix")
        return [Completion(f"asked: {prompt}", "end", 9, 0, 4, self.logprobs) for _ in range(self.count)]


class Judge:
    """An asynchronous verifier that gives these scores whatever it is asked."""

    name = "judge"

    def __init__(self, *scores):
        self.scores = scores

    async def score(self, question, solutions):
        return [self.scores for _ in solutions]


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize(("logprobs", "has"), [(None, False), ((-0.1,) * 4, True)])
def test_what_an_asynchronous_model_can_do_is_seen(prefix, logprobs, has):
    seen = try_model(Server(prefix=prefix, logprobs=logprobs))
    assert seen.name == "server" and "asked: What is 2 + 3?" in seen.says
    can = seen.capabilities
    assert (can["runs"], can["log_probabilities"], can["goes_on_from_a_prefix"]) == ("asynchronous", has, prefix)
    assert (can["parameters"], can["tokens"]) == (None, 4)


def test_an_engine_of_a_users_own_is_tried_too():
    can = try_model(DigitModel()).capabilities
    assert (can["runs"], can["goes_on_from_a_prefix"], can["parameters"]) == ("in this process", True, 100)


def test_a_model_that_gives_another_number_of_completions_than_asked_is_told_so():
    with pytest.raises(OutlayError, match="server gave 2 completions where one was asked for"):
        try_model(Server(count=2))


@pytest.mark.parametrize("thing", [object(), "text", Judge()])
def test_what_is_no_model_is_refused(thing):
    with pytest.raises(UserError, match="is no model"):
        try_model(thing)


def test_an_asynchronous_verifier_scores_a_solution():
    seen = try_verifier(Judge(0.25), Server())
    assert seen.name == "judge" and seen.says.endswith(": 0.25")
    assert (seen.capabilities["runs"], seen.capabilities["steps"]) == ("asynchronous", 1)


@pytest.mark.parametrize("scores", [(0.5, 0.5), (1.5,), (float("nan"),)])
def test_scores_that_are_not_one_probability_a_step_are_told_so(scores):
    with pytest.raises(OutlayError, match=r"judge gave .* one probability a step"):
        try_verifier(Judge(*scores), Server())


def test_what_is_no_verifier_is_refused():
    with pytest.raises(UserError, match="is no verifier"):
        try_verifier(Server(), Server())


@pytest.mark.parametrize(
    ("verifier", "model"),
    [
        ("embedded:arithmetic-prm", "embedded:arithmetic-small"),
        ("oracle:arithmetic-clean", "embedded:arithmetic-clean-small"),
        ("oracle:jsonl", "embedded:countdown-small"),
        ("random:1", "embedded:countdown-small"),
    ],
)
def test_a_verifier_is_tried_beside_a_model_of_its_own_task(verifier, model):
    assert model_beside(verifier) == model


@pytest.mark.parametrize("address", ["agreement", "logprob", "constant", "noisy:0.2:embedded:arithmetic-prm"])
def test_verifiers_that_are_free_or_made_of_others_are_tried(address):
    seen = try_verifier(load_verifier(address), load_model(model_beside(address)))
    assert seen.name == address
    assert seen.capabilities["steps"] >= 1
