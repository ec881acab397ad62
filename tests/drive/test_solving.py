import asyncio

import pytest

import outlay
from outlay.errors import OutlayError, UserError
from outlay.models.model import Completion
from outlay.strategies import BeamSearch, BestOfN, Greedy, Lookahead, MajorityVote
from outlay.types import Budget, Question
from outlay.verifiers.baselines import RandomScores
from toy import DigitModel, Digits


class Server:
    """A user's own asynchronous model: answers after varying delays, in steps that end with an empty line."""

    name = "my-server"

    def __init__(self, short=0):
        self.calls, self.open, self.most_open, self.short = [], 0, 0, short

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        self.calls.append((prefix, n, stop, temperature))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(seed % 3 / 1000)
        self.open -= 1
        lines = []
        for index in range(n - self.short):
            digit = 0 if temperature == 0 else (seed + index) % 10
            last = not stop or prefix.count("\n\n") >= 2
            text = f" {digit}" if last else f" {digit}\n\n"
            lines.append(Completion(text, "end" if last else "stop", 4, 0, 2))
        return lines


class Judge:
    """A user's own asynchronous verifier."""

    name = "my-judge"

    async def score(self, question, solutions):
        await asyncio.sleep(0)
        return [tuple(int(step.text) / 10 for step in solution.steps) for solution in solutions]


@pytest.mark.parametrize(
    "strategy", [Greedy(), MajorityVote(), BestOfN(), BeamSearch(width=2), Lookahead(width=2)], ids=repr
)
def test_a_users_own_model_and_verifier_serve_every_strategy(strategy):
    trace = outlay.solve(
        "q3", strategy=strategy, model=Server(), verifier=Judge(), budget=Budget(generations=4), task=Digits()
    )
    assert trace.answer is not None
    assert 0 < trace.cost.generations <= 4
    assert (trace.model, trace.verifier) == ("my-server", "my-judge")


def test_beams_are_extended_at_the_same_time():
    server = Server()
    outlay.solve(
        "q", strategy=BeamSearch(width=1), model=server, verifier=Judge(), budget=Budget(generations=4), task=Digits()
    )
    assert server.most_open == 4


def test_a_server_that_ignores_n_is_noticed():
    with pytest.raises(OutlayError, match="asked for 4 completions and gave 3"):
        outlay.solve("q", strategy="majority", model=Server(short=1), budget=Budget(generations=4), task=Digits())


class Endless(Server):
    """Never ends by itself: every step is cut off at the stop string, or at the length it was allowed."""

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        self.calls.append((prefix, n, stop, temperature))
        used = min(5, max_tokens)
        return [Completion(" 1\n\n", "stop" if used == 5 else "length", 40, 30, used) for _ in range(n)]


def test_a_solution_at_its_longest_is_cut_off_and_never_extended():
    model = Endless()
    trace = outlay.solve(
        "q", strategy=BeamSearch(width=2), model=model, verifier=Judge(), budget=Budget(generations=4), task=Digits()
    )
    assert trace.answer is None
    assert all(s.truncated and s.tokens <= Digits.max_solution_tokens for s in trace.solutions)
    assert trace.cost.generated_tokens <= 4 * Digits.max_solution_tokens


def test_prompts_are_entered_as_the_server_counted_them():
    trace = outlay.solve("q", strategy="majority", model=Server(), budget=Budget(generations=3), task=Digits())
    assert (trace.cost.prompt_tokens, trace.cost.cached_tokens) == (3 * 4, 0)


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ([], "asked to score 2 solutions and gave 0"),
        ([(0.5,), (0.5, 0.5, 0.5, 0.5)], "4 step scores for a solution of 1 steps"),
        ([(0.5,), (7.0,)], "outside"),
    ],
)
def test_a_verifier_that_loses_count_or_scale_is_not_believed(scores, says):
    class Wrong(Judge):
        async def score(self, question, solutions):
            return scores

    with pytest.raises(OutlayError, match=says):
        outlay.solve(
            "q", strategy="best_of_n", model=Server(), verifier=Wrong(), budget=Budget(generations=2), task=Digits()
        )


def test_a_rating_that_cannot_be_read_is_missing():
    class Mute(Judge):
        async def score(self, question, solutions):
            return [() if solution.sample else (0.01,) for solution in solutions]

    trace = outlay.solve(
        "q", strategy="best_of_n", model=Server(), verifier=Mute(), budget=Budget(generations=3), task=Digits()
    )
    assert trace.chosen == 0


def test_solve_works_inside_a_running_loop():
    async def notebook():
        return outlay.solve("q", strategy="greedy", model=Server(), task=Digits())

    assert asyncio.run(notebook()).answer is not None


def test_prices_reach_the_ledger():
    from outlay.cost import Prices

    trace = outlay.solve(
        "q", strategy="greedy", model=Server(), task=Digits(), prices=Prices(parameters=10, usd_generated=1e6)
    )
    assert trace.cost.usd == trace.cost.generated_tokens
    assert trace.cost.flops == 2 * 10 * (trace.cost.generated_tokens + trace.cost.prompt_tokens)


def test_a_question_of_no_task_answers_with_its_last_line():
    trace = outlay.solve("q", strategy="greedy", model=Server())
    assert (trace.answer, trace.correct) == ("0", None)
    graded = outlay.solve(Question("q", "q", reference="0"), strategy="greedy", model=Server())
    assert graded.correct


def test_an_in_process_model_is_solved_by_the_batching_driver():
    trace = outlay.solve(
        "q",
        strategy="best_of_n",
        model=DigitModel(),
        verifier=RandomScores(),
        budget=Budget(generations=5),
        task=Digits(),
    )
    assert trace.cost.generations == 5


def test_the_shipped_model_answers_a_question_of_its_family():
    trace = outlay.solve("2 3 4 > 24 |", strategy="greedy", model="embedded:countdown-small")
    assert trace.question.text == "2 3 4 > 24 |"
    assert trace.cost.generated_tokens == sum(s.tokens for s in trace.solutions) > 0


@pytest.mark.parametrize(("model", "verifier"), [(object(), None), (Server(), object()), (DigitModel(), Judge())])
def test_what_is_no_model_or_verifier_is_refused(model, verifier):
    with pytest.raises(UserError):
        outlay.solve("q", strategy="greedy", model=model, verifier=verifier, task=Digits())


def test_a_word_that_the_shipped_model_does_not_know_is_named():
    with pytest.raises(UserError, match="hello"):
        outlay.solve("hello there", strategy="greedy", model="embedded:countdown-small")
