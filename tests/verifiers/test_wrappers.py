"""Verifiers made of verifiers: what they say, that every driver hears the same, and that each reading is charged."""

import asyncio
import json

import pytest

from outlay import models, tasks, verifiers
from outlay.cost import Scored
from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.errors import OutlayError, UserError
from outlay.strategies import BeamSearch, BestOfN
from outlay.types import Budget, Question, Score, Solution, Step
from outlay.verifiers.immediate import AtOnce
from toy import DigitModel, Digits, solve

PRM = "embedded:countdown-prm"


def texts(*words):
    return [Solution((Step(word, 1),), finished=True) for word in words]


def by(verifier, question, solutions):
    return asyncio.run(verifier.score(question, solutions))


@pytest.fixture(scope="module")
def drawn():
    task = tasks.load("countdown")
    driver = BatchingDriver(task, models.load("embedded:countdown-small"), verifiers.load(PRM))
    units = [Unit(question, BestOfN(), Budget(generations=16)) for question in task.questions("validation", 6)]
    return sorted(driver.solve(units), key=lambda trace: trace.question.id)


def inside(verifier, question, solutions):
    verifier.begin(Score(question, tuple(solutions)), "tag")
    found = []
    while not verifier.idle:
        found += verifier.advance()
    ((_, scores),) = found
    return scores


def bare(trace):
    return [solution.scored((), None) for solution in trace.solutions]


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_noise_flips_that_share_of_the_solutions_whole(drawn, share):
    flips = total = 0
    verifier = verifiers.load(f"noisy:{share}:{PRM}")
    for trace in drawn:
        for solution, scores in zip(trace.solutions, inside(verifier, trace.question, bare(trace)), strict=True):
            flipped = scores == tuple(1.0 - score for score in solution.step_scores)
            assert flipped or scores == solution.step_scores
            flips, total = flips + flipped, total + 1
    assert abs(flips / total - share) < 0.12


def test_a_solution_meets_the_same_fate_every_time_and_another_with_another_seed():
    question, solutions = Question("q", "q"), texts(*map(str, range(200)))
    once = by(verifiers.load("noisy:0.2:constant"), question, solutions)
    assert once == by(verifiers.load("noisy:0.2:constant"), question, solutions[::-1])[::-1]
    assert once != by(verifiers.load("noisy:0.2@7:constant"), question, solutions)
    assert once != by(verifiers.load("noisy:0.2:constant"), Question("other", "q"), solutions)
    assert 20 < sum(scores == (0.0,) for scores in once) < 60


def test_rescaling_is_affine_within_0_and_1_or_along_a_curve(tmp_path):
    question, solutions = Question("q", "q"), texts("a", "b", "c")
    plain = [score for (score,) in by(verifiers.load("random:1"), question, solutions)]
    lines = by(verifiers.load("rescaled:0.1,0.5:random:1"), question, solutions)
    assert [score for (score,) in lines] == pytest.approx([0.1 + 0.5 * score for score in plain])
    assert by(verifiers.load("rescaled:-2,1:random:1"), question, solutions) == [(0.0,)] * 3
    (tmp_path / "map.json").write_text(json.dumps({"points": [[0.0, 0.0], [1.0, 0.5]]}))
    curve = by(verifiers.load(f"rescaled:{tmp_path}/map.json:random:1"), question, solutions)
    assert [score for (score,) in curve] == pytest.approx([score / 2 for score in plain])


def test_an_ensemble_is_the_mean_of_those_who_have_a_score():
    question, solutions = Question("q", "q"), texts("a", "b")
    found = by(verifiers.load("ensemble:constant:0.5+constant"), question, solutions)
    assert found == [(0.75,)] * 2
    silent = AtOnce("silent", lambda request: [() for _ in request.solutions])
    from outlay.verifiers.ensembled import ensembled

    assert by(ensembled([silent, verifiers.load("constant:0.5")]), question, solutions) == [(0.5,)] * 2
    assert by(ensembled([silent, silent]), question, solutions) == [()] * 2


def test_a_score_for_the_whole_is_an_opinion_of_every_step(drawn):
    trace = drawn[0]
    mixed = inside(verifiers.load(f"ensemble:{PRM}+agreement"), trace.question, bare(trace))
    counts = [sum(s.answer == other.answer for s in trace.solutions) / 16 for other in trace.solutions]
    for solution, scores, share in zip(trace.solutions, mixed, counts, strict=True):
        own = solution.step_scores
        assert scores == (own if solution.answer is None else pytest.approx([(p + share) / 2 for p in own]))


def strategies_by(address, strategy):
    task = tasks.load("countdown")
    driver = BatchingDriver(task, models.load("embedded:countdown-small"), verifiers.load(address))
    units = [Unit(question, strategy, Budget(generations=8)) for question in task.questions("validation", 4)]
    return sorted(driver.solve(units), key=lambda trace: trace.question.id)


@pytest.mark.parametrize("strategy", [BestOfN(), BeamSearch(width=2)])
def test_a_wrapper_that_changes_nothing_changes_nothing(strategy):
    plain = strategies_by(PRM, strategy)
    for address in (f"rescaled:0,1:{PRM}", f"noisy:0:{PRM}", f"cached:{PRM}"):
        same = strategies_by(address, strategy)
        assert [(t.answer, t.solutions) for t in same] == [(t.answer, t.solutions) for t in plain]
        assert [t.cost.verifier_prompt_tokens for t in same] == [t.cost.verifier_prompt_tokens for t in plain]
        assert [t.cost.flops for t in same] == [t.cost.flops for t in plain]


def test_a_search_is_given_back_what_the_wrapped_verifier_said_not_the_wrapper():
    """Halved scores order beams as before: the same search, whose scores are halved once, however often it comes back."""
    for plain, halved in zip(
        strategies_by(PRM, BeamSearch(width=2)),
        strategies_by(f"rescaled:0,0.5:{PRM}", BeamSearch(width=2)),
        strict=True,
    ):
        assert [s.text for s in halved.solutions] == [s.text for s in plain.solutions]
        assert [s.step_scores for s in halved.solutions] == [
            tuple(score / 2 for score in s.step_scores) for s in plain.solutions
        ]
        assert halved.cost.verifier_prompt_tokens == plain.cost.verifier_prompt_tokens


def test_an_ensemble_is_charged_for_every_reading():
    for strategy in (BestOfN(), BeamSearch(width=2)):
        one, two = (strategies_by(address, strategy)[0] for address in (PRM, f"ensemble:{PRM}+{PRM}"))
        assert two.solutions == one.solutions
        assert two.cost.verifier_prompt_tokens == 2 * one.cost.verifier_prompt_tokens
        assert two.cost.flops - one.cost.flops == pytest.approx(
            2.0 * verifiers.load(PRM).parameters * one.cost.verifier_prompt_tokens
        )
    free = strategies_by(f"ensemble:{PRM}+logprob", BestOfN())[0]
    assert free.cost.verifier_prompt_tokens == strategies_by(PRM, BestOfN())[0].cost.verifier_prompt_tokens


class Counting(AtOnce):
    """Notes every text that it is asked to score."""

    def __init__(self, **options):
        from outlay.cost import Reads

        self.asked = []
        super().__init__("counting", self._count, **options)
        self.reads, self.parameters = Reads(), 50

    def _count(self, request):
        self.asked += [(request.question.id, solution.text) for solution in request.solutions]
        return [(0.5,) * len(solution.steps) for solution in request.solutions]


def test_a_cache_never_has_a_text_scored_twice_and_the_ledger_says_so():
    from outlay.verifiers.cached import cached

    counting = Counting()
    driver = BatchingDriver(Digits(), DigitModel(), cached(counting))
    (question,) = Digits().questions("test", 1)
    unit = Unit(question, BestOfN(), Budget(generations=8))
    first, second = (next(iter(driver.solve([unit]))) for _ in range(2))
    assert len(counting.asked) == len(set(counting.asked)) > 1
    assert first.solutions == second.solutions
    assert first.cost.verifier_cached_tokens == 0 < second.cost.verifier_cached_tokens
    assert second.cost.verifier_cached_tokens == second.cost.verifier_prompt_tokens == first.cost.verifier_prompt_tokens
    judged = 2.0 * 50 * first.cost.verifier_prompt_tokens
    assert first.cost.flops - second.cost.flops == pytest.approx(judged)


@pytest.mark.parametrize("share", [0, 3, 7])
def test_together_runs_pay_for_what_was_really_read(share):
    """Whichever run comes first: charged less cached is what the wrapped verifier read, at a question and its new steps."""
    from outlay.cost import Ledger, Prices, Reads

    ledger = Ledger(Budget(), Prices(), question_tokens=10, max_tokens=9, reads=Reads())
    shared, own = Step(" s", 4), [Step(f" {i}", 2) for i in range(8)]
    request = Score(Question("q", "q"), tuple(Solution((shared, step)) for step in own))
    ledger.scored(request)
    ledger.judged(request, Scored([(0.5, 0.5)] * 8, known=dict.fromkeys(range(share), 1)))
    assert ledger.spent.verifier_prompt_tokens - ledger.spent.verifier_cached_tokens == 10 + 4 + 2 * (8 - share)


def test_what_an_engine_is_at_work_on_is_not_asked_again():
    from outlay.verifiers.cached import cached

    counting = Counting()
    verifier = cached(counting)
    question = Question("q", "q")
    for tag, words in enumerate((("a", "b"), ("b", "c"), ("a",))):
        verifier.begin(Score(question, tuple(texts(*words))), tag)
    found = dict(verifier.advance())
    assert counting.asked == [("q", "a"), ("q", "b"), ("q", "c")]
    assert {tag: len(scores) for tag, scores in found.items()} == {0: 2, 1: 2, 2: 1}
    assert [found[tag].known for tag in range(3)] == [{}, {0: 1}, {0: 1}]
    assert verifier.idle


def test_what_is_awaited_at_once_is_asked_once():
    from outlay.verifiers.cached import cached

    class Slow:
        name, asked = "slow", 0

        async def score(self, question, solutions):
            self.asked += len(solutions)
            await asyncio.sleep(0)
            return [(0.5,)] * len(solutions)

    async def both(verifier):
        return await asyncio.gather(*(verifier.score(Question("q", "q"), texts("a", "b")) for _ in range(3)))

    slow = Slow()
    assert asyncio.run(both(cached(slow))) == [[(0.5,), (0.5,)]] * 3
    assert slow.asked == 2


def test_a_failure_is_not_remembered():
    from outlay.verifiers.cached import cached

    class Failing:
        name, fails = "failing", True

        async def score(self, question, solutions):
            if self.fails:
                raise OutlayError("the server is gone")
            return [(0.5,)] * len(solutions)

    failing = Failing()
    verifier = cached(failing)
    with pytest.raises(OutlayError, match="gone"):
        by(verifier, Question("q", "q"), texts("a"))
    failing.fails = False
    assert by(verifier, Question("q", "q"), texts("a")) == [(0.5,)]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("noisy:2:logprob", "from 0 to 1"),
        ("noisy:x:logprob", "where a number belongs"),
        ("noisy:0.2", "wraps no verifier"),
        ("noisy:0.2@x:logprob", "with a whole number for SEED"),
        ("noisy:0.2:nothing", 'no verifier named "nothing"'),
        ("rescaled:1:logprob", "rescaled:A,B:ADDRESS"),
        ("rescaled:1,x:logprob", "where a number belongs"),
        ("rescaled:none.json:logprob", "There is no file none.json"),
        ("ensemble:logprob", "at least two members"),
        ("ensemble:logprob+", "a member without an address"),
        ("ensemble:(logprob+constant", "brackets that do not close"),
        ("ensemble:logprob)+(constant", "brackets that do not close"),
        ("cached:", "wraps no verifier"),
        ("cached:agreement", "depends on the solutions that are scored with it"),
        ("cached:noisy:0.2:agreement", "depends on the solutions that are scored with it"),
        ("agreement:x", "agreement takes nothing"),
        ("ensemble:embedded:halving-orm+embedded:halving-orm-history", "earlier attempts"),
    ],
)
def test_a_bad_address_is_refused_in_one_sentence(address, says):
    with pytest.raises(UserError, match=says) as refused:
        verifiers.load(address)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "noisy:0.2:embedded:countdown-prm",
        "noisy:0.2@3:random:1",
        "rescaled:0,0.5:noisy:0.1:logprob",
        "ensemble:logprob+agreement+(ensemble:random:1+random:2)",
        "cached:ensemble:random:1+noisy:0.5:constant:0.5",
    ],
)
def test_the_name_of_a_wrapper_is_its_address(address):
    assert verifiers.load(address).name == address
    assert verifiers.load(verifiers.load(address).name).name == address


@pytest.mark.parametrize("content", ["[]", "{}", "nonsense", "[[0.5, 0.1], [0.1, 0.9]]", "[[0, 2]]", '[["a", 1]]'])
def test_a_bad_curve_is_refused(tmp_path, content):
    (tmp_path / "map.json").write_text(content)
    with pytest.raises(UserError, match=r"map\.json"):
        verifiers.load(f"rescaled:{tmp_path}/map.json:logprob")


def test_scores_that_are_none_are_refused_by_the_engine_driver():
    for bad in (float("nan"), 1.5, -0.1):
        verifier = AtOnce("bad", lambda request, bad=bad: [(bad,) for _ in request.solutions])
        with pytest.raises(OutlayError, match="outside"):
            solve(BestOfN(), n=3, verifier=verifier)


@pytest.mark.parametrize("address", ["agreement", "constant:0.5", "noisy:0.3:agreement", "ensemble:agreement+random:2"])
def test_the_awaited_driver_hears_the_same(address):
    from outlay.drive.solving import solve as ask
    from outlay.models.model import Completion

    class Says:
        name = "says"

        async def sample(self, prompt, *, n, **options):
            return [Completion(f"{i % 3}", "end", 5, 0, 3) for i in range(n)]

    trace = ask("How many?", strategy="best_of_n", model=Says(), verifier=address, budget=Budget(generations=7))
    request = Score(trace.question, tuple(s.scored((), None) for s in trace.solutions))
    verifier = verifiers.load(address)
    verifier.begin(request, "tag")
    ((_, scores),) = verifier.advance()
    assert [s.step_scores for s in trace.solutions] == scores
    assert trace.verifier == address
