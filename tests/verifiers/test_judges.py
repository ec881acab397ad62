"""Models asked for an opinion: what is read from their words, what is missing, and what it costs."""

import asyncio
import math

import pyarrow as pa
import pytest

from outlay.cost import Prices
from outlay.drive.solving import solve
from outlay.errors import OutlayError, UserError
from outlay.models import load as load_model
from outlay.models.model import Completion
from outlay.study.pools import pool_of_runs
from outlay.traces import Store
from outlay.types import Budget, Question, Solution, Step
from outlay.verifiers.ensembled import ensembled
from outlay.verifiers.judge import Judge, rating_in
from outlay.verifiers.noisy import noisy
from outlay.verifiers.self_judge import SelfJudge

QUESTION = Question("q", "What is 2 + 2?")


class Says:
    """A model that says the same to everybody, or what `replies` gives for a text in the prompt."""

    name, parameters = "says", 1000

    def __init__(self, text, *, replies=None, reason="end", **more):
        self.text, self.replies, self.reason, self.more, self.prompts = text, replies or {}, reason, more, []

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        self.prompts.append(prompt)
        text = next((said for part, said in self.replies.items() if part in prompt), self.text)
        return [Completion(text, self.reason, 40, 10, 6, **self.more) for _ in range(n)]


def solution(text, answer=None):
    return Solution((Step(text, 3),), finished=True, answer=answer)


def judged(verifier, *texts):
    return asyncio.run(verifier.score(QUESTION, [solution(text) for text in texts]))


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ('Fine. {"rating": 8}', 8),
        ('{"rating": 8} no: {"rating": 3.5}', 3.5),
        ('{"rating": "9"}', 9),
        ('{"Rating": 8}', None),
        ('{"rating": 11}', None),
        ('{"rating": -1}', None),
        ('{"rating": null}', None),
        ('{"rating": true}', None),
        ('{"rating": [8]}', None),
        ("**Rating:** 7.", 7),
        ("Final rating = 7/10", 7),
        ("I would give 6/10 for it", 6),
        ("rated 16/10", None),
        ("2 + 2 is 4, so it is right.", None),
        ("Rating: high", None),
        ("", None),
        ('{"rating": 0}', 0),
        ('{broken "rating": 5}', None),
    ],
)
def test_a_rating_is_read_or_it_is_missing(text, rating):
    assert rating_in(text) == rating


def test_a_rating_becomes_a_score_and_an_unreadable_one_none():
    model = Says('{"rating": 7}', replies={"mumble": "Well."})
    assert judged(Judge(model), "4", "mumble") == [(0.7,), ()]
    assert "2 + 2" in model.prompts[0] and "\n4\n" in model.prompts[0]


def test_a_rating_that_was_cut_off_is_missing():
    assert judged(Judge(Says('{"rating": 7}', reason="length")), "4") == [()]


def test_an_unreadable_rating_is_missing_to_the_end(tmp_path):
    """Through the driver, the store and a pool: it is no score, it never wins, it is no zero."""
    judge = Judge(Says('{"rating": 1}', replies={"first": "no idea", "third": "no idea"}))
    texts = iter(["first 4", "second 5", "third 4"])

    class Proposes:
        name = "proposes"

        async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
            return [Completion(next(texts), "end", 5, 0, 3) for _ in range(n)]

    trace = solve(QUESTION, strategy="best_of_n", model=Proposes(), verifier=judge, budget=Budget(generations=3))
    assert [s.score for s in trace.solutions] == [None, 0.1, None]
    assert trace.answer == "second 5"
    store = Store(tmp_path)
    store.append(trace)
    assert [s.score for s in next(store.traces()).solutions] == [None, 0.1, None]
    pool = pool_of_runs(store.solutions().set_column(*_graded(store)))
    assert pool.scores is not None and pool.rated is not None
    assert pool.scores.tolist() == [[-math.inf, 0.1, -math.inf]]
    assert pool.rated.tolist() == [[False, True, False]]


def _graded(store):
    """The column `correct`, which a question without a reference leaves empty."""
    table = store.solutions()
    return table.column_names.index("correct"), "correct", pa.array([True, False, True])


def test_the_ledger_says_what_the_judge_used():
    judge = Judge(Says('{"rating": 7}'))
    model = Says("4")
    trace = solve(
        QUESTION,
        strategy="best_of_n",
        model=model,
        verifier=judge,
        budget=Budget(generations=3),
        prices=Prices(10, 5, usd_verifier_prompt=1e6, usd_verifier_generated=1e6),
    )
    cost = trace.cost
    assert (cost.verifier_prompt_tokens, cost.verifier_cached_tokens, cost.verifier_generated_tokens) == (120, 30, 18)
    assert cost.calls == 1 + 3
    assert cost.usd == pytest.approx(90 + 18)


def test_what_a_judge_may_write_is_held_back_before_it_is_asked():
    judge = Judge(Says('{"rating": 7}'), most=100)
    prices = Prices(usd_verifier_generated=1e6)
    for dollars, notes in ((299.0, True), (400.0, False)):
        model = Says("4")
        budget = Budget(generations=3, usd=dollars)
        trace = solve(QUESTION, strategy="best_of_n", model=model, verifier=judge, budget=budget, prices=prices)
        assert bool(trace.note) is notes
        assert trace.cost.usd <= dollars


def yes(text, logprobs=None, top=None):
    return SelfJudge(Says(text, reason="length", logprobs=logprobs, top_logprobs=top))


@pytest.mark.parametrize(
    ("verifier", "score"),
    [
        (yes("Yes", (math.log(0.8),)), (pytest.approx(0.8),)),
        (yes(" no.", (math.log(0.8),)), (pytest.approx(0.2),)),
        (yes("Maybe", (math.log(0.8),)), ()),
        (yes("Yes", None), ()),
        (yes("", ()), ()),
        (yes("x", None, ({"Yes": math.log(0.3), " yes": math.log(0.1), "No": math.log(0.4)},)), (pytest.approx(0.5),)),
        (yes("x", None, ({"x": -0.1},)), ()),
    ],
)
def test_the_self_judge_is_the_probability_of_yes(verifier, score):
    assert judged(verifier, "4") == [score]


def test_engines_are_not_asked_in_words():
    with pytest.raises(UserError, match="reads nothing but its own task"):
        Judge(load_model("embedded:countdown-small"))


def test_a_prompt_says_where_question_and_solution_stand():
    with pytest.raises(UserError, match="the prompt says with"):
        Judge(Says("x"), "{question}")


def test_a_judge_that_loses_count_is_not_believed():
    class Short(Says):
        async def sample(self, prompt, **options):
            return []

    with pytest.raises(OutlayError, match="gave 0"):
        judged(Judge(Short("x")), "4")


def test_wrappers_go_around_judges_and_their_costs_add_up():
    both = ensembled([Judge(Says('{"rating": 8}')), noisy(Judge(Says('{"rating": 4}')), 1.0)])
    found = judged(both, "4", "5")
    assert found == [(pytest.approx(0.7),)] * 2
    assert (found.spent.verifier_prompt_tokens, found.spent.calls) == (160, 4)
