"""Temperature, top-p and the prompt are options of strategies; a prompt is what the model reads, and it is paid for."""

import pytest

from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.strategies import BUILTIN, Greedy, from_spec
from outlay.strategies.names import method_name
from outlay.types import Budget
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, Digits

PROMPTED = {"self_refine"}
"""Strategies that ask the model other things too, in prompts of their own."""

HINT = "Think step by step.\n{question}\nAnswer:"


class Listening(DigitModel):
    """Measures a question by its characters, reads earlier attempts, and keeps what its verifier was asked."""

    def question_tokens(self, question):
        return len(question.text)


class ListeningScores(RandomScores):
    def __init__(self):
        super().__init__()
        self.read = set()

    def begin(self, request, tag):
        self.read.add(request.question.text)
        super().begin(request, tag)


def solved(strategy, model, verifier):
    unit = Unit(Digits().questions("test", 1)[0], strategy, Budget(generations=4))
    (trace,) = BatchingDriver(Digits(), model, verifier).solve([unit])
    return trace


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_the_model_reads_the_prompt_and_the_verifier_the_bare_question(name):
    model, verifier = Listening(), ListeningScores()
    trace = solved(from_spec({"name": name, "prompt": HINT}), model, verifier)
    asked = [request.question.text for request in model.requests]
    assert asked[0] == "Think step by step.\nq0\nAnswer:"
    if name not in PROMPTED:
        assert set(asked) == {asked[0]}
    assert verifier.read <= {"q0"}
    assert trace.question.text == "q0"


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_a_prompt_is_paid_for_as_long_as_it_is(name):
    trace = solved(from_spec({"name": name, "prompt": HINT}), Listening(), RandomScores())
    read, length = trace.cost.prompt_tokens - trace.cost.cached_tokens, len(HINT.replace("{question}", "q0"))
    again = sum(s.tokens for i in range(4) for s in trace.solutions[:i]) if name == "revisions" else 0
    if name in PROMPTED:
        assert read >= length
    elif name == "budget_forcing":
        assert read == length + 3 * len(from_spec(name).text)
    else:
        assert read == length * (4 if name == "revisions" else 1) + again
    if name in ("best_of_n", "weighted_best_of_n"):
        bare = solved(from_spec({"name": name}), Listening(), RandomScores())
        assert trace.cost.verifier_prompt_tokens == bare.cost.verifier_prompt_tokens > 0


@pytest.mark.parametrize("name", sorted(set(BUILTIN) - {"greedy"}))
def test_temperature_and_top_p_reach_every_sample_that_is_drawn(name):
    model = Listening()
    option = "sampling_temperature" if name == "rebase" else "temperature"
    solved(from_spec({"name": name, option: 0.3, "top_p": 0.9}), model, RandomScores())
    drawn = [request for request in model.requests if request.temperature]
    assert drawn
    assert {(request.temperature, request.top_p) for request in drawn} == {(0.3, 0.9)}


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"prompt": "Answer:"}, "says with {question} where the question stands"),
        ({"temperature": -1}, "at least 0"),
        ({"temperature": float("nan")}, "a finite number"),
        ({"top_p": 0}, "above 0"),
        ({"top_p": 1.5}, "at most 1"),
    ],
)
def test_what_is_no_option_is_refused_where_the_strategy_is_made(option, told):
    with pytest.raises(UserError, match=told):
        from_spec({"name": "majority", **option})


def test_a_prompt_is_in_the_spec_and_in_the_name():
    assert from_spec(Greedy(HINT).spec()) == Greedy(HINT)
    assert method_name('{"name": "majority", "prompt": "Be brief. {question}"}').endswith(
        'asked "Be brief. {question}"'
    )
