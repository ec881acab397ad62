"""Existing solutions of a store, scored by another verifier: each pool of plain samples becomes a run of that verifier.

The new run is the one that a study would have made with that verifier from the start: best-of-N (or weighted best-of-N) with the
pool's own sampling options, budget and seed, the same samples, the answer that these scores choose, and the cost of drawing and of
this verifier's reading. So everything that reads traces takes it for what it is: the same samples by another verifier. Searches
and revisions, whose samples depend on who scored them, are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outlay.cost import Ledger, Prices
from outlay.drive.running import uniform
from outlay.drive.scoring import score_all
from outlay.errors import OutlayError
from outlay.models import load as load_model
from outlay.selection import aggregate, choose
from outlay.strategies import from_spec
from outlay.study.roles import PLAIN_SAMPLING
from outlay.traces.rows import RunKey, run_key
from outlay.types import Budget, Cost, Score, Solution, StepScores, Trace
from outlay.verifiers.verifier import reads_of

DRAWN_THIRD = (2,)
"""The address of a selection strategy's tie: it samples, has scores, and draws."""

SCORED_BY = {"majority": "best_of_n", "majority_vote": "best_of_n"}
"""The strategy that a pool without scores becomes."""


@dataclass(frozen=True)
class ToJudge:
    """A pool of one question that is to be scored, and the spec of the strategy that it then is."""

    trace: Trace
    strategy: Mapping[str, Any]

    def key(self, verifier: str) -> RunKey:
        """The key of its run by this verifier."""
        trace = self.trace
        return run_key(trace.question, self.strategy, trace.budget, trace.seed, trace.model, verifier)


def to_judge(traces: Iterable[Trace]) -> list[ToJudge]:
    """Every pool of plain samples once, whoever scored it before; one that nobody scored is taken first."""
    found: dict[Any, ToJudge] = {}
    for trace in sorted(traces, key=lambda trace: (trace.verifier is not None, trace.verifier)):
        if trace.strategy["name"] not in PLAIN_SAMPLING or len(trace.solutions) < 2:
            continue
        one = ToJudge(trace, scored_spec(trace.strategy))
        found.setdefault((one.key(""), _drawn(trace.solutions)), one)
    return list(found.values())


def scored_spec(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of plain sampling with scores: the same, or best-of-N with the sampling options of a majority vote.

    >>> scored_spec({"name": "majority", "temperature": 0.7})
    {'name': 'best_of_n', 'temperature': 0.7}
    """
    name = str(strategy["name"])
    return from_spec({**strategy, "name": SCORED_BY.get(name, name)}).spec()


def judged(verifier: Any, address: str, pools: Sequence[ToJudge]) -> Iterator[Trace]:
    """The runs of these pools by `verifier`, in the order of ending; `address` is what traces call it.

    Raises OutlayError where it gives no proper scores.
    """
    drew = {name: loaded_model(name) for name in {one.trace.model for one in pools}}
    requests = (
        (Score(one.trace.question, tuple(s.scored((), None) for s in one.trace.solutions)), one) for one in pools
    )
    for one, scores in score_all(verifier, requests):
        yield _run(one, scores, verifier, address, drew[one.trace.model])


def _run(one: ToJudge, scores: Sequence[StepScores], verifier: Any, address: str, drew: Any) -> Trace:
    trace, how = one.trace, str(one.strategy.get("aggregation", "last"))
    solutions = tuple(s.scored(given, aggregate(given, how)) for s, given in zip(trace.solutions, scores, strict=True))
    tie = uniform(trace.seed, trace.question.id, DRAWN_THIRD, 0)
    choice = choose("weighted" if one.strategy["name"].startswith("weighted") else "best_of_n", solutions, tie)
    chosen = next((i for i, s in enumerate(solutions) if s is choice.solution), None)
    grades = trace.solution_correct
    graded = grades[chosen] if chosen is not None and grades else None
    return replace(
        trace,
        strategy=dict(one.strategy),
        verifier=address,
        answer=choice.answer,
        chosen=chosen,
        correct=(False if grades else None) if choice.answer is None else graded,
        solutions=solutions,
        note=choice.note,
        cost=cost_of(trace, scores, verifier, drew),
    )


def cost_of(trace: Trace, scores: Sequence[StepScores], verifier: Any, drew: Any = None) -> Cost:
    """What drawing these samples and scoring them with `verifier` costs: the drawing as recorded, the reading by the ledger.

    `drew` is the model that drew them, where it can be had: FLOPs are those of both then, else 0, which stands for unknown.
    """
    drawing = trace.cost
    asked = getattr(drew, "question_tokens", None)
    question = asked(trace.question) if asked else drawing.prompt_tokens - drawing.cached_tokens
    ledger = Ledger(Budget(), Prices(), question, 0, reads=reads_of(verifier))
    request = Score(trace.question, tuple(solution.scored((), None) for solution in trace.solutions))
    ledger.scored(request)
    ledger.judged(request, scores)
    whole = replace(
        drawing,
        verifier_prompt_tokens=ledger.spent.verifier_prompt_tokens,
        verifier_cached_tokens=ledger.spent.verifier_cached_tokens,
        verifier_generated_tokens=ledger.spent.verifier_generated_tokens,
        calls=drawing.calls - (trace.verifier is not None) + ledger.spent.calls,
    )
    parameters = getattr(drew, "parameters", None)
    if parameters is None:
        return replace(whole, flops=0.0)
    priced = Prices(int(parameters), float(getattr(verifier, "parameters", 0))).price(whole)
    return replace(priced, usd=drawing.usd)


def loaded_model(address: str) -> Any:
    """The model at an address, None where it cannot be had here."""
    try:
        return load_model(address)
    except OutlayError:
        return None


def _drawn(solutions: Sequence[Solution]) -> tuple[str, ...]:
    return tuple(solution.text for solution in solutions)


def left_alone(traces: Iterable[Trace]) -> list[str]:
    """The strategies, in words, whose samples depend on who scored them, so that they are not scored again."""
    names = {str(trace.strategy["name"]) for trace in traces if len(trace.solutions) > 1}
    return sorted(names - set(PLAIN_SAMPLING))
