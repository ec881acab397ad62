"""What every registered strategy promises, whatever it does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.selection import aggregate
from outlay.strategies import (
    BUILTIN,
    DVTS,
    BeamSearch,
    BestOfN,
    Lookahead,
    ParticleFilter,
    Rebase,
    Revisions,
    TreeSearch,
    WeightedBestOfN,
    from_spec,
)
from outlay.types import Budget
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, Digits, solve

VARIANTS = [cls() for cls in BUILTIN.values()] + [
    BeamSearch(width=1),
    BeamSearch(width="sqrt"),
    BeamSearch(width=64),
    BeamSearch(width=2, distinct=True),
    Lookahead(width="sqrt", steps=3),
    Lookahead(steps=0),
    DVTS(width="sqrt"),
    DVTS(width=1),
    Rebase(temperature=1e-3),
    ParticleFilter(resampling="multinomial"),
    TreeSearch(width=1),
    TreeSearch(width="sqrt", rule="uct"),
    Revisions(chains=4),
    Revisions(chains="sqrt", selection="verifier"),
    Revisions(chains=3, context=0),
]


@pytest.mark.parametrize("strategy", VARIANTS, ids=repr)
@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 10))
def test_a_budget_of_generations_is_never_exceeded(strategy, n, seed):
    if isinstance(strategy, Revisions):
        n = min(n, 12)
    (trace,) = solve(strategy, n=n, verifier=RandomScores(), seed=seed, model=RevisingModel())
    assert 0 < trace.cost.generations <= n


@pytest.mark.parametrize("cap", ["tokens", "flops", "usd"])
@pytest.mark.parametrize("strategy", VARIANTS, ids=repr)
def test_a_cap_on_tokens_flops_or_dollars_is_never_exceeded(strategy, cap):
    from outlay.cost import Prices

    prices = Prices(parameters=100, verifier_parameters=50, usd_generated=1e6, usd_prompt=1e5)
    for limit in (1, 20, 70, 150, 400):
        value = {"tokens": limit, "flops": limit * 200.0, "usd": limit * 1.5}[cap]
        driver = BatchingDriver(Digits(), RevisingModel(), RandomScores(), prices)
        unit = Unit(Digits().questions("test", 1)[0], strategy, Budget(generations=12, **{cap: value}))
        (trace,) = driver.solve([unit])
        spent = trace.cost.generated_tokens if cap == "tokens" else getattr(trace.cost, cap)
        assert spent <= value
        assert (trace.cost.calls > 0) or trace.answer is None


@pytest.mark.parametrize("strategy", VARIANTS, ids=repr)
def test_a_spec_makes_the_same_strategy_again(strategy):
    assert from_spec(strategy.spec()) == strategy
    assert hash(from_spec(strategy.spec())) == hash(strategy)


@pytest.mark.parametrize("strategy", VARIANTS, ids=repr)
def test_the_company_a_question_keeps_does_not_change_its_trace(strategy):
    alone = [solve_one(strategy, index) for index in range(4)]
    together = solve(strategy, n=9, verifier=RandomScores(), questions=4, model=RevisingModel())
    assert [(t.answer, t.solutions, t.chosen) for t in together] == [(t.answer, t.solutions, t.chosen) for t in alone]


@pytest.mark.parametrize("strategy", VARIANTS, ids=repr)
def test_the_chosen_solution_carries_the_answer(strategy):
    for trace in solve(strategy, n=8, verifier=RandomScores(), questions=5, model=RevisingModel()):
        assert trace.chosen is not None
        assert trace.solutions[trace.chosen].answer == trace.answer


@pytest.mark.parametrize("strategy", VARIANTS, ids=repr)
def test_every_generated_token_is_in_the_ledger(strategy):
    model = RevisingModel()
    traces = solve(strategy, n=8, verifier=RandomScores(), questions=3, model=model)
    assert sum(trace.cost.generated_tokens for trace in traces) == model.tokens > 0


@pytest.mark.parametrize("strategy", [s for s in VARIANTS if s.needs_verifier], ids=repr)
def test_a_strategy_that_needs_a_verifier_says_so_without_one(strategy):
    with pytest.raises(UserError, match="needs a verifier"):
        solve(strategy, n=4)


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(UserError, match="buys nothing"):
        solve(BeamSearch(), n=0, verifier=RandomScores())


class RevisingModel(DigitModel):
    """The toy model, which also revises (it ignores earlier attempts), and counts what it generates."""

    tokens = 0

    def begin(self, request, keys, tag):
        super().begin(request, keys, tag)
        before = request.prefix.tokens if request.prefix else 0
        self.tokens += sum(solution.tokens - before for solution in self._queue[-1][1])


def solve_one(strategy, index):
    driver = BatchingDriver(Digits(), RevisingModel(capacity=1), RandomScores())
    (trace,) = driver.solve([Unit(Digits().questions("test", 4)[index], strategy, Budget(generations=9))])
    return trace


@pytest.mark.parametrize(
    "make",
    [
        *(BestOfN, WeightedBestOfN, BeamSearch, Lookahead, DVTS, Rebase, ParticleFilter, TreeSearch),
        lambda **o: Revisions(selection="verifier", **o),
    ],
)
def test_the_aggregation_option_reaches_the_scores(make):
    found = {}
    for how in ("last", "min", "prod", "mean"):
        (trace,) = solve(make(aggregation=how), n=6, verifier=RandomScores(), model=RevisingModel())
        for solution in trace.solutions:
            assert solution.score == pytest.approx(aggregate(solution.step_scores, how))
        found[how] = [solution.score for solution in trace.solutions]
    assert found["last"] != found["mean"]


@pytest.mark.parametrize("strategy", [s for s in VARIANTS if s.needs_verifier], ids=repr)
def test_every_candidate_is_scored_not_only_the_first(strategy):
    for trace in solve(strategy, n=8, verifier=RandomScores(), questions=3, model=RevisingModel()):
        assert all(solution.score is not None for solution in trace.solutions)
        assert all(len(solution.step_scores) == len(solution.steps) for solution in trace.solutions)
