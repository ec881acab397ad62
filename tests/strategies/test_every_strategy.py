"""What every registered strategy promises, whatever it does and whatever model and verifier it meets.

A strategy is held to all of this by being registered. The account is compared with the books of the model and the verifier.
"""

import json
import math
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counted import KINDS, SCORES
from every import PRICES, QUESTION, VARIANTS, World, in_process, over_a_server
from outlay.errors import OutlayError, Unsupported, UserError
from outlay.selection import aggregate
from outlay.strategies import from_spec, registered
from outlay.types import Budget
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, Digits, solve

worlds = st.builds(
    World,
    kind=st.sampled_from(KINDS),
    scores=st.sampled_from([name for name in SCORES if name != "NaN"]),
    order=st.integers(0, 99),
    seed=st.integers(0, 99),
)
caps = st.sampled_from(["tokens", "flops", "usd", None])
each_strategy = pytest.mark.parametrize("strategy", VARIANTS, ids=lambda strategy: json.dumps(strategy.spec()))


def capped(n, cap, share):
    """A budget of n generations, and of a share of what these may cost at most in another unit."""
    most = {"tokens": n * 12, "flops": n * 12 * 500.0, "usd": n * 12 * 3.0}
    return Budget(generations=n, **({cap: type(most[cap])(most[cap] * share)} if cap else {}))


def over(budget, cost):
    """The caps that a cost exceeds."""
    pairs = {"generations": cost.generations, "tokens": cost.generated_tokens, "flops": cost.flops, "usd": cost.usd}
    return {unit: spent for unit, spent in pairs.items() if spent > (getattr(budget, unit) or math.inf)}


@each_strategy
@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 20), cap=caps, share=st.floats(0.01, 1.5), world=worlds)
def test_a_budget_is_never_exceeded_in_any_unit(strategy, n, cap, share, world):
    budget = capped(n, cap, share)
    trace, books = in_process(strategy, budget, world)
    assert not over(budget, trace.cost)
    assert books.generations() <= n
    assert books.spent["generated_tokens"] <= (budget.tokens or math.inf)
    if cap is None:
        assert trace.cost.generations > 0


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 20), cap=caps, share=st.floats(0.01, 1.5), world=worlds)
def test_a_budget_is_never_exceeded_over_a_server_either(strategy, n, cap, share, world):
    budget = capped(n, cap, share)
    try:
        trace, _ = over_a_server(strategy, budget, world)
    except Unsupported as refusal:
        assert "cannot revise" in str(refusal)
        return
    assert not over(budget, trace.cost)


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 20), cap=caps, share=st.floats(0.1, 1.5), world=worlds)
def test_the_ledger_is_what_model_and_verifier_really_did(strategy, n, cap, share, world):
    trace, books = in_process(strategy, capped(n, cap, share), world)
    cost, spent = trace.cost, books.spent
    for unit in ("prompt_tokens", "generated_tokens", "verifier_prompt_tokens", "calls"):
        assert getattr(cost, unit) == spent[unit], unit
    assert cost.prompt_tokens - cost.cached_tokens == spent["fresh"]
    assert cost.generations == books.generations()
    assert cost.flops == 200 * (spent["fresh"] + spent["generated_tokens"]) + 100 * spent["verifier_prompt_tokens"]
    read = spent["fresh"] + spent["verifier_prompt_tokens"]
    assert cost.usd == pytest.approx(spent["generated_tokens"] + 0.1 * read)


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 20), world=worlds)
def test_the_ledger_is_what_a_server_counted(strategy, n, world):
    try:
        trace, books = over_a_server(strategy, Budget(generations=n), world)
    except Unsupported:
        return
    for unit in ("prompt_tokens", "generated_tokens", "calls"):
        assert getattr(trace.cost, unit) == books.spent[unit], unit


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 20), cap=caps, share=st.floats(0.1, 1.5), world=worlds)
def test_only_finished_solutions_are_answers_unless_there_is_none(strategy, n, cap, share, world):
    trace, _ = in_process(strategy, capped(n, cap, share), world)
    for solution in trace.solutions:
        assert solution.answer is None or solution.finished
    if any(solution.answer is not None for solution in trace.solutions):
        assert trace.answer is not None
    if trace.answer is not None:
        assert trace.chosen is not None
        assert trace.solutions[trace.chosen].answer == trace.answer
        assert trace.solutions[trace.chosen].finished


@each_strategy
@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 20), world=worlds)
def test_samples_are_numbered_in_the_order_of_asking_and_none_twice(strategy, n, world):
    trace, _ = in_process(strategy, Budget(generations=n), world)
    ordinals = [solution.sample for solution in trace.solutions]
    assert len(set(ordinals)) == len(ordinals)
    assert min(ordinals) >= 0


@each_strategy
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "mixed"])
def test_the_smallest_budgets_are_enough_for_a_solution_and_none_is_lost(strategy, kind, n):
    trace, _ = in_process(strategy, Budget(generations=n), World(kind))
    assert trace.solutions
    assert (trace.answer is not None) == (kind == "usual")
    assert all(solution.finished == (kind != "never stops") for solution in trace.solutions) or kind == "usual"


@each_strategy
@pytest.mark.parametrize("scores", ["equal", "zeros", "ones", "0 or 1"])
def test_scores_that_tell_little_are_no_obstacle(strategy, scores):
    trace, _ = in_process(strategy, Budget(generations=8), World(scores=scores))
    assert trace.answer is not None


@each_strategy
@pytest.mark.parametrize("run", [in_process, over_a_server])
def test_a_score_that_is_no_number_is_refused_in_one_sentence(strategy, run):
    asks_a_verifier = _asks_a_verifier(strategy)
    try:
        run(strategy, Budget(generations=8), World(scores="NaN"))
    except Unsupported:
        return
    except OutlayError as refusal:
        assert asks_a_verifier
        assert "counted:scores gave step scores outside [0, 1]" in str(refusal)
        assert "\n" not in str(refusal)
        return
    assert not asks_a_verifier


def _asks_a_verifier(strategy):
    _, books = in_process(strategy, Budget(generations=8))
    return books.spent["verifier_prompt_tokens"] > 0


@each_strategy
def test_a_strategy_that_needs_a_verifier_says_so_without_one(strategy):
    if not _asks_a_verifier(strategy):
        assert not strategy.needs_verifier
        return
    with pytest.raises(UserError, match="needs a verifier"):
        solve(strategy, n=8, model=RevisingModel())


@each_strategy
def test_a_spec_makes_the_same_strategy_again(strategy):
    assert from_spec(strategy.spec()) == strategy
    assert hash(from_spec(strategy.spec())) == hash(strategy)


@pytest.mark.parametrize("name", registered())
def test_a_budget_of_nothing_is_refused(name):
    if name == "greedy":  # costs one generation whatever the budget
        return
    with pytest.raises(UserError, match="buys nothing"):
        in_process(from_spec(name), Budget(generations=0))


class RevisingModel(DigitModel):
    """The toy model; it reads earlier attempts without being changed by them."""


@each_strategy
def test_the_aggregation_option_reaches_the_scores(strategy):
    if "aggregation" not in {option.name for option in fields(strategy)} or not _asks_a_verifier(strategy):
        return
    found = {}
    for how in ("last", "min", "prod", "mean"):
        trace, _ = in_process(from_spec({**strategy.spec(), "aggregation": how}), Budget(generations=6))
        for solution in trace.solutions:
            assert solution.score == pytest.approx(aggregate(solution.step_scores, how))
        found[how] = [solution.score for solution in trace.solutions]
    assert found["last"] != found["mean"]


@each_strategy
def test_every_candidate_is_scored_not_only_the_first(strategy):
    if not strategy.needs_verifier:
        return
    for trace in solve(strategy, n=8, verifier=RandomScores(), questions=3, model=RevisingModel()):
        assert all(solution.score is not None for solution in trace.solutions)
        assert all(len(solution.step_scores) == len(solution.steps) for solution in trace.solutions)


def test_the_question_and_the_prices_are_what_the_books_assume():
    assert len(QUESTION.text.split()) == 3
    assert (PRICES.parameters, PRICES.verifier_parameters) == (100, 50)
    assert Digits.max_solution_tokens == 12
