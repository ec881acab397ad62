import asyncio

import pytest

from outlay.drive.asynchronous import solve_over_protocols
from outlay.drive.awaiting import Awaited
from outlay.drive.concurrently import IN_A_ROW, ConcurrentDriver
from outlay.drive.serving import Unit
from outlay.errors import OutlayError, Unsupported, UserError
from outlay.models.model import Completion
from outlay.strategies import BeamSearch, BestOfN, MajorityVote
from outlay.study.remembering import RememberingServer
from outlay.types import Budget, Question, Solution, Step
from outlay.verifiers.baselines import Immediate, RandomScores
from toy import Digits


class Server:
    """Digits that follow from prompt and seed, after delays that do not; `fails` says what is raised for a prompt."""

    name = "server"
    parameters = 10

    def __init__(self, delays=(0,), fails=None, room=None):
        self.delays, self.fails = delays, fails or {}
        self.asked, self.open, self.most_open, self.closed = [], 0, 0, 0
        if room is not None:
            self.room = room

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        self.asked.append((prompt, n, seed, prefix))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        for _ in range(self.delays[len(self.asked) % len(self.delays)]):
            await asyncio.sleep(0)
        self.open -= 1
        if prompt in self.fails:
            raise self.fails[prompt]
        last = not stop or prefix.count("\n\n") >= 2
        text = "" if last else "\n\n"
        return [Completion(f" {(seed + i) % 10}{text}", "end" if last else "stop", 4, 0, 2) for i in range(n)]

    async def close(self):
        self.closed += 1


def units(count=12, strategy=None):
    strategy = strategy or BestOfN()
    return [Unit(Question(f"q{i}", f"q{i}", reference="3"), strategy, Budget(generations=4)) for i in range(count)]


def outcome(trace):
    return trace.question.id, trace.answer, trace.solutions, trace.cost.generated_tokens, trace.cost.calls


@pytest.mark.parametrize("strategy", [BestOfN(), BeamSearch(width=2)], ids=repr)
def test_each_unit_ends_as_it_would_alone_whatever_runs_beside_it(strategy):
    alone = [
        outcome(asyncio.run(solve_over_protocols(unit, Digits(), Server(), Awaited(RandomScores(1)))))
        for unit in units(strategy=strategy)
    ]
    for delays, room in (((0,), 1), ((5, 0, 2), 4), ((0, 9), 64)):
        driver = ConcurrentDriver(Digits(), Server(delays, room=room), RandomScores(1))
        found = sorted((outcome(trace) for trace in driver.solve(units(strategy=strategy))), key=lambda one: one[0])
        assert found == sorted(alone, key=lambda one: one[0])
        assert driver.tokens_generated == sum(one[3] for one in alone)


def test_units_are_begun_while_there_is_room_and_no_further():
    server = Server(delays=(3,), room=5)
    assert len(list(ConcurrentDriver(Digits(), server).solve(units(40, MajorityVote())))) == 40
    assert server.most_open == 5


def test_one_unit_that_fails_does_not_end_the_others_and_is_told_of_in_the_end():
    server = Server(fails={"q3": OutlayError("the server broke off")})
    found = []
    with pytest.raises(
        OutlayError, match="1 of 12 runs failed, the first of them because the server broke off"
    ) as error:
        found.extend(ConcurrentDriver(Digits(), server).solve(units(strategy=MajorityVote())))
    assert not isinstance(error.value, UserError)
    assert len(found) == 11
    assert server.closed == 1


@pytest.mark.parametrize("error", [UserError("mend it"), Unsupported("cannot")])
def test_what_the_user_can_mend_ends_the_whole_at_once(error):
    server = Server(fails={"q0": error}, room=2)
    with pytest.raises(type(error)):
        list(ConcurrentDriver(Digits(), server).solve(units(40, MajorityVote())))
    assert len(server.asked) < 10
    assert server.closed == 1


def test_where_everything_fails_not_everything_is_tried():
    server = Server(fails={f"q{i}": OutlayError("down") for i in range(1000)}, room=4)
    with pytest.raises(OutlayError, match="runs failed"):
        list(ConcurrentDriver(Digits(), server).solve(units(1000, MajorityVote())))
    assert IN_A_ROW <= len(server.asked) <= IN_A_ROW + 4


def test_a_reader_that_stops_early_leaves_nothing_running():
    server = Server(delays=(50,), room=8)
    traces = ConcurrentDriver(Digits(), server).solve(units(40, MajorityVote()))
    next(traces)
    traces.close()
    assert server.closed == 1


def test_an_engine_scores_for_those_who_await_it_and_its_errors_are_theirs():
    solutions = [Solution((Step(" 1", 1), Step(" 2", 1))), Solution((Step(" 3", 1),))]
    question = Question("q", "q")
    engine, direct = Awaited(RandomScores(4)), RandomScores(4)

    async def work():
        return await asyncio.gather(*(engine.score(question, [one]) for one in solutions))

    expected = [asyncio.run(direct.score(question, [one])) for one in solutions]
    assert asyncio.run(work()) == expected

    def broken(question, solution):
        raise OutlayError("no score")

    with pytest.raises(OutlayError, match="no score"):
        asyncio.run(Awaited(Immediate("broken", broken)).score(question, solutions))


def test_samples_that_a_server_gave_are_not_asked_for_again():
    server, known = Server(), {}
    first = list(ConcurrentDriver(Digits(), RememberingServer(server, known), RandomScores(1)).solve(units()))
    asked = len(server.asked)
    again = list(ConcurrentDriver(Digits(), RememberingServer(server, known), RandomScores(2)).solve(units()))
    assert len(server.asked) == asked == 12
    by_question = {trace.question.id: trace for trace in again}
    for trace in first:
        other = by_question[trace.question.id]
        assert [one.text for one in trace.solutions] == [one.text for one in other.solutions]
        assert (trace.cost.prompt_tokens, trace.cost.generated_tokens) == (
            other.cost.prompt_tokens,
            other.cost.generated_tokens,
        )


def test_steps_of_a_search_are_always_asked_for():
    server, known = Server(), {}
    for _ in range(2):
        model = RememberingServer(server, known)
        list(ConcurrentDriver(Digits(), model, RandomScores(1)).solve(units(2, BeamSearch(width=2))))
    half = len(server.asked) // 2
    assert half
    assert sorted(server.asked[:half]) == sorted(server.asked[half:])
    assert not known
