from dataclasses import replace

import pytest

from outlay.cost import Prices
from outlay.drive.batching import BatchingDriver
from outlay.drive.counting import Profile, estimate
from outlay.drive.serving import Unit
from outlay.strategies import (
    BeamSearch,
    BestOfN,
    BudgetForcing,
    EarlyStopping,
    Greedy,
    Lookahead,
    MajorityVote,
    Revisions,
    SelfRefine,
)
from outlay.types import Budget
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, Digits

STRATEGIES = [
    Greedy(),
    MajorityVote(),
    BestOfN(),
    BeamSearch(),
    BeamSearch(width="sqrt"),
    Lookahead(steps=2),
    Revisions(chains=2),
]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
@pytest.mark.parametrize("n", [1, 4, 10])
def test_the_price_is_what_a_live_run_of_those_lengths_costs(strategy, n):
    prices = Prices(parameters=100, verifier_parameters=40)
    driver = BatchingDriver(Digits(), DigitModel(depth=4), RandomScores(), prices)
    (trace,) = driver.solve([Unit(Digits().questions("test", 1)[0], strategy, Budget(generations=n))])
    forecast = estimate(strategy, Budget(generations=n), Profile(steps=4, step_tokens=2, question_tokens=3), prices)
    for name in ("generations", "generated_tokens", "prompt_tokens", "cached_tokens", "calls"):
        assert getattr(forecast, name) == getattr(trace.cost, name), name
    assert forecast.verifier_prompt_tokens >= trace.cost.verifier_prompt_tokens  # live samples may coincide


@pytest.mark.parametrize("n", [1, 4, 7])
@pytest.mark.parametrize("strategy", [BudgetForcing(), SelfRefine(accept="never"), EarlyStopping(rule="certain")])
def test_strategies_by_prompt_are_priced_with_what_their_prompts_hold(strategy, n):
    class Worded(DigitModel):
        """Reads a token a word, of a question that has three."""

        def question_tokens(self, question):
            return len(question.text.split())

    asked = replace(Digits().questions("test", 1)[0], text="what is it")
    driver = BatchingDriver(Digits(), Worded(depth=4))
    (trace,) = driver.solve([Unit(asked, strategy, Budget(generations=n))])
    forecast = estimate(strategy, Budget(generations=n), Profile(steps=4, step_tokens=1, question_tokens=3))
    if strategy.name == "early_stopping":
        assert trace.cost.generations <= n and forecast.generations <= n
        return
    assert forecast.generations == trace.cost.generations
    assert forecast.prompt_tokens - forecast.cached_tokens == trace.cost.prompt_tokens - trace.cost.cached_tokens


def test_best_of_n_costs_n_solutions_and_one_prompt():
    cost = estimate(
        BestOfN(), Budget(generations=8), Profile(steps=3, step_tokens=5, question_tokens=7), Prices(parameters=10)
    )
    assert cost.generated_tokens == 8 * 15
    assert (cost.prompt_tokens, cost.cached_tokens) == (8 * 7, 7 * 7)
    assert cost.flops == 2 * 10 * (7 + 8 * 15)


def test_a_cap_is_respected_in_the_forecast_too():
    cost = estimate(BestOfN(), Budget(generations=8, tokens=40), Profile(3, 5, 7))
    assert cost.generated_tokens == 30
