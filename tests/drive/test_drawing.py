"""Free text, step by step, over a server that writes from a script and stops where it is told."""

import asyncio

import pytest

import outlay
from outlay.errors import UserError
from outlay.models.model import Completion
from outlay.strategies import BeamSearch, BestOfN, BudgetForcing, Greedy, Lookahead
from outlay.types import Budget
from toy import DigitModel, Digits

SCRIPT = "First, e.g. 2.5 is 2. Then 1. Add 3.\nStep 2: so 5.\n\nThe sum is 5. Done 7"


class Scripted:
    """Writes the script: one token a character, and one at the end; interrupted at the first stop, as a server is."""

    name = "scripted"

    def __init__(self, script=SCRIPT, limit=10_000):
        self.script, self.limit, self.calls = script, limit, []

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        await asyncio.sleep(0)
        self.calls.append((prefix, max_tokens, tuple(stop), seed))
        return [self.one(self.script[len(prefix) :], max_tokens, stop) for _ in range(n)]

    def one(self, rest, max_tokens, stop):
        ends = [rest.find(one) + len(one) for one in stop if one in rest]
        text, reason = (rest[: min(ends)], "stop") if ends else (rest, "end")
        room = min(max_tokens, self.limit)
        if len(text) + (reason == "end") > room:
            text, reason = text[:room], "length"
        return Completion(text, reason, 3, 0, len(text) + (reason == "end"), (-0.5,) * (len(text) + (reason == "end")))


class Long(Digits):
    max_solution_tokens = 200


class Neutral:
    name = "neutral"

    async def score(self, question, solutions):
        return [(0.5,) * len(solution.steps) for solution in solutions]


def drawn(strategy, steps, model=None, task=None, n=1, **options):
    model = model or Scripted()
    trace = outlay.solve(
        "q",
        strategy=strategy,
        model=model,
        verifier=Neutral(),
        budget=Budget(generations=n),
        task=task or Long(),
        steps=steps,
        **options,
    )
    return trace, model


CUTS = {
    "newline": ["First, e.g. 2.5 is 2. Then 1. Add 3.\n", "Step 2: so 5.\n", "\nThe sum is 5. Done 7"],
    "blank_line": ["First, e.g. 2.5 is 2. Then 1. Add 3.\nStep 2: so 5.\n\n", "The sum is 5. Done 7"],
    "numbered": ["First, e.g. 2.5 is 2. Then 1. Add 3.\n", "Step 2: so 5.\n\nThe sum is 5. Done 7"],
    "sentence": ["First, e.g. 2.5 is 2. ", "Then 1. ", "Add 3.\n", "Step 2: so 5.\n", "\nThe sum is 5. ", "Done 7"],
    "tokens:30": [SCRIPT[:30], SCRIPT[30:60], SCRIPT[60:]],
}


@pytest.mark.parametrize("steps", CUTS)
def test_a_search_draws_the_steps_that_the_option_names(steps):
    trace, _ = drawn(BeamSearch(width=1), steps)
    (solution,) = trace.solutions
    assert [step.text for step in solution.steps] == CUTS[steps]
    assert solution.finished and solution.text == SCRIPT


@pytest.mark.parametrize("steps", ["newline", "blank_line", "numbered", "sentence"])
def test_a_whole_solution_is_cut_into_the_same_steps(steps):
    trace, model = drawn(Greedy(), steps)
    (solution,) = trace.solutions
    assert [step.text for step in solution.steps] == CUTS[steps]
    assert solution.tokens == trace.cost.generated_tokens == len(SCRIPT) + 1
    assert solution.logprob == pytest.approx(-0.5 * (len(SCRIPT) + 1))
    assert model.calls[0][2] == ()


def test_steps_are_paragraphs_unless_something_else_is_said():
    assert [step.text for step in drawn(Greedy(), None)[0].solutions[0].steps] == CUTS["blank_line"]


def test_every_call_and_every_token_is_paid_for_also_those_of_a_heading_that_is_written_twice():
    trace, model = drawn(BeamSearch(width=1), "numbered")
    assert len(model.calls) == 2
    assert trace.cost.generated_tokens == len(SCRIPT) + 1 + len("Step 2:")
    trace, model = drawn(BeamSearch(width=1), "sentence")
    scored = 6
    assert trace.cost.calls == len(model.calls) + scored
    assert len(model.calls) > 6  # "e.g. " interrupted a step that then went on
    assert trace.cost.prompt_tokens == 3 * len(model.calls)
    assert trace.cost.generated_tokens == len(SCRIPT) + 1


def test_calls_of_one_step_have_seeds_of_their_own():
    _, model = drawn(BeamSearch(width=1), "sentence")
    seeds = [seed for *_, seed in model.calls]
    assert len(set(seeds)) == len(seeds)


def test_a_rollout_is_of_so_many_steps():
    _, model = drawn(Lookahead(steps=2, width=1), "newline", n=3)
    after_first = [prefix for prefix, *_ in model.calls if prefix]
    assert after_first[:2] == ["".join(CUTS["newline"][:1]), "".join(CUTS["newline"][:2])]


def test_a_solution_has_the_same_room_however_many_calls_it_takes():
    class Short(Digits):
        max_solution_tokens = 40

    for steps in CUTS:
        trace, model = drawn(BeamSearch(width=1), steps, task=Short())
        (solution,) = trace.solutions
        assert solution.truncated and solution.answer is None
        assert trace.cost.generated_tokens <= 40
        assert all(most <= 40 for _, most, *_ in model.calls)


def test_a_server_that_cuts_off_below_the_length_asked_for_ends_the_solution():
    trace, _ = drawn(BeamSearch(width=1), "newline", model=Scripted(limit=10))
    assert trace.solutions[0].truncated


def test_a_forced_solution_has_room_for_another():
    class Just(Digits):
        max_solution_tokens = len(SCRIPT) + 1

    model = Scripted()
    trace, _ = drawn(BudgetForcing(text="!"), "newline", model=model, task=Just(), n=2)
    assert [most for _, most, *_ in model.calls] == [len(SCRIPT) + 1] * 2
    assert trace.solutions[1].finished


def test_an_embedded_models_steps_are_its_own():
    with pytest.raises(UserError, match="token of its own"):
        outlay.solve("q", strategy=Greedy(), model=DigitModel(), task=Digits(), steps="newline")


def test_an_unknown_way_of_cutting_is_refused_before_anything_is_drawn():
    model = Scripted()
    with pytest.raises(UserError, match='did you mean "newline"'):
        drawn(BestOfN(), "newlines", model=model)
    assert not model.calls
